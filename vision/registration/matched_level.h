// SPDX-License-Identifier: Apache-2.0
// The images of a level whose pixels show things of like size.
#pragma once
#include <lumigrad/vision/registration/pyramid.h>

namespace lumigrad::registration {

/// Where a motion enlarges (or shrinks) to more than sqrt 2, a level's two images differ in sharpness and in what their
/// local normalisation takes for local, and reading the larger one skips pixels. Then one of them comes from another
/// level: the moving image as far as there is one, else the fixed image.
struct MatchedLevel {
  LevelPair contrast;
  int fixed_octaves = 0, moving_octaves = 0;  ///< by which they are coarser than the level
};
MatchedLevel matched_level(const Pyramid& pyramid, int level, const Matrix3& map);

/// A motion between the images of a level as one between images coarser by so many octaves.
Matrix3 to_octaves(const Matrix3& map, int fixed_octaves, int moving_octaves);

}  // namespace lumigrad::registration
