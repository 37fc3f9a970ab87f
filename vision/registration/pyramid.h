// SPDX-License-Identifier: Apache-2.0
// Both images at halved sizes, grey and locally normalised.
#pragma once
#include <lumigrad/vision/registration/refinement.h>

namespace lumigrad::registration {

/// One size of both images. Coarse levels are compared after local normalisation, which takes light and contrast out of
/// the question; the full size keeps its grey levels, which hold the accuracy.
struct PyramidLevel {
  Plane fixed, moving;
  Plane fixed_contrast, moving_contrast;  ///< empty at full size when there are smaller levels
  LevelPair contrast() const { return {fixed_contrast, moving_contrast}; }
};

/// Fine to coarse, until the smallest side of the smallest level is between 20 and 39 px.
using Pyramid = std::vector<PyramidLevel>;
Pyramid make_pyramid(Plane fixed, Plane moving);

}  // namespace lumigrad::registration
