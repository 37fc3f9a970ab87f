// SPDX-License-Identifier: Apache-2.0
// The sample family on a device (families/sample.h): one record for all of its calls. Internal to the engine and cuda/.
#pragma once
#include <lumigrad/engine/device/array.h>
#include <lumigrad/engine/families/interpolation.h>

namespace lumigrad::device {

/// A warp of a batch. f64 where `out` is, else f32; axes of arrays as in Tensor, derivatives x first.
struct WarpCall {
  std::int32_t axes = 2;  ///< of an image; 3: of a volume
  MapKind kind = MapKind::affine;
  Interpolation mode = Interpolation::bilinear;
  Border border = Border::zeros;
  std::int32_t order[3] = {};
  double cubic = -0.75;
  bool any_order = false;  ///< splat: sums may be taken in any order, which is faster
  Array image;             ///< [N, C, (D,) H, W]. Read: also u8 and u16; f32 and f64 with the pixels of a row adjacent
  Array map;   ///< a grid [N, (d,) h, w, axes] of the call's dtype, or matrices [N, axes (+ 1), axes + 1] of f32 or f64
  Array fill;  ///< [1] or [C] of the call's dtype; not given: zero
  Array out;   ///< [N, C, (d,) h, w]
  Array gradient;  ///< map_adjoint: shaped as map; matrices of f32 or f64, grids of the call's dtype
};

struct SampleTable {
  Status (*forward)(Place place, const WarpCall* call);      ///< image, map, fill -> out
  Status (*splat)(Place place, const WarpCall* call);        ///< out, map -> image, all of it
  Status (*map_adjoint)(Place place, const WarpCall* call);  ///< out, map, image, fill -> gradient
};

}  // namespace lumigrad::device
