// SPDX-License-Identifier: Apache-2.0
#include "figures.h"
#include "views.h"

#include <lumigrad/engine/parallel.h>

#include <sys/resource.h>
#include <cmath>

namespace proofs {
namespace {

using namespace lumigrad::registration;

/// A landscape without end: random numbers on lattices of 6 to 4,000 pixels, joined smoothly. Cheap enough for 10^8
/// pixels, and exact wherever it is looked at.
double height_at(double x, double y) {
  double sum = 0, total = 0;
  for (int octave = 0; octave < 10; ++octave) {
    const double cell = 6 * std::exp2(octave * 0.94), weight = std::sqrt(cell);
    const double u = x / cell, v = y / cell, i = std::floor(u), j = std::floor(v), s = u - i, t = v - j;
    auto random = [&](double a, double b) {
      auto n = static_cast<std::uint64_t>(static_cast<std::int64_t>(a)) * 0x9E3779B97F4A7C15u ^
               static_cast<std::uint64_t>(static_cast<std::int64_t>(b)) * 0xC2B2AE3D27D4EB4Fu ^
               static_cast<std::uint64_t>(octave) << 40;
      n = (n ^ n >> 31) * 0xBF58476D1CE4E5B9u;
      return static_cast<double>((n ^ n >> 29) >> 40) * 0x1p-24;
    };
    auto eased = [](double w) { return w * w * w * (w * (6 * w - 15) + 10); };
    const double p = eased(s), q = eased(t);
    const double above = random(i, j) + p * (random(i + 1, j) - random(i, j));
    const double below = random(i, j + 1) + p * (random(i + 1, j + 1) - random(i, j + 1));
    sum += weight * (above + q * (below - above)), total += weight;
  }
  return sum / total;
}

Tensor landscape(const Matrix3& view, int height, int width) {
  Tensor image = Tensor::empty({1, height, width}, lumigrad::DType::u8);
  auto* to = image.mutable_data<std::uint8_t>();
  lumigrad::parallel_for(
      height,
      [&](std::int64_t y) {
        for (int x = 0; x < width; ++x) {
          const Point p = lumigrad::apply(view, {static_cast<double>(x), static_cast<double>(y)});
          to[y * width + x] = static_cast<std::uint8_t>(255 * height_at(p.x, p.y) + 0.5);
        }
      },
      1e6);
  return image;
}

}  // namespace

Large large(int height, int width) {
  scene::Dice dice(5);
  const Matrix3 truth = drawn_motion(dice, Model::homography, height, width);
  const Tensor fixed = landscape(unit_matrix, height, width), moving = landscape(inverse(truth), height, width);
  const Result r = register_images(fixed, moving, {.model = Model::homography});
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  double variance = 0;
  for (std::size_t k = 0; k < 8; ++k) variance += r.covariance[9 * k] / 4;
  return {r.seconds, corner_distance(r.matrix, truth, height, width), std::sqrt(variance),
          1024.0 * static_cast<double>(usage.ru_maxrss), r.converged()};
}

}  // namespace proofs
