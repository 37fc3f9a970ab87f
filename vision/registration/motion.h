// SPDX-License-Identifier: Apache-2.0
// Planar motions as 3x3 matrices and the steps that keep each model within its group.
#pragma once
#include <lumigrad/vision/registration/model.h>

#include <array>

namespace lumigrad::registration {

/// Row-major, maps fixed to moving pixels, centres at integers.
using Matrix3 = std::array<double, 9>;

struct Point {
  double x = 0, y = 0;
};

inline constexpr Matrix3 unit_matrix = {1, 0, 0, 0, 1, 0, 0, 0, 1};

Matrix3 operator*(const Matrix3& a, const Matrix3& b);
/// The adjugate over the determinant; entries are not finite when there is no inverse.
Matrix3 inverse(const Matrix3& m);
/// m / m[8]
Matrix3 scaled_to_unit(const Matrix3& m);
Point apply(const Matrix3& m, Point p);
/// The four corners of an image, clockwise from the top left.
std::array<Point, 4> corners(int height, int width);
/// Mean distance between where two motions put the corners of an image; infinite when one of them is not finite there.
double corner_distance(const Matrix3& a, const Matrix3& b, int height, int width);
/// The same motion between images of half (or double) the size, pyramid convention (2 x + 0.5).
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
