// SPDX-License-Identifier: Apache-2.0
// How sure a motion is: the covariance of where the corners land.
#pragma once
#include <lumigrad/vision/registration/refinement.h>

namespace lumigrad::registration {

/// What a pass says of the motion at a minimum: sums over pixels, in the ten unknowns of NormalEquations. Sums of
/// several passes add up.
struct Evidence {
  double slope[10][10] = {};    ///< derivative of the gradient of the loss by the unknowns
  double scatter[10][10] = {};  ///< covariance of that gradient
  double tiles = 0;             ///< independent parts of the scatter
};

/// `total` holds the normal equations of the pass.
Evidence evidence_of(const AlignmentPass& pass, const NormalEquations& total);

/// 8x8, px^2: covariance of the positions in the moving image of the corners of a fixed image of this size, clockwise
/// from the top left. All infinite when the images do not determine the motion.
std::array<double, 64> corner_covariance(const Evidence& evidence, const RefinementOptions& options, const Matrix3& map,
                                         int height, int width);

/// The same for the minimum that `options` found on one pair.
std::array<double, 64> corner_covariance(const LevelPair& pair, const Estimate& estimate,
                                         const RefinementOptions& options, double scale, const NormalEquations& total);

}  // namespace lumigrad::registration
