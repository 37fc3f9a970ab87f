// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/filters/motion.h>

#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/filter.h>
#include <lumigrad/engine/families/sample_volume.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/axis_angle.h>
#include <lumigrad/vision/filters/kernel_pairs.h>

namespace lumigrad::filters {
namespace {

void require_motion(const char* name, std::int64_t taps, Interpolation mode) {
  require<ShapeError>(taps >= 3 && taps % 2 == 1, name, ": expected an odd number of taps from 3 on, got ", taps);
  require<ShapeError>(mode != Interpolation::bicubic, name, ": expected nearest or bilinear, got bicubic");
}

// Of angles and directions, both given for one kernel or for each.
std::int64_t kernels_of(const char* name, std::int64_t angles, std::int64_t directions) {
  const std::int64_t n = angles == 1 ? directions : angles;
  require<ShapeError>(directions == 1 || directions == n, name,
                      ": expected one angle and direction, or one a kernel, got ", angles, " and ", directions);
  return n;
}

// Rows of weights [n, taps], from (1 + d) / 2 at one end to (1 - d) / 2 at the other.
Tensor tilted_rows(const char* name, std::int64_t n, std::int64_t taps, const Tensor& direction, DType dtype,
                   Here here) {
  require<ShapeError>(direction.rank() <= 1, name, ": expected directions of one number, or one a kernel, got shape ",
                      direction.shape());
  std::vector<double> tilt;
  for (std::int64_t i = 0; i < taps; ++i) tilt.push_back(0.5 - static_cast<double>(i) / static_cast<double>(taps - 1));
  const Tensor d = clamp(reshape(direction.to(dtype, here), {direction.numel(), 1}, here), -1.0, 1.0, here);
  const Tensor rows = add(0.5, mul(d, Tensor::from(tilt, {1, taps}).to(dtype).to(d.device()), here), here);
  return expand(rows, Shape{n, taps}, here);
}

Tensor motion_kernel(const char* name, std::int64_t taps, const Tensor& given_angle, const Tensor& given_direction,
                     Interpolation mode, DType dtype, Here here) {
  require_motion(name, taps, mode);
  const Device device = device::device_of({&given_angle, &given_direction});
  const Tensor angle = device::on_device(name, given_angle, device, here);
  const Tensor direction = device::on_device(name, given_direction, device, here);
  require<ShapeError>(angle.rank() <= 1, name, ": expected angles of one number, or one a kernel, got shape ",
                      angle.shape());
  const std::int64_t n = kernels_of(name, angle.numel(), direction.numel());
  const Tensor row = tilted_rows(name, n, taps, direction, dtype, here);
  const auto column = [&](const Tensor& x) { return reshape(x.to(dtype, here), {x.numel(), 1}, here); };
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

Tensor motion_kernel3d(const char* name, std::int64_t taps, const Tensor& given_angle, const Tensor& given_direction,
                       Interpolation mode, double axis_epsilon, DType dtype, Here here) {
  require_motion(name, taps, mode);
  const Device device = device::device_of({&given_angle, &given_direction});
  const Tensor axis_angle = device::on_device(name, given_angle, device, here);
  const Tensor direction = device::on_device(name, given_direction, device, here);
  require<ShapeError>((axis_angle.rank() == 1 || axis_angle.rank() == 2) && axis_angle.size(-1) == 3, name,
                      ": expected axis angles [3] or [N, 3], got shape ", axis_angle.shape());
  const Tensor turn = reshape(axis_angle.to(dtype, here), {-1, 3}, here);
  const std::int64_t n = kernels_of(name, turn.size(0), direction.numel());
  const Tensor row = tilted_rows(name, n, taps, direction, dtype, here);
  const Tensor plane = embed(reshape(row, {n, 1, 1, 1, taps}, here), 3, taps / 2, 1, taps, here);
  const Tensor line = embed(plane, 2, taps / 2, 1, taps, here);
  // Positions in the unturned kernel: the output's, turned back about the middle.
  const Tensor back = inverse(axis_angle_turn(turn.to(DType::f64, here), axis_epsilon, here), here);
  const double middle = static_cast<double>(taps - 1) / 2;
  const Tensor offset = mul(middle, sub(1.0, sum(back, {2}, true, here), here), here);
  const Tensor turned = squeeze(
      sample_volume_affine(line, concat({back, offset}, 2, here), {taps, taps, taps}, {.mode = mode}, here), 1, here);
  return div(turned, sum(turned, {1, 2, 3}, true, here), here);
}

}  // namespace

Tensor get_motion_kernel3d(std::int64_t taps, const Tensor& axis_angle, const Tensor& direction, Interpolation mode,
                           double axis_epsilon, Here here) {
  const DType dtype = axis_angle.is_weak() ? direction.dtype() : axis_angle.dtype();
  return motion_kernel3d("filters.get_motion_kernel3d", taps, axis_angle, direction, mode, axis_epsilon, dtype, here);
}

Tensor motion_blur3d(const Tensor& volume, const MotionBlur3d& o, Here here) {
  const char* name = "filters.motion_blur3d";
  require_filterable(name, volume, 3);
  const Tensor kernel =
      motion_kernel3d(name, o.kernel, beside(name, o.axis_angle, volume, here), beside(name, o.direction, volume, here),
                      o.mode, o.axis_epsilon, volume.dtype(), here);
  return filter(volume, kernel.to(volume.device(), here), 3, {o.border}, here);
}

Tensor get_motion_kernel2d(std::int64_t taps, const Tensor& angle, const Tensor& direction, Interpolation mode,
                           Here here) {
  const DType dtype = angle.is_weak() ? direction.dtype() : angle.dtype();
  return motion_kernel("filters.get_motion_kernel2d", taps, angle, direction, mode, dtype, here);
}

Tensor motion_blur(const Tensor& image, const MotionBlur& options, Here here) {
  const char* name = "filters.motion_blur";
  require_filterable(name, image);
  const Tensor kernel = motion_kernel(name, options.kernel, beside(name, options.angle, image, here),
                                      beside(name, options.direction, image, here), options.mode, image.dtype(), here);
  return filter(image, kernel.to(image.device(), here), 2, {options.border}, here);
}

}  // namespace lumigrad::filters
