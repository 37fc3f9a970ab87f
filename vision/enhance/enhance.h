// SPDX-License-Identifier: Apache-2.0
// Brightness, contrast, colour and curves of images.
//
// Images are [.., C, H, W] with any leading axes and any number of channels unless said otherwise, in [0, 1], f32 or
// f64; u8 and u16 images stand for value / 255 and value / 65535 and give f32. A factor is one number, or one an image
// ([N], N the first axis of an image of at least four); those of invert and add_weighted may vary within images too.
// Everything is differentiable in the image and in the factors, to second order. What is limited to [0, 1] has slope 0
// outside and 1 on the ends.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad::enhance {

/// Whether results are limited to [0, 1].
struct Clipping {
  bool clip = true;
};

/// image + factor. (OpenCV's and Kornia's brightness; TorchVision's is adjust_brightness_accumulative.)
LUMIGRAD_API Tensor adjust_brightness(const Tensor& image, const Tensor& factor, Clipping options = {}, Here here = {});
/// image x factor.
LUMIGRAD_API Tensor adjust_brightness_accumulative(const Tensor& image, const Tensor& factor, Clipping options = {},
                                                   Here here = {});
/// image x factor, factor >= 0 (NumericError). Kornia's contrast; that of TorchVision and PIL is
/// adjust_contrast_with_mean_subtraction.
LUMIGRAD_API Tensor adjust_contrast(const Tensor& image, const Tensor& factor, Clipping options = {}, Here here = {});
/// mean + factor (image - mean), limited to [0, 1], with the mean grey level of each image (of all its values unless it
/// has three channels). The gradient goes through the mean too.
LUMIGRAD_API Tensor adjust_contrast_with_mean_subtraction(const Tensor& image, const Tensor& factor, Here here = {});
/// RGB images: saturation of the hexagonal cone (rgb_to_hsv) times factor, limited to [0, 1].
LUMIGRAD_API Tensor adjust_saturation(const Tensor& image, const Tensor& factor, Here here = {});
/// RGB images: grey + factor (image - grey), limited to [0, 1]; an image of one channel stays as it is.
LUMIGRAD_API Tensor adjust_saturation_with_gray_subtraction(const Tensor& image, const Tensor& factor, Here here = {});
/// HSV images: saturation times factor, limited to [0, 1].
LUMIGRAD_API Tensor adjust_saturation_raw(const Tensor& image, const Tensor& factor, Here here = {});
/// RGB images: hue (rgb_to_hsv) plus factor, in radians. Grey pixels have no hue and stay, with slope 0 in the factor.
LUMIGRAD_API Tensor adjust_hue(const Tensor& image, const Tensor& factor, Here here = {});
/// HSV images: hue plus factor, with whole turns taken off towards 0: in (-2 pi, 2 pi).
LUMIGRAD_API Tensor adjust_hue_raw(const Tensor& image, const Tensor& factor, Here here = {});
/// gain x image^gamma, limited to [0, 1]; gamma and gain >= 0 (NumericError). At 0 the slope is 0 (1 for gamma = 1),
/// not the infinite limit; negative values give NaN unless gamma is whole.
LUMIGRAD_API Tensor adjust_gamma(const Tensor& image, const Tensor& gamma, const Tensor& gain = 1.0, Here here = {});

/// What color_jitter does to an image, in this order; the image and each step are limited to [0, 1].
struct ColorJitterOptions {
  Tensor brightness = 1.0;  ///< factor of the image
  Tensor contrast = 1.0;    ///< pivot + contrast (image - pivot)
  Tensor saturation = 1.0;  ///< grey + saturation (image - grey)
  Tensor hue = 0.0;         ///< added to the hue, radians
  /// The level that contrast turns about, a number or one an image. Left out: the mean grey level of each brightened
  /// image, which takes a reading pass of its own. With it the semantics are those of TorchVision's and Kornia's
  /// ColorJitter in the order brightness, contrast, saturation, hue (Kornia limits the image before, TorchVision takes
  /// it to be in [0, 1]).
  Tensor pivot = {};
  /// Turns hues about the grey axis of the RGB cube instead of around the hexagonal cone: smooth in image and angle,
  /// keeps R + G + B (before the limit), and is twice as fast.
  bool rotate = false;
};
/// RGB images: brightness, contrast, saturation and hue in one pass over memory.
LUMIGRAD_API Tensor color_jitter(const Tensor& image, const ColorJitterOptions& options, Here here = {});

/// gain log2(1 + image), or with `inverse` gain (2^image - 1).
struct LogOptions {
  Tensor gain = 1.0;
  bool inverse = false;
  bool clip = true;
};
LUMIGRAD_API Tensor adjust_log(const Tensor& image, const LogOptions& options = {}, Here here = {});
/// 1 / (1 + exp(gain (cutoff - image))), or with `inverse` one minus it.
struct SigmoidOptions {
  Tensor cutoff = 0.5;
  Tensor gain = 10.0;
  bool inverse = false;
};
LUMIGRAD_API Tensor adjust_sigmoid(const Tensor& image, const SigmoidOptions& options = {}, Here here = {});

/// max_value - image. Unlike the factors above, max_value may vary within images: it is one number; or one an image,
/// [N] or [N, 1, 1, 1] (as many axes as the image); or any other shape of more than one axis, which broadcasts to the
/// image from the right (one a channel: [C, 1, 1]). It is taken in the dtype of the image, on its device.
LUMIGRAD_API Tensor invert(const Tensor& image, const Tensor& max_value = 1.0, Here here = {});
/// Values from the threshold on become 1 - value; before that `addition`, if given, is added and the sum limited to
/// [0, 1]. No gradient in the threshold: the jump it moves has none.
LUMIGRAD_API Tensor solarize(const Tensor& image, const Tensor& threshold = 0.5, const Tensor& addition = {},
                             Here here = {});
/// The upper `bits` (0 to 8, one number or one an image) of the image as bytes. Gradients are 0.
LUMIGRAD_API Tensor posterize(const Tensor& image, const Tensor& bits, Here here = {});

/// What becomes of values above the threshold and of the others, as OpenCV's threshold types.
enum class ThresholdMode {
  binary,          ///< level, 0
  binary_inverse,  ///< 0, level
  truncate,        ///< threshold, value
  to_zero,         ///< value, 0
  to_zero_inverse  ///< 0, value
};
/// Gradients in what is kept of the image and in the level; the threshold has one where it is itself the result.
LUMIGRAD_API Tensor threshold(const Tensor& image, const Tensor& threshold, const Tensor& level = 1.0,
                              ThresholdMode mode = ThresholdMode::binary, Here here = {});

/// alpha a + beta b + gamma for images of one shape. Each weight is one number; or one an image, [N] or [N, 1, 1, 1]
/// (as many axes as the images); or, as max_value of invert may, it varies within images: any other shape of more than
/// one axis broadcasts to them from the right (a mask: [H, W]; one a channel: [C, 1, 1]).
struct Weights {
  Tensor alpha = 0.5, beta = 0.5, gamma = 0.0;
};
LUMIGRAD_API Tensor add_weighted(const Tensor& a, const Tensor& b, const Weights& weights, Here here = {});
/// factor x image.
LUMIGRAD_API Tensor rescale(const Tensor& image, const Tensor& factor, Here here = {});

/// (x - mean) / std for x [N, C, ...]: mean and std are one number, one a channel [C], or one a channel and image
/// [N, C].
LUMIGRAD_API Tensor normalize(const Tensor& x, const Tensor& mean, const Tensor& std, Here here = {});
/// x std + mean, the inverse of normalize.
LUMIGRAD_API Tensor denormalize(const Tensor& x, const Tensor& mean, const Tensor& std, Here here = {});
/// RGB images: one shift a channel (a number or one an image each), limited to [0, 1].
LUMIGRAD_API Tensor shift_rgb(const Tensor& image, const Tensor& red, const Tensor& green, const Tensor& blue,
                              Here here = {});

}  // namespace lumigrad::enhance
