// SPDX-License-Identifier: Apache-2.0
// Making two views of a scene look alike before the last polish: the same sharpness, the same light.
#pragma once
#include <lumigrad/vision/registration/refinement.h>

namespace lumigrad::registration {

/// Gaussian smoothing of each image, px^2 of that image.
struct Sharpness {
  double fixed = 0, moving = 0;
};

/// Smoothing that gives both images the same resolution where they meet: `base` px^2 of the coarser sampled one, plus
/// `difference` px^2 of the fixed image (positive: the fixed image is the sharper one).
Sharpness balance(const Matrix3& map, const PlaneView& fixed, double base, double difference);

/// By how many px^2 (of the fixed image) the fixed image would have to be smoothed further to look like the moving one;
/// negative when the moving image is the sharper one. `now` is the smoothing both already had.
double sharpness_difference(const LevelPair& smoothed, const Estimate& estimate, const Sharpness& now);

/// The fixed image under the moving one's light: grey levels to the fourth order with coefficients that vary over the
/// image (second order in place), fitted robustly on about `count` points. An empty plane when it explains the moving
/// image hardly better than gain and bias.
Plane relit(const LevelPair& smoothed, const Estimate& estimate, int count);

}  // namespace lumigrad::registration
