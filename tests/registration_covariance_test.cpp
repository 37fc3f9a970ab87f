// SPDX-License-Identifier: Apache-2.0
#include "registration_scene.h"

#include <lumigrad/vision/registration/registration.h>

#include <doctest/doctest.h>

using namespace lumigrad;
using namespace lumigrad::registration;

namespace {

/// Adds noise; `correlated` smooths it by (1 2 1) / 4 both ways, as a camera's own processing would.
Tensor noisy(const Tensor& clean, double sigma, bool correlated, std::uint64_t seed) {
  const int h = static_cast<int>(clean.size(0)), w = static_cast<int>(clean.size(1));
  scene::Dice dice(seed);
  std::vector<double> n(static_cast<std::size_t>((h + 2) * (w + 2)));
  for (double& v : n) v = dice.normal() * sigma;
  Tensor out = clean.clone();
  float* to = out.mutable_data<float>();
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      double v = n[static_cast<std::size_t>((y + 1) * (w + 2) + x + 1)];
      if (correlated) {
        v = 0;
        for (int j = 0; j < 3; ++j)
          for (int i = 0; i < 3; ++i)
            v += (1 + (i == 1)) * (1 + (j == 1)) / 16.0 * n[static_cast<std::size_t>((y + j) * (w + 2) + x + i)];
      }
      *to++ += static_cast<float>(v);
    }
  return out;
}

/// Mean over trials of the squared corner error over its predicted variance; 1 when the covariance is right.
double normalised_error(bool correlated, double sigma) {
  constexpr int height = 96, width = 128, trials = 40;
  const scene::Texture texture(51);
  const Matrix3 truth = scene::turned(height, width, 2, 1.01, 2.4, -1.3);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  const Tensor moving = scene::moved(texture, truth, height, width);
  double error = 0, predicted = 0;
  for (std::uint64_t k = 0; k < trials; ++k) {
    const Result r = register_images(noisy(fixed, sigma, correlated, 2 * k),
                                     noisy(moving, sigma, correlated, 2 * k + 1), {.model = Model::affine});
    CHECK(r.converged());
    const auto frame = corners(height, width);
    for (std::size_t c = 0; c < 4; ++c) {
      const Point p = apply(r.matrix, frame[c]), q = apply(truth, frame[c]);
      error += (p.x - q.x) * (p.x - q.x) + (p.y - q.y) * (p.y - q.y);
      predicted += r.covariance[(2 * c) * 9] + r.covariance[(2 * c + 1) * 9];
    }
  }
  return error / predicted;
}

}  // namespace

TEST_CASE("the covariance predicts the scatter under independent noise") {
  const double ratio = normalised_error(false, 0.03);
  MESSAGE("squared error over predicted variance: ", ratio);
  CHECK(ratio > 0.6);
  CHECK(ratio < 1.6);
}

TEST_CASE("the covariance stays right within a factor of two when noise is correlated") {
  const double ratio = normalised_error(true, 0.05);
  MESSAGE("squared error over predicted variance: ", ratio);
  CHECK(ratio > 0.5);
  CHECK(ratio < 2.0);
}

TEST_CASE("a covariance is symmetric with positive variances") {
  const scene::Texture texture(52);
  const Matrix3 truth = scene::turned(96, 128, 2, 1, 1, 1);
  const Result r = register_images(noisy(scene::seen(texture, unit_matrix, 96, 128), 0.02, false, 1),
                                   noisy(scene::moved(texture, truth, 96, 128), 0.02, false, 2));
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(r.covariance[9 * i] > 0);
    CHECK(r.covariance[9 * i] < 1);
    for (std::size_t j = 0; j < 8; ++j) CHECK(r.covariance[8 * i + j] == r.covariance[8 * j + i]);
  }
}
