// SPDX-License-Identifier: Apache-2.0
// The whole registration of two grey planes: pyramid, start, model ladder, polish, verdict.
#pragma once
#include <lumigrad/vision/registration/refinement.h>

#include <string>

namespace lumigrad::registration {

enum class Status { converged, stalled, no_gradient, diverged, low_overlap };

struct AlignmentOptions {
  Model model = Model::homography;
  Robust loss = Robust::geman_mcclure;
  bool gain_bias = true;
  bool search = true;              ///< look further when the first start is not accepted
  const Matrix3* start = nullptr;  ///< null: the identity
  int max_iterations = 30;         ///< at full size
  double tolerance = 1e-3;         ///< corner movement that ends the polish, px
};

/// What happened on one pyramid level.
struct LevelReport {
  int height = 0, width = 0, iterations = 0;
  double loss = 0, seconds = 0;
};

struct Alignment {
  Matrix3 matrix = unit_matrix;
  Tone tone;
  Status status = Status::stalled;
  double loss = 0;
  int iterations = 0;
  double inlier_ratio = 0;
  double overlap = 0;
  double correlation = 0;  ///< local correlation on the level the verdict was taken
  std::array<double, 64> covariance{};
  std::vector<double> loss_curve;
  std::vector<LevelReport> levels;  ///< coarse to fine
  std::string start;
};

/// Aligns `moving` to `fixed`; NaN pixels do not count. Never throws on the content of the images.
Alignment align(Plane fixed, Plane moving, const AlignmentOptions& options);

}  // namespace lumigrad::registration
