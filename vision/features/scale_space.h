// SPDX-License-Identifier: Apache-2.0
// An image under Gaussians of growing width.
//
// One octave holds six Gaussians, each 2^(1/3) wider than the last, and their five differences: a difference of
// Gaussians is a band of sizes, and a blob is an extremum in place and size. The next octave begins from the Gaussian
// of twice the first width at half the size.
#pragma once
#include <lumigrad/vision/features/features.h>
#include <lumigrad/vision/plane.h>

namespace lumigrad::features {

inline constexpr int steps = 3;             ///< sizes per octave
inline constexpr double first_width = 1.6;  ///< of the first Gaussian of an octave, in its pixels

struct Octave {
  std::array<Plane, steps + 3> gaussian;
  std::array<Plane, steps + 2> difference;
  double unit = 1, offset = 0;  ///< image pixels = unit * octave pixels + offset
};

/// Gaussians of an image without NaN, fine to coarse.
std::vector<Octave> scale_space(Plane image, bool doubled);

/// The image with pixels that do not count replaced by a mean of those around that do.
Plane filled(const PlaneView& image);

/// sift() of a plane; NaN pixels do not count.
Features sift(const PlaneView& image, const SiftOptions& options);

}  // namespace lumigrad::features
