// SPDX-License-Identifier: Apache-2.0
// An image under Gaussians of growing width.
//
// One octave holds six Gaussians, each 2^(1/3) wider than the last, and their five differences: a difference of
// Gaussians is a band of sizes, and a blob is an extremum in place and size. The next octave begins from the Gaussian
// of twice the first width at half the size.
#pragma once
#include <lumigrad/engine/cpu/normal_equations.h>
#include <lumigrad/vision/features/features.h>

#include <memory>

namespace lumigrad::features {

/// Rows of floats that the plane kernels may read and write past their ends.
struct Layer {
  Layer() = default;
  Layer(int height, int width);  ///< uninitialised
  int height = 0, width = 0;
  std::ptrdiff_t stride = 0;
  std::unique_ptr<float[]> data;
  float* row(int y) { return data.get() + y * stride; }
  const float* row(int y) const { return data.get() + y * stride; }
  std::size_t floats() const { return static_cast<std::size_t>(stride) * static_cast<std::size_t>(height); }
  PlaneView view() const { return {data.get(), height, width, stride}; }
};

inline constexpr int steps = 3;             ///< sizes per octave
inline constexpr double first_width = 1.6;  ///< of the first Gaussian of an octave, in its pixels

struct Octave {
  std::array<Layer, steps + 3> gaussian;
  std::array<Layer, steps + 2> difference;
  double unit = 1, offset = 0;  ///< image pixels = unit * octave pixels + offset
};

/// Gaussians of an image without NaN, fine to coarse.
std::vector<Octave> scale_space(Layer image, bool doubled);

/// The image with pixels that do not count replaced by a mean of those around that do.
Layer filled(const PlaneView& image);

/// sift() of a plane; NaN pixels do not count.
Features sift(const PlaneView& image, const SiftOptions& options);

}  // namespace lumigrad::features
