// SPDX-License-Identifier: Apache-2.0
// Blur by motion along a line: a row of weights, turned. Angles are radians, counter-clockwise as displayed.
#pragma once
#include <lumigrad/vision/filters/kernels.h>

namespace lumigrad::filters {

/// Weights along the middle row of taps x taps (taps odd, at least 3), turned by `angle`, divided by their sum:
/// [N, taps, taps]. `direction` in [-1, 1] (clamped) tilts them from constant (0) to falling to nothing at one end; it
/// and the angle are one number or one a kernel [N]. With `nearest` the weights jump as the angle moves and have no
/// gradient in it; with `bilinear` they have one to second order.
LUMIGRAD_API Tensor get_motion_kernel2d(std::int64_t taps, const Tensor& angle, const Tensor& direction = 0.0,
                                        Interpolation mode = Interpolation::nearest, Here here = {});

struct MotionBlur {
  std::int64_t kernel = 5;
  Tensor angle = 0.0;      ///< one number or one an image [N]
  Tensor direction = 0.0;  ///< likewise
  Border border = Border::zeros;
  Interpolation mode = Interpolation::nearest;
};
/// Correlation of images [.., C, H, W] with get_motion_kernel2d.
LUMIGRAD_API Tensor motion_blur(const Tensor& image, const MotionBlur& options = {}, Here here = {});

/// The same in a cube of weights [N, taps, taps, taps]: the row in the middle, along x, turned by axis_angle, [3] or
/// [N, 3] (geometry/transform3d.h, also for axis_epsilon).
LUMIGRAD_API Tensor get_motion_kernel3d(std::int64_t taps, const Tensor& axis_angle, const Tensor& direction = 0.0,
                                        Interpolation mode = Interpolation::nearest, double axis_epsilon = 0,
                                        Here here = {});

struct MotionBlur3d {
  std::int64_t kernel = 3;
  Tensor axis_angle = {0.0, 0.0, 0.0};  ///< [3] or one a volume [N, 3], radians
  Tensor direction = 0.0;
  Border border = Border::zeros;
  Interpolation mode = Interpolation::nearest;
  double axis_epsilon = 0;
};
/// Correlation of volumes [.., C, D, H, W] with get_motion_kernel3d.
LUMIGRAD_API Tensor motion_blur3d(const Tensor& volume, const MotionBlur3d& options = {}, Here here = {});

}  // namespace lumigrad::filters
