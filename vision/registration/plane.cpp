// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/plane.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace lumigrad::registration {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

const PlaneKernels& kernels() { return plane_kernels(simd_level()); }

/// 1 where a pixel counts, 0 elsewhere, and the image with zeros there.
std::pair<Plane, Plane> split(const Plane& from) {
  Plane weight(from.height(), from.width()), value(from.height(), from.width());
  for (int y = 0; y < from.height(); ++y)
    for (int x = 0; x < from.width(); ++x) {
      float v = from.row(y)[x];
      weight.row(y)[x] = std::isnan(v) ? 0.0f : 1.0f;
      value.row(y)[x] = std::isnan(v) ? 0.0f : v;
    }
  return {std::move(weight), std::move(value)};
}

void divide(Plane& value, const Plane& weight, float least) {
  for (int y = 0; y < value.height(); ++y)
    for (int x = 0; x < value.width(); ++x)
      value.row(y)[x] = weight.row(y)[x] > least ? value.row(y)[x] / weight.row(y)[x] : nan;
}

Plane halved_plain(const PlaneView& from) {
  Plane to(from.height / 2, from.width / 2);
  std::vector<float> row(static_cast<std::size_t>(from.width) + 64);
  kernels().halve(from, to.row(0), to.stride(), row.data());
  return to;
}

/// Mean and deviation under a wide Gaussian are as good from the image at half the size, for an eighth of the work.
Plane coarse_local_contrast(const Plane& from, double sigma, float floor) {
  // Halving smooths by 3/4 px^2 and doubling by as much again.
  const std::vector<float> taps = gaussian_taps((sigma * sigma - 1.5) / 4);
  Plane value(from.height(), from.width());
  for (std::size_t i = 0; i < from.floats(); ++i) value.row(0)[i] = from.row(0)[i] * from.row(0)[i];
  const Plane square = correlated(halved_plain(value), taps, true), mean = correlated(halved_plain(from), taps, true);
  std::memcpy(value.row(0), from.row(0), from.floats() * sizeof(float));
  const auto n = static_cast<std::size_t>(from.width());
  std::vector<float> mean_row(n), square_row(n), scratch(n / 2 + 64);
  for (int y = 0; y < from.height(); ++y) {
    const int near = std::min(y / 2, mean.height() - 1),
              far = std::clamp(y % 2 ? near + 1 : near - 1, 0, mean.height() - 1);
    kernels().doubled_row(mean.row(near), mean.row(far), mean_row.data(), n, scratch.data());
    kernels().doubled_row(square.row(near), square.row(far), square_row.data(), n, scratch.data());
    kernels().local_contrast(value.row(y), mean_row.data(), square_row.data(), floor, n);
  }
  return value;
}

}  // namespace

Plane smoothed_for_reading(const PlaneView& from, double variance) {
  return correlated(from, gaussian_taps(variance - 1.0 / 3), false);
}

Plane smoothed_as_read(const PlaneView& from, double variance) {
  const std::vector<float> g = gaussian_taps(variance - 1.0 / 3);
  const auto at = [&](std::ptrdiff_t k) {
    const auto distance = static_cast<std::size_t>(std::abs(k));
    return distance < g.size() ? g[distance] : 0.0f;
  };
  std::vector<float> taps;
  for (std::ptrdiff_t k = 0; k <= std::min(std::ssize(g), std::ptrdiff_t{longest_smoothing}); ++k)
    taps.push_back((at(k - 1) + 4 * at(k) + at(k + 1)) / 6);
  return correlated(from, taps, false);
}

Plane halved(const Plane& from) {
  if (!from.masked) return halved_plain(from);
  auto [weight, value] = split(from);
  Plane to = halved_plain(value);
  divide(to, halved_plain(weight), 0.5f);
  to.masked = true;
  return to;
}

Plane local_contrast(const Plane& from, double sigma) {
  const float floor = static_cast<float>(0.1 * spread(from).deviation + 1e-4);
  if (!from.masked && sigma >= 3 && std::min(from.height(), from.width()) >= 40)
    return coarse_local_contrast(from, sigma, floor);
  std::vector<float> taps = gaussian_taps(sigma * sigma);
  Plane value(from.height(), from.width()), mean, square;
  std::memcpy(value.row(0), from.row(0), from.floats() * sizeof(float));
  value.masked = from.masked;
  Plane weight, plain;
  if (from.masked) std::tie(weight, plain) = split(from);
  const Plane& source = from.masked ? plain : from;
  mean = correlated(source, taps, true);
  Plane squares(from.height(), from.width());
  for (std::size_t i = 0; i < source.floats(); ++i) squares.row(0)[i] = source.row(0)[i] * source.row(0)[i];
  square = correlated(squares, taps, true);
  if (from.masked) {
    Plane share = correlated(weight, taps, true);
    divide(mean, share, 0.1f);
    divide(square, share, 0.1f);
  }
  kernels().local_contrast(value.row(0), mean.row(0), square.row(0), floor, value.floats());
  return value;
}

Spread spread(const PlaneView& from) {
  const int step = std::max(1, static_cast<int>(std::sqrt(static_cast<double>(from.height) * from.width / 4096.0)));
  double sum = 0, squares = 0, n = 0;
  for (int y = step / 2; y < from.height; y += step)
    for (int x = step / 2; x < from.width; x += step) {
      double v = static_cast<double>(from.data[y * from.stride + x]);
      if (std::isnan(v)) continue;
      sum += v, squares += v * v, n += 1;
    }
  if (n == 0) return {};
  double mean = sum / n;
  return {mean, std::sqrt(std::max(0.0, squares / n - mean * mean))};
}

}  // namespace lumigrad::registration
