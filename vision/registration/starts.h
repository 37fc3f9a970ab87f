// SPDX-License-Identifier: Apache-2.0
// From no idea to a motion good to a pixel: which start to trust.
//
// A start is trusted when the images agree locally under it after refinement, two levels below the coarsest, where
// right and wrong part clearly. Cheap starts come first; the rest is tried only when they do not agree:
//   1. the identity (or the motion given);
//   2. phase correlation;
//   3. matched keypoints: whatever the rotation and scale, large changes of view, and little overlap;
//   4. all rotations and scales, each with all its shifts: where nothing stands out that could be matched;
//   5. relocation: on a brick wall the search finds the right rotation and scale but slips by a brick. One more
//      correlation under exactly that rotation and scale sees every brick at once;
//   6. keypoints once more, twice as fine and with doubtful matches.
#pragma once
#include <lumigrad/vision/registration/pyramid.h>
#include <lumigrad/vision/registration/search.h>

#include <string>

namespace lumigrad::registration {

struct StartOptions {
  Model model = Model::homography;
  Robust loss = Robust::geman_mcclure;
  bool search = true;              ///< try further starts
  const Matrix3* given = nullptr;  ///< full size; null: the identity
};

/// The local correlation that makes further starts unnecessary.
inline constexpr double trusted_agreement = 0.93;

struct FoundStart {
  Matrix3 map = unit_matrix;  ///< at full size
  double agreement = 0;       ///< local correlation, lowered when less than 0.3 of the fixed image is covered
  int level = 0;              ///< where it was measured
  std::string how;
};

/// `reports` (one per level, fine to coarse) collects iterations and seconds.
FoundStart find_start(const Pyramid& pyramid, const StartOptions& options, std::vector<LevelReport>& reports);

/// Local correlation times sqrt(overlap / 0.3), at most once; zero below a twentieth.
double judged(const Pyramid& pyramid, int level, const Matrix3& map);

}  // namespace lumigrad::registration
