// SPDX-License-Identifier: Apache-2.0
// One warp outside the graph: from tensors to kernels and back. sample.cpp puts it on the tape.
#pragma once
#include <lumigrad/engine/cpu/sample_kernels.h>
#include <lumigrad/engine/families/sample.h>
#include <array>

namespace lumigrad {

/// What a warp is, apart from its tensors. Positions are (x, y), or (x, y, z) in volumes: the innermost axis first.
struct Warp {
  const char* name = "sample";
  MapKind kind = MapKind::grid;
  int axes = 2;  ///< of an image; 3: of a volume
  Shape out;     ///< [h, w] or [d, h, w]
  SampleOptions options;
  std::array<int, 3> order = {};  ///< derivatives along x, y and z

  int orders() const { return order[0] + order[1] + order[2]; }
};

/// image [N, C, H, W] or [N, C, D, H, W], map [N, (d,) h, w, axes] or [N, axes (+ 1), axes + 1] of the same N: [N, C,
/// (d,) h, w].
Tensor warp_forward(const Warp& warp, const Tensor& image, const Tensor& map);
/// The adjoint to an image of `size`, [H, W] or [D, H, W].
Tensor warp_splat(const Warp& warp, const Tensor& cotangent, const Tensor& map, const Shape& size);
/// The adjoint to the map, in its shape and dtype.
Tensor warp_map_adjoint(const Warp& warp, const Tensor& image, const Tensor& map, const Tensor& cotangent);

// The same for volumes, and what both share.
Tensor warp_volume_forward(const Warp& warp, const Tensor& volume, const Tensor& map);
Tensor warp_volume_splat(const Warp& warp, const Tensor& cotangent, const Tensor& map, const Shape& size);
Tensor warp_volume_map_adjoint(const Warp& warp, const Tensor& volume, const Tensor& map, const Tensor& cotangent);

// The same on the device of the tensors, images and volumes.
Tensor warp_forward_on_device(const Warp& warp, const Tensor& image, const Tensor& map);
Tensor warp_splat_on_device(const Warp& warp, const Tensor& cotangent, const Tensor& map, const Shape& size);
Tensor warp_map_adjoint_on_device(const Warp& warp, const Tensor& image, const Tensor& map, const Tensor& cotangent);

/// The image as f32 or f64 with the pixels of a row side by side, as kernels want them; every other stride is free.
/// Bytes and 16-bit numbers become fractions of their largest.
Tensor with_adjacent_pixels(const Tensor& image, DType dtype);
/// [N, C, ...] of an image, with pixels of another size.
Shape shape_of_planes(const Tensor& x, const Shape& size);
/// f64 for f64, f32 for everything else.
DType arithmetic_of(const Tensor& x);
/// Extents that kernels can count.
void require_countable(const Warp& warp, std::int64_t channels, const Shape& size);
/// The fill values of a warp, one a channel; empty: zero.
template <class T>
std::vector<T> fill_of(const Warp& warp, std::int64_t channels) {
  std::vector<T> fill;
  if (!warp.options.fill.defined()) return fill;
  const std::vector<double> given = warp.options.fill.values();
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c)
    fill.push_back(static_cast<T>(given.size() == 1 ? given[0] : given[c]));
  return fill;
}

}  // namespace lumigrad
