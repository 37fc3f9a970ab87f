// SPDX-License-Identifier: Apache-2.0
// Motions of a plane from points: through one match, through four, and by weighted least squares through many.
#pragma once
#include <lumigrad/vision/features/features.h>
#include <lumigrad/vision/matrix3.h>

namespace lumigrad::features {

/// (x, y) of one image goes to (u, v) of the other, growing by `scale` and turning by `turn` (radians, clockwise as
/// displayed: from x to y).
struct Correspondence {
  double x, y, u, v, scale, turn;
};

/// The similarity that a match's own size and direction say.
Matrix3 frame_motion(const Correspondence& p);

/// The homography through four matches; false when they are close to a line or change sides.
bool through_four(const std::vector<Correspondence>& pairs, const std::array<std::size_t, 4>& four, Matrix3& m);

/// Squared distance between (u, v) and where m puts (x, y), measured half way between the images: over the local change
/// of length. Infinite behind the horizon.
double squared_error(const Matrix3& m, const Correspondence& p);

/// One Gauss-Newton step of the weighted squared errors from m, within a kind of motion (the part of m that a simpler
/// kind lacks is dropped). False when the matches do not determine it.
bool fit_step(const std::vector<Correspondence>& pairs, const std::vector<double>& weights, Planar motion, Matrix3& m);

}  // namespace lumigrad::features
