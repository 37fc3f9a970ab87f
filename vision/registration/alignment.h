// SPDX-License-Identifier: Apache-2.0
// The whole registration of two grey planes: pyramid, start, polish, verdict.
#pragma once
#include <lumigrad/vision/registration/refinement.h>

#include <string>

namespace lumigrad::registration {

struct AlignmentOptions {
  Model model = Model::homography;
  Robust loss = Robust::geman_mcclure;
  bool gain_bias = true;
  bool search = true;              ///< look further when the first start is not trusted
  const Matrix3* start = nullptr;  ///< null: the identity
  int max_iterations = 30;         ///< of the polish
  double tolerance = 3e-3;         ///< corner movement that ends the polish, px
};

struct Alignment {
  Matrix3 matrix = unit_matrix;
  Tone tone;
  Status status = Status::stalled;
  double loss = 0;
  int iterations = 0;
  double inlier_ratio = 0;
  double overlap = 0;
  double correlation = 0;
  std::array<double, 64> covariance{};
  std::vector<double> loss_curve;
  std::vector<std::size_t> loss_breaks;
  std::vector<LevelReport> levels;  ///< coarse to fine
  std::string start = "identity";
};

/// Aligns `moving` to `fixed`, grey levels of about [0, 1]; NaN pixels do not count. Never throws on what the images
/// hold.
Alignment align(Plane fixed, Plane moving, const AlignmentOptions& options);

}  // namespace lumigrad::registration
