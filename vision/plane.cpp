// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/plane.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lumigrad {

Plane::Plane(int height, int width) : height_(height), width_(width), stride_((width + 15) / 16 * 16) {
  const std::size_t bytes = (floats() + 32) * sizeof(float);
  data_ = std::unique_ptr<float[], Release>(static_cast<float*>(allocate(bytes)), Release{bytes});
  for (int y = 0; y < height; ++y)
    for (std::ptrdiff_t x = width; x < stride_; ++x) row(y)[x] = std::numeric_limits<float>::quiet_NaN();
}

std::vector<float> gaussian_taps(double variance) {
  if (variance < 1e-6) return {1.0f};
  int radius = std::clamp(static_cast<int>(std::ceil(3.0 * std::sqrt(variance) + 0.3)), 1, longest_smoothing);
  std::vector<double> t(static_cast<std::size_t>(radius) + 1);
  double width = variance;  // of the continuous Gaussian; adjusted until the sampled one has the variance asked for
  for (int round = 0; round < 6; ++round) {
    double sum = 0, second = 0;
    for (int k = 0; k <= radius; ++k) {
      t[static_cast<std::size_t>(k)] = std::exp(-0.5 * k * k / width);
      sum += (k ? 2 : 1) * t[static_cast<std::size_t>(k)];
      second += 2.0 * k * k * t[static_cast<std::size_t>(k)];
    }
    for (double& v : t) v /= sum;
    width = std::clamp(width * variance / std::max(1e-12, second / sum), 0.05, 400.0);
  }
  return {t.begin(), t.end()};
}

Plane correlated(const PlaneView& from, const std::vector<float>& taps, bool replicate) {
  Plane to(from.height, from.width);
  std::vector<float> row(static_cast<std::size_t>(from.width) + 2 * longest_smoothing + 64);
  plane_kernels(simd_level())
      .smooth(from, to.row(0), to.stride(), taps.data(), static_cast<int>(taps.size()) - 1, replicate, row.data());
  return to;
}

}  // namespace lumigrad
