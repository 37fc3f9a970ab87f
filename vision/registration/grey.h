// SPDX-License-Identifier: Apache-2.0
// From the images of a program to grey planes of about [0, 1].
#pragma once
#include <lumigrad/engine/stored_pixels.h>
#include <lumigrad/vision/plane.h>

namespace lumigrad::registration {

/// An image [H, W], [1, H, W] or [3, H, W] of at most 65535 pixels a side, where it lies. Throws ShapeError, naming the
/// image as `what`.
StoredPicture picture_to_register(const Tensor& image, const char* what);

/// Its grey levels: shares of the largest value of bytes and words, floats as they are. Pixels that are not finite do
/// not count. Throws ShapeError and DTypeError; 1 x 1 where there are no pixels.
Plane grey_plane(const Tensor& image, const char* what);

/// Pixels where `mask` [H, W] is zero or NaN do not count; it is undefined or of the plane's size.
void apply_mask(Plane& plane, const Tensor& mask);

/// The powers of two by which images are scaled.
struct Powers {
  int fixed = 0, moving = 0;
};
/// Those that bring float images whose largest grey levels are far from [0, 1] there, so that squares and cubes of them
/// stay finite; it costs no accuracy. Each image has its own power where the gain makes up for it, else both the same.
Powers settling_powers(float fixed, bool fixed_is_integer, float moving, bool moving_is_integer, bool gain_bias);

/// Scales both planes so.
Powers settle(Plane& fixed, bool fixed_is_integer, Plane& moving, bool moving_is_integer, bool gain_bias);
void scale_by_power(Plane& plane, int power);

}  // namespace lumigrad::registration
