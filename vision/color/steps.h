// SPDX-License-Identifier: Apache-2.0
// The operators of color.h that work pixel by pixel as steps of a chain (engine/families/chain.h):
//
//     fuse(image, {color::steps::rgb_to_hsv(), enhance::steps::adjust_saturation_raw(factor),
//     color::steps::hsv_to_rgb()})
//
// Ranges, errors and gradients are those of the operator of the same name, which is fuse(image, {its step}).
#pragma once
#include <lumigrad/engine/families/chain.h>

namespace lumigrad::color::steps {

LUMIGRAD_API PixelStep rgb_to_grayscale();
LUMIGRAD_API PixelStep rgb_to_hsv(const Tensor& eps = 1e-8);
LUMIGRAD_API PixelStep hsv_to_rgb();
LUMIGRAD_API PixelStep rgb_to_hls(const Tensor& eps = 1e-8);
LUMIGRAD_API PixelStep hls_to_rgb();
LUMIGRAD_API PixelStep rgb_to_xyz();
LUMIGRAD_API PixelStep xyz_to_rgb();
LUMIGRAD_API PixelStep rgb_to_lab();
LUMIGRAD_API PixelStep rgb_to_luv(const Tensor& eps = 1e-12);
LUMIGRAD_API PixelStep luv_to_rgb(const Tensor& eps = 1e-12);
LUMIGRAD_API PixelStep rgb_to_ycbcr();
LUMIGRAD_API PixelStep ycbcr_to_rgb();
LUMIGRAD_API PixelStep rgb_to_yuv();
LUMIGRAD_API PixelStep yuv_to_rgb();
LUMIGRAD_API PixelStep sepia();
LUMIGRAD_API PixelStep lab_to_rgb(bool clip = true);
/// To and from linear light: every value by itself, whatever the number of channels.
LUMIGRAD_API PixelStep rgb_to_linear_rgb();
LUMIGRAD_API PixelStep linear_rgb_to_rgb();

}  // namespace lumigrad::color::steps
