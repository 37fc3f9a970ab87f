// SPDX-License-Identifier: Apache-2.0
// Pictures of structure: what is left of an image when its light is taken out.
#pragma once
#include <lumigrad/vision/registration/plane.h>
#include <lumigrad/vision/registration/refinement.h>

namespace lumigrad::registration {

/// The channels on whose squared differences a measure is a least-squares problem:
///   lncc                  value less local mean over local deviation
///   gradient_correlation  the gradient over its length (plus a floor), two channels (Haber and Modersitzki, 2006)
///   census                soft comparisons with four neighbours, the other four being the same ones seen from there
std::vector<Plane> channels(Measure measure, const Plane& image);

/// The moving image brought onto a frame of this size; NaN outside.
Plane brought(const Plane& moving, const Matrix3& map, int height, int width);

}  // namespace lumigrad::registration
