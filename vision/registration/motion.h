// SPDX-License-Identifier: Apache-2.0
// Planar motions, from fixed to moving pixels, and the steps that keep each model within its group.
#pragma once
#include <lumigrad/vision/matrix3.h>
#include <lumigrad/vision/registration/model.h>

namespace lumigrad::registration {

/// The four corners of an image, clockwise from the top left.
std::array<Point, 4> corners(int height, int width);
/// Mean distance between where two motions put the corners of an image; infinite when one of them is not finite there.
double corner_distance(const Matrix3& a, const Matrix3& b, int height, int width);
/// Pixels of an image to those of half and of double its size, pyramid convention (2 x + 0.5).
inline constexpr Matrix3 halving = {0.5, 0, -0.25, 0, 0.5, -0.25, 0, 0, 1}, doubling = {2, 0, 0.5, 0, 2, 0.5, 0, 0, 1};
/// The same motion between images of half (or double) the size.
Matrix3 to_half_size(const Matrix3& m);
Matrix3 to_double_size(const Matrix3& m);
/// sqrt |det| of the motion's derivative at a point: moving pixels per fixed pixel.
double local_scale(const Matrix3& m, Point at);
/// Whether the image of the frame is a convex quadrilateral, not mirrored, of sane area, in front of the horizon.
bool is_plausible(const Matrix3& m, int height, int width);

/// Unknowns of a model: 2, 3, 4, 6, 8.
int unknowns(Model model);
/// Column k: the direction of unknown k in the eight entries of a homography step.
const std::array<std::array<double, 8>, 8>& directions(Model model);
/// I + P of a step, exact for the group: rotations stay rotations.
Matrix3 step_matrix(Model model, const double* step);

}  // namespace lumigrad::registration
