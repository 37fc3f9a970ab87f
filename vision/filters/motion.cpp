// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/filters/motion.h>

#include <lumigrad/engine/families/filter.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/filters/kernel_pairs.h>
#include <algorithm>

namespace lumigrad::filters {
namespace {

Tensor motion_kernel(const char* name, std::int64_t taps, const Tensor& angle, const Tensor& direction,
                     Interpolation mode, DType dtype, Here here) {
  require<ShapeError>(taps >= 3 && taps % 2 == 1, name, ": expected an odd number of taps from 3 on, got ", taps);
  require<ShapeError>(mode != Interpolation::bicubic, name, ": expected nearest or bilinear, got bicubic");
  const std::int64_t n = std::max(angle.numel(), direction.numel());
  for (const Tensor& x : {angle, direction})
    require<ShapeError>(x.rank() <= 1 && (x.numel() == 1 || x.numel() == n), name,
                        ": expected angle and direction of one number, or one a kernel, got shapes ", angle.shape(),
                        " and ", direction.shape());
  const auto column = [&](const Tensor& x) { return reshape(x.to(dtype, here), {x.numel(), 1}, here); };
  // From (1 + d) / 2 at one end to (1 - d) / 2 at the other.
  std::vector<double> tilt;
  for (std::int64_t i = 0; i < taps; ++i) tilt.push_back(0.5 - static_cast<double>(i) / static_cast<double>(taps - 1));
  const Tensor d = clamp(column(direction), -1.0, 1.0, here);
  Tensor row = add(0.5, mul(d, Tensor::from(tilt, {1, taps}).to(dtype), here), here);
  row = expand(row, Shape{n, taps}, here);
  const Tensor line = embed(reshape(row, {n, 1, 1, taps}, here), 2, taps / 2, 1, taps, here);
  // Positions in the unturned kernel: the output's, turned back about the middle.
  const Tensor a = expand(column(angle), Shape{n, 1}, here), c = cos(a, here), s = sin(a, here);
  const double middle = static_cast<double>(taps - 1) / 2;
  const Tensor x0 = mul(middle, add(sub(1.0, c, here), s, here), here);
  const Tensor y0 = mul(middle, sub(sub(1.0, c, here), s, here), here);
  const Tensor matrix = reshape(concat({c, neg(s, here), x0, s, c, y0}, 1, here), {n, 2, 3}, here);
  const Tensor turned = squeeze(sample_affine(line, matrix, {taps, taps}, {.mode = mode}, here), 1, here);
  return div(turned, sum(turned, {1, 2}, true, here), here);
}

}  // namespace

Tensor get_motion_kernel2d(std::int64_t taps, const Tensor& angle, const Tensor& direction, Interpolation mode,
                           Here here) {
  const DType dtype = angle.is_weak() ? direction.dtype() : angle.dtype();
  return motion_kernel("filters.get_motion_kernel2d", taps, angle, direction, mode, dtype, here);
}

Tensor motion_blur(const Tensor& image, const MotionBlur& options, Here here) {
  const char* name = "filters.motion_blur";
  require_filterable(name, image);
  const Tensor kernel =
      motion_kernel(name, options.kernel, options.angle, options.direction, options.mode, image.dtype(), here);
  return filter(image, kernel, 2, {options.border}, here);
}

}  // namespace lumigrad::filters
