// SPDX-License-Identifier: Apache-2.0
// The conventions of every vision operator. There are no exceptions; where another library differs, the operator's
// comment says so.
//
//   images       planar [N, C, H, W], RGB, float in [0, 1]; u8 and u16 stand for value / 255 and value / 65535: color,
//                enhance and warps take them as they are, what works on numbers wants them made so (to_float)
//   volumes      planar [N, C, D, H, W], sizes (d, h, w); voxels and their centres as pixels
//   points       (x, y) or (x, y, z): columns first, the order of mathematics
//   sizes        (h, w): rows first, the order of memory
//   pixels       the centre of pixel (0, 0) is the point (0, 0); an image covers [-0.5, w - 0.5] x [-0.5, h - 0.5]
//   matrices     act on columns (x, y, 1), in space (x, y, z, 1); a square matrix given to a warp maps
//                source to destination, as in OpenCV's and Kornia's warp_perspective; with {.inverse_map = true} it
//                maps destination to source
//   registration a result maps fixed to moving: the destination (fixed) to the source (moving) of a warp
//   resizing     maps the covered extents onto each other; pyramids follow
//   angles       radians everywhere; positive is counter-clockwise as displayed (x to the right, y down). In space a
//                vector along the axis, as long as the angle is large: a right-handed turn of (x, y, z), as in every
//                book on rigid motion, so that a turn about z, which points into the picture, is clockwise as displayed
//   boxes        half-open (x0, y0, x1, y1); four corners run clockwise from the top left
//   filters      correlations (the kernel is not flipped)
//
// Identity and whole-pixel warps are exact to the bit for finite pixels.
#pragma once
#include <numbers>

namespace lumigrad {

/// Axes of an image tensor.
inline constexpr int batch_axis = 0;
inline constexpr int channel_axis = 1;
inline constexpr int row_axis = 2;
inline constexpr int column_axis = 3;

/// `30_deg` is 30 degrees in radians.
inline namespace literals {
constexpr double operator""_deg(long double degrees) { return static_cast<double>(degrees) * (std::numbers::pi / 180); }
constexpr double operator""_deg(unsigned long long degrees) {
  return static_cast<double>(degrees) * (std::numbers::pi / 180);
}
}  // namespace literals

}  // namespace lumigrad
