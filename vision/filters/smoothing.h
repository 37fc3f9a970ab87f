// SPDX-License-Identifier: Apache-2.0
// Smoothing that stops at edges. Images are [N, C, H, W], f32 or f64. Gradients flow to the images and to every tensor
// among the options, to second order.
#pragma once
#include <lumigrad/engine/families/border.h>
#include <lumigrad/engine/families/sample.h>

namespace lumigrad::filters {

/// How far apart two colours are.
enum class ColorDistance {
  l1,  ///< the sum of the channels' differences
  l2   ///< the root of the sum of their squares
};

struct BilateralBlur {
  Size kernel = {5, 5};
  Tensor sigma_color = 0.1;         ///< standard deviation of colours, one number or one an image [N]
  Tensor sigma_space = {1.5, 1.5};  ///< in pixels, (y, x), one pair an image [N, 2], or one number
  Border border = Border::reflection;
  ColorDistance distance = ColorDistance::l1;
};
/// The mean of a window, each pixel weighed by a Gaussian of its distance and one of how far its colour is from that of
/// the middle. C. Tomasi, R. Manduchi, Bilateral filtering for gray and color images, 1998. Throws NumericError unless
/// the sigmas are > 0.
LUMIGRAD_API Tensor bilateral_blur(const Tensor& image, const BilateralBlur& options = {}, Here here = {});
/// The same with colours compared in `guidance` [N, any channels, H, W].
LUMIGRAD_API Tensor joint_bilateral_blur(const Tensor& image, const Tensor& guidance, const BilateralBlur& options = {},
                                         Here here = {});

struct GuidedBlur {
  Size kernel = {5, 5};
  Tensor eps = 0.01;  ///< variance of the guidance below which the window is averaged, one number or one an image [N]
  Border border = Border::reflection;
  std::int64_t subsample = 1;  ///< fit on every subsample-th pixel, and interpolate what was found
};
/// In every window the image is fitted by a linear function of the channels of `guidance` [N, K, H, W]; the result is
/// the mean of what the windows around a pixel say. K. He, J. Sun, X. Tang, Guided image filtering, 2010 (and Fast
/// guided filter, 2015, for `subsample`).
LUMIGRAD_API Tensor guided_blur(const Tensor& guidance, const Tensor& image, const GuidedBlur& options = {},
                                Here here = {});

}  // namespace lumigrad::filters
