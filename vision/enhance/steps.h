// SPDX-License-Identifier: Apache-2.0
// The operators of enhance.h that work pixel by pixel as steps of a chain (engine/families/chain.h):
//
//     fuse(image, {enhance::steps::adjust_brightness(0.1), enhance::steps::adjust_hue(angle)})
//
// Parameters, ranges, errors and gradients are those of the operator of the same name. Each of those is
// fuse(image, {its step}), so that what is in one is in the other.
#pragma once
#include <lumigrad/engine/families/chain.h>
#include <lumigrad/vision/enhance/enhance.h>

namespace lumigrad::enhance::steps {

LUMIGRAD_API PixelStep adjust_brightness(const Tensor& factor, Clipping options = {});
LUMIGRAD_API PixelStep adjust_brightness_accumulative(const Tensor& factor, Clipping options = {});
LUMIGRAD_API PixelStep adjust_contrast(const Tensor& factor, Clipping options = {});
/// mean + factor (image - mean), limited to [0, 1], about a given level: adjust_contrast_with_mean_subtraction once the
/// mean is known.
LUMIGRAD_API PixelStep adjust_contrast_about(const Tensor& mean, const Tensor& factor);
LUMIGRAD_API PixelStep adjust_saturation(const Tensor& factor);
/// For images of three channels.
LUMIGRAD_API PixelStep adjust_saturation_with_gray_subtraction(const Tensor& factor);
LUMIGRAD_API PixelStep adjust_saturation_raw(const Tensor& factor);
LUMIGRAD_API PixelStep adjust_hue(const Tensor& factor);
LUMIGRAD_API PixelStep adjust_hue_raw(const Tensor& factor);
LUMIGRAD_API PixelStep adjust_gamma(const Tensor& gamma, const Tensor& gain = 1.0);
/// Needs the pivot: a mean is not known inside a pass.
LUMIGRAD_API PixelStep color_jitter(const ColorJitterOptions& options);
LUMIGRAD_API PixelStep adjust_log(const LogOptions& options = {});
LUMIGRAD_API PixelStep adjust_sigmoid(const SigmoidOptions& options = {});
LUMIGRAD_API PixelStep invert(const Tensor& max_value = 1.0);
LUMIGRAD_API PixelStep solarize(const Tensor& threshold = 0.5, const Tensor& addition = {});
LUMIGRAD_API PixelStep posterize(const Tensor& bits);
LUMIGRAD_API PixelStep threshold(const Tensor& threshold, const Tensor& level = 1.0,
                                 ThresholdMode mode = ThresholdMode::binary);
LUMIGRAD_API PixelStep rescale(const Tensor& factor);
LUMIGRAD_API PixelStep shift_rgb(const Tensor& red, const Tensor& green, const Tensor& blue);

}  // namespace lumigrad::enhance::steps
