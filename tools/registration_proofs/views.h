// SPDX-License-Identifier: Apache-2.0
// Motions and noise that the proofs draw.
#pragma once
#include "tests/registration_scene.h"

namespace proofs {

using lumigrad::inverse;
using lumigrad::Matrix3;
using lumigrad::Point;
using lumigrad::scaled_to_unit;
using lumigrad::Tensor;
using lumigrad::unit_matrix;
using lumigrad::registration::corner_distance;
using lumigrad::registration::corners;
using lumigrad::registration::Model;
using lumigrad::operator*;

/// A motion of the model that moves corners by some hundredths of the width.
inline Matrix3 drawn_motion(scene::Dice& dice, Model model, int height, int width) {
  const double part = 0.03, shift = 0.5 * part * width;
  auto n = [&] { return dice.normal(); };
  const double turn = part * n(), scale = part * n();
  Matrix3 m = unit_matrix;
  if (model == Model::rigid) m = {std::cos(turn), -std::sin(turn), 0, std::sin(turn), std::cos(turn), 0, 0, 0, 1};
  if (model == Model::similarity) m = {1 + scale, -turn, 0, turn, 1 + scale, 0, 0, 0, 1};
  if (model == Model::affine || model == Model::homography)
    m = {1 + part * n(), part * n(), 0, part * n(), 1 + part * n(), 0, 0, 0, 1};
  if (model == Model::homography) m[6] = part * n() / width, m[7] = part * n() / width;
  m[2] = shift * n(), m[5] = shift * n();
  const double x = 0.5 * (width - 1), y = 0.5 * (height - 1);
  return scaled_to_unit(Matrix3{1, 0, x, 0, 1, y, 0, 0, 1} * m * Matrix3{1, 0, -x, 0, 1, -y, 0, 0, 1});
}

/// The image with noise of this deviation, see Certainty.
inline Tensor noisy(const Tensor& clean, double sigma, bool correlated, scene::Dice& dice) {
  const int h = static_cast<int>(clean.size(0)), w = static_cast<int>(clean.size(1));
  Tensor out = clean.clone();
  float* to = out.mutable_data<float>();
  if (!correlated) {
    for (int i = 0; i < h * w; ++i) to[i] += static_cast<float>(sigma * dice.normal());
    return out;
  }
  const auto pitch = static_cast<std::size_t>(w + 4);
  std::vector<double> n(pitch * static_cast<std::size_t>(h + 4)), row(n.size());
  for (double& v : n) v = sigma * dice.normal();
  constexpr double taps[5] = {1 / 16.0, 4 / 16.0, 6 / 16.0, 4 / 16.0, 1 / 16.0};
  for (std::size_t i = 0; i + 4 < n.size(); ++i)
    for (std::size_t k = 0; k < 5; ++k) row[i] += taps[k] * n[i + k];
  for (std::size_t y = 0; y < static_cast<std::size_t>(h); ++y)
    for (std::size_t x = 0; x < static_cast<std::size_t>(w); ++x, ++to)
      for (std::size_t k = 0; k < 5; ++k) *to += static_cast<float>(taps[k] * row[(y + k) * pitch + x]);
  return out;
}

}  // namespace proofs
