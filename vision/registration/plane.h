// SPDX-License-Identifier: Apache-2.0
// What alignment does to grey images; NaN pixels do not count.
#pragma once
#include <lumigrad/vision/plane.h>

namespace lumigrad::registration {

/// Both images smoothed by a Gaussian of `variance` px^2, at least 1/3, when one of them is then read by cubic
/// B-splines. Reading smooths by 1/3 px^2 (Sampling::spline): `smoothed_for_reading` does the rest, `smoothed_as_read`
/// the whole, that third by what the splines do at pixels. Pixels whose support meets the border or a pixel that does
/// not count become NaN: what is left is exact.
Plane smoothed_for_reading(const PlaneView& from, double variance);
Plane smoothed_as_read(const PlaneView& from, double variance);

/// The image at half the size: pixel (x, y) stands at (2 x + 0.5, 2 y + 0.5). Next to pixels that do not count, the
/// mean of those that do, as long as they make up half of the weight.
Plane halved(const Plane& from);

/// (value - local mean) / (local deviation + floor), both under a Gaussian of `sigma` px over the pixels that count.
Plane local_contrast(const Plane& from, double sigma);

/// Mean and deviation of the pixels that count, on a lattice; {0, 0} when there are none.
struct Spread {
  double mean = 0, deviation = 0;
};
Spread spread(const PlaneView& from);

}  // namespace lumigrad::registration
