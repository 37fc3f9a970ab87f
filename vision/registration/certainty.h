// SPDX-License-Identifier: Apache-2.0
// How sure a motion is: the covariance of where the corners land.
#pragma once
#include <lumigrad/vision/registration/refinement.h>

namespace lumigrad::registration {

/// 8x8, px^2: covariance of the positions in the moving image of the fixed image's corners, clockwise from the top
/// left. `estimate` is the minimum that `options` found at the robust scale `scale`, `total` the normal equations
/// there. All infinite when the images do not determine the motion.
std::array<double, 64> corner_covariance(const LevelPair& pair, const Estimate& estimate,
                                         const RefinementOptions& options, double scale, const NormalEquations& total);

}  // namespace lumigrad::registration
