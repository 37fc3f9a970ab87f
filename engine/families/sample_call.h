// SPDX-License-Identifier: Apache-2.0
// One warp outside the graph: from tensors to kernels and back. sample.cpp puts it on the tape.
#pragma once
#include <lumigrad/engine/cpu/sample_kernels.h>
#include <lumigrad/engine/families/sample.h>

namespace lumigrad {

/// What a warp is, apart from its tensors.
struct Warp {
  const char* name = "sample";
  MapKind kind = MapKind::grid;
  Size out;
  SampleOptions options;
  int order_x = 0, order_y = 0;
};

/// image [N, C, H, W], map [N, h, w, 2] or [N, 2, 3] or [N, 3, 3] of the same N: [N, C, h, w].
Tensor warp_forward(const Warp& warp, const Tensor& image, const Tensor& map);
/// The adjoint to an image of `size`.
Tensor warp_splat(const Warp& warp, const Tensor& cotangent, const Tensor& map, Size size);
/// The adjoint to the map, in its shape and dtype.
Tensor warp_map_adjoint(const Warp& warp, const Tensor& image, const Tensor& map, const Tensor& cotangent);

}  // namespace lumigrad
