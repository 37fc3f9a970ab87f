// SPDX-License-Identifier: Apache-2.0
// Convolutions, pooling and margins on a device. Internal to the engine and cuda/.
#pragma once
#include <lumigrad/engine/device/array.h>
#include <lumigrad/engine/families/border.h>
#include <lumigrad/engine/families/stencil_extents.h>

namespace lumigrad::device {

/// F(x, w, y) of families/stencil.h with one of the three taken away: the function that is called says which is made.
/// All are dense and of one dtype, with three axes.
struct StencilCall {
  Stencil stencil;
  Array x, w, y;
  Array bias;     ///< [channels of what is made], or without data
  Array columns;  ///< of windows and overlay: [images, in taps, places]
};

/// Windows along one axis of `extent` pixels: result i sees every `dilation`-th pixel of [stride i - before, stride i -
/// before + reach), or, where stride is 0, of [floor(i extent / results), ceil((i + 1) extent / results)).
struct PoolAxis {
  std::int64_t extent = 1, results = 1, stride = 1, before = 0, reach = 1, dilation = 1;
};
/// Where the largest number of each window stands in its plane.
struct PoolCall {
  PoolAxis axis[3];
  std::int64_t planes = 0;
  Array x, index;  ///< [planes, extents], i64 [planes, results]
};
/// The cotangents of the largest, where they came from: image[j] = sum of result[i] over those i whose index[i] is j.
struct UnpoolCall {
  PoolAxis axis[3];
  std::int64_t planes = 0;
  Array result, index, image;
};

/// z[n, i] = x[n, index[n, i]], 0 where the index is `extent`. Dense; nobody asks again whether an index is one.
struct PickCall {
  std::int64_t lines = 0, extent = 0, count = 0;
  Array x, index, z;
};

/// y = x with margins, of elements of any size: y[i] = x[i - before] where the rule of the border finds an element.
struct PadCall {
  Array x, y;
  std::int64_t before[max_axes] = {};
  Border border = Border::zeros;
  Array value;  ///< with Border::zeros: one element of the dtype of x
};

struct StencilTable {
  Status (*forward)(Place place, const StencilCall* call);  ///< y
  Status (*spread)(Place place, const StencilCall* call);   ///< x
  Status (*weights)(Place place, const StencilCall* call);  ///< w
  Status (*windows)(Place place, const StencilCall* call);  ///< columns of x
  Status (*overlay)(Place place, const StencilCall* call);  ///< x of columns
  Status (*largest)(Place place, const PoolCall* call);
  Status (*unpool)(Place place, const UnpoolCall* call);
  Status (*pick)(Place place, const PickCall* call);
  Status (*pad)(Place place, const PadCall* call);
};

}  // namespace lumigrad::device
