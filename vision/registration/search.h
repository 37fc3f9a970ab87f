// SPDX-License-Identifier: Apache-2.0
// Where to begin when the identity is too far away: correlation over all shifts, rotations and scales.
#pragma once
#include <lumigrad/vision/registration/motion.h>
#include <lumigrad/vision/registration/plane.h>

namespace lumigrad::registration {

/// A coarse motion and its normalised correlation.
struct Candidate {
  Matrix3 map = unit_matrix;
  double score = 0;
};

/// Rotations (radians) and scales (moving pixels per fixed pixel) to try.
struct SearchGrid {
  std::vector<double> angles = {0}, scales = {1};
};

/// The grid a model can express: one point for translation, all rotations for rigid, rotations and scales 1/2..2 beyond.
SearchGrid full_grid(Model model);

/// The best `count` shifts over the grid, best first. The images are locally normalised, about 64 px wide.
std::vector<Candidate> search(const PlaneView& fixed, const PlaneView& moving, const SearchGrid& grid, int count);

}  // namespace lumigrad::registration
