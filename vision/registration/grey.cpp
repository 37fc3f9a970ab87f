// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/grey.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace lumigrad::registration {
namespace {

/// The pixels without their signs, as integers: in the order of their sizes, infinity and then NaN last.
constexpr std::uint32_t infinite_size = 0x7F800000u;
std::uint32_t size_bits(float v) { return std::bit_cast<std::uint32_t>(v) & 0x7FFFFFFFu; }

/// Infinite and NaN pixels become NaN.
void mask_what_is_not_finite(Plane& plane) {
  bool all_finite = true;
  for (int y = 0; y < plane.height(); ++y) {
    const float* row = plane.row(y);
    std::uint32_t odd = 0;
    for (int x = 0; x < plane.width(); ++x) odd |= size_bits(row[x]) >= infinite_size;
    all_finite = all_finite && !odd;
  }
  if (all_finite) return;
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x)
      if (float& v = plane.row(y)[x]; !std::isfinite(v))
        v = std::numeric_limits<float>::quiet_NaN(), plane.masked = true;
}

float largest_grey(const Plane& plane) {
  std::uint32_t largest = 0;
  for (int y = 0; y < plane.height(); ++y) {
    const float* row = plane.row(y);
    for (int x = 0; x < plane.width(); ++x) {
      const std::uint32_t size = size_bits(row[x]);
      largest = std::max(largest, size > infinite_size ? 0 : size);  // passes over NaN
    }
  }
  return std::bit_cast<float>(largest);
}

int settling_power(float largest) {
  return largest > 4.0f || (largest > 0 && largest < 0.0625f) ? -std::ilogb(largest) : 0;
}

}  // namespace

void require_picture(const Tensor& image, const char* what) {
  require<ShapeError>(image.defined(), "register_images: expected an image, ", what, " is undefined");
  const int rank = image.rank();
  const bool planar = rank == 3 && (image.size(0) == 1 || image.size(0) == 3);
  require<ShapeError>(rank == 2 || planar, "register_images: expected ", what, " [H, W], [1, H, W] or [3, H, W], got ",
                      image.shape());
  require<ShapeError>(image.size(-2) <= 65535 && image.size(-1) <= 65535,
                      "register_images: expected at most 65535 pixels a side, got ", image.shape());
}

StoredPicture picture_to_register(const Tensor& image, const char* what) {
  require_picture(image, what);
  return stored_picture(image, 0);
}

Plane grey_plane(const Tensor& image, const char* what) {
  const StoredPicture p = picture_to_register(image, what);
  require<DTypeError>(holds_shares(p.dtype) || is_differentiable(p.dtype), "register_images: expected ", what,
                      " as u8, u16, f32 or f64, got ", p.dtype);
  if (p.height == 0 || p.width == 0) return Plane(1, 1);
  Plane plane(static_cast<int>(p.height), static_cast<int>(p.width));
  const auto n = static_cast<std::size_t>(p.width);
  std::vector<float> colours(p.channels == 3 ? 3 * n : 0);
  for (int y = 0; y < plane.height(); ++y) {
    float* to = plane.row(y);
    load_row(p, y, 0, p.width,
             [&](std::int64_t c) { return p.channels == 3 ? &colours[static_cast<std::size_t>(c) * n] : to; });
    if (p.channels == 3) plane_kernels(simd_level()).grey(&colours[0], &colours[n], &colours[2 * n], to, n);
  }
  if (!holds_shares(p.dtype)) mask_what_is_not_finite(plane);
  return plane;
}

void apply_mask(Plane& plane, const Tensor& mask) {
  if (!mask.defined()) return;
  const std::vector<double> values = mask.values();
  std::size_t i = 0;
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x)
      if (const double v = values[i++]; v == 0 || std::isnan(v))
        plane.row(y)[x] = std::numeric_limits<float>::quiet_NaN(), plane.masked = true;
}

void scale_by_power(Plane& plane, int power) {
  if (power == 0) return;
  for (std::size_t i = 0; i < plane.floats(); ++i) plane.row(0)[i] = std::ldexp(plane.row(0)[i], power);
}

Powers settling_powers(float fixed, DType of_fixed, float moving, DType of_moving, bool gain_bias) {
  const bool keep_fixed = holds_shares(of_fixed), keep_moving = holds_shares(of_moving);
  if (keep_fixed && keep_moving) return {};
  if (gain_bias) return {keep_fixed ? 0 : settling_power(fixed), keep_moving ? 0 : settling_power(moving)};
  const int both = settling_power(std::max(fixed, moving));
  return {both, both};
}

Powers settle(Plane& fixed, DType of_fixed, Plane& moving, DType of_moving, bool gain_bias) {
  if (holds_shares(of_fixed) && holds_shares(of_moving)) return {};
  const Powers powers = settling_powers(largest_grey(fixed), of_fixed, largest_grey(moving), of_moving, gain_bias);
  scale_by_power(fixed, powers.fixed);
  scale_by_power(moving, powers.moving);
  return powers;
}

}  // namespace lumigrad::registration
