// SPDX-License-Identifier: Apache-2.0
// From the images of a program to grey planes of about [0, 1].
#pragma once
#include <lumigrad/engine/stored_pixels.h>
#include <lumigrad/vision/plane.h>

namespace lumigrad::registration {

/// Throws ShapeError, naming the image as `what`, unless it is [H, W], [1, H, W] or [3, H, W] of at most 65535 pixels a
/// side.
void require_picture(const Tensor& image, const char* what);
/// Such an image, where it lies.
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
Powers settling_powers(float fixed, DType of_fixed, float moving, DType of_moving, bool gain_bias);
/// Whether grey levels of this type are shares of a largest one, in [0, 1] already.
constexpr bool holds_shares(DType dtype) { return largest_of(dtype) != 1; }

/// Scales both planes so; types are those of the images.
Powers settle(Plane& fixed, DType of_fixed, Plane& moving, DType of_moving, bool gain_bias);
void scale_by_power(Plane& plane, int power);

}  // namespace lumigrad::registration
