// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/requirements.h>
#include <lumigrad/vision/color/formulas.h>
#include <lumigrad/vision/enhance/enhance.h>
#include <lumigrad/vision/enhance/formulas.h>
#include <lumigrad/vision/enhance/steps.h>
#include <lumigrad/vision/photometry.h>
#include <algorithm>

namespace lumigrad::enhance {
namespace {

// A factor for each image where the leading axes of images [.., C, H, W] have become one: the image, and its factor.
struct Batch {
  Tensor images;  // [N, C, H, W]
  Shape shape;    // before
  const char* name;
  Batch(const char* name, const Tensor& x, Here here) : shape(x.shape()), name(name) {
    require_image(name, x);
    images = leading_as_one(x, 3, here);
  }
  Tensor factor(const Tensor& f, Here here) const { return per_image(name, f, shape, 3, here); }
  Tensor restored(const Tensor& y, Here here) const { return reshape(y, shape, here); }
};

// A parameter as an operand that broadcasts to the images.
Tensor map_over(const char* name, const Tensor& p, const Tensor& images, Here here) {
  require<ShapeError>(p.numel() == 1 || p.rank() != 1 || images.rank() >= 4, name,
                      ": expected a parameter of one number for images ", images.shape(), ", got shape ", p.shape());
  const Tensor map = operand_of(name, p, images, here);
  require<ShapeError>(broadcast(name, map.shape(), images.shape()) == images.shape(), name,
                      ": expected a parameter that broadcasts to images ", images.shape(), ", got shape ", p.shape());
  return map;
}

// Images as the numbers that formulas read in them: shares of 255 and 65535 where they are bytes and words.
Tensor numbers_of(const char* name, const Tensor& images, Here here) {
  require_image(name, images);
  const bool stored = images.dtype() == DType::u8 || images.dtype() == DType::u16;
  require<DTypeError>(stored || is_floating(images.dtype()), name, ": expected f32 or f64 (or u8, u16 pixels), got ",
                      images.dtype());
  return stored ? rescale(images, 1.0, here) : images;
}

// The mean over each image [N, C, H, W] of a formula of its pixels.
Tensor mean_of(const char* name, const PixelKernels& formula, const Tensor& images, std::span<const Tensor> params,
               Here here) {
  const double pixels = static_cast<double>(images.size(-2) * images.size(-1));
  require<ShapeError>(pixels > 0, name, ": expected images with pixels, got shape ", images.shape());
  return reduce(name, formula, Lanes::planes, std::span(&images, 1), params, Segments::images, 1 / pixels, here);
}

// The mean grey level of each image [N, C, H, W]; of all its values unless it has three channels.
Tensor mean_gray(const char* name, const Tensor& images, Here here) {
  if (images.size(1) != 3) {
    constexpr int axes[] = {1, 2, 3};
    return mean(images, axes, false, here);
  }
  return mean_of(name, kernels_of(color::Grayscale{}), images, {}, here);
}

}  // namespace

Tensor adjust_brightness(const Tensor& image, const Tensor& factor, Clipping options, Here here) {
  return fuse(image, {steps::adjust_brightness(factor, options)}, here);
}

Tensor adjust_brightness_accumulative(const Tensor& image, const Tensor& factor, Clipping options, Here here) {
  return fuse(image, {steps::adjust_brightness_accumulative(factor, options)}, here);
}

Tensor adjust_contrast(const Tensor& image, const Tensor& factor, Clipping options, Here here) {
  return fuse(image, {steps::adjust_contrast(factor, options)}, here);
}

Tensor adjust_contrast_with_mean_subtraction(const Tensor& image, const Tensor& factor, Here here) {
  const char* name = "enhance.adjust_contrast_with_mean_subtraction";
  require_at_least(name, "factor", factor, 0);
  const Batch batch(name, image, here);
  const Tensor level = mean_gray(name, batch.images, here);
  return batch.restored(fuse(batch.images, {steps::adjust_contrast_about(level, batch.factor(factor, here))}, here),
                        here);
}

Tensor adjust_saturation(const Tensor& image, const Tensor& factor, Here here) {
  return fuse(image, {steps::adjust_saturation(factor)}, here);
}

Tensor adjust_saturation_with_gray_subtraction(const Tensor& image, const Tensor& factor, Here here) {
  require_image("enhance.adjust_saturation_with_gray_subtraction", image);
  if (image.size(-3) == 1) return image;
  return fuse(image, {steps::adjust_saturation_with_gray_subtraction(factor)}, here);
}

Tensor adjust_saturation_raw(const Tensor& image, const Tensor& factor, Here here) {
  return fuse(image, {steps::adjust_saturation_raw(factor)}, here);
}

Tensor adjust_hue(const Tensor& image, const Tensor& factor, Here here) {
  return fuse(image, {steps::adjust_hue(factor)}, here);
}

Tensor adjust_hue_raw(const Tensor& image, const Tensor& factor, Here here) {
  return fuse(image, {steps::adjust_hue_raw(factor)}, here);
}

Tensor adjust_gamma(const Tensor& image, const Tensor& gamma, const Tensor& gain, Here here) {
  return fuse(image, {steps::adjust_gamma(gamma, gain)}, here);
}

Tensor color_jitter(const Tensor& image, const ColorJitterOptions& options, Here here) {
  const char* name = "enhance.color_jitter";
  require_image(name, image, 3);
  Tensor pivot = options.pivot;
  if (!pivot.defined()) {
    const Batch batch(name, image, here);
    const Tensor brightness = batch.factor(options.brightness, here);
    pivot = mean_of(name, kernels_of(BrightenedGrayscale{}), batch.images, std::span(&brightness, 1), here);
    if (image.rank() > 4) {  // one an image of all leading axes: so must be the rest
      ColorJitterOptions flat{brightness,
                              batch.factor(options.contrast, here),
                              batch.factor(options.saturation, here),
                              batch.factor(options.hue, here),
                              pivot,
                              options.rotate};
      return batch.restored(color_jitter(batch.images, flat, here), here);
    }
  }
  ColorJitterOptions all = options;
  all.pivot = pivot;
  return fuse(image, {steps::color_jitter(all)}, here);
}

Tensor adjust_log(const Tensor& image, const LogOptions& options, Here here) {
  return fuse(image, {steps::adjust_log(options)}, here);
}

Tensor adjust_sigmoid(const Tensor& image, const SigmoidOptions& options, Here here) {
  return fuse(image, {steps::adjust_sigmoid(options)}, here);
}

Tensor invert(const Tensor& image, const Tensor& max_value, Here here) {
  if (!varies_within(max_value, image)) return fuse(image, {steps::invert(max_value)}, here);
  const Tensor numbers = numbers_of("enhance.invert", image, here);
  return sub(map_over("enhance.invert", max_value, numbers, here), numbers, here);
}

Tensor solarize(const Tensor& image, const Tensor& threshold, const Tensor& addition, Here here) {
  return fuse(image, {steps::solarize(threshold, addition)}, here);
}

Tensor posterize(const Tensor& image, const Tensor& bits, Here here) {
  return fuse(image, {steps::posterize(bits)}, here);
}

Tensor threshold(const Tensor& image, const Tensor& threshold, const Tensor& level, ThresholdMode mode, Here here) {
  return fuse(image, {steps::threshold(threshold, level, mode)}, here);
}

Tensor add_weighted(const Tensor& a, const Tensor& b, const Weights& weights, Here here) {
  const char* name = "enhance.add_weighted";
  const Tensor* parts[] = {&weights.alpha, &weights.beta, &weights.gamma};
  if (std::none_of(std::begin(parts), std::end(parts), [&](const Tensor* w) { return varies_within(*w, a); }))
    return each_value(name, AddWeighted{}, {a, b}, {weights.alpha, weights.beta, weights.gamma}, here);
  require<ShapeError>(a.shape() == b.shape(), name, ": expected images of one shape, got ", a.shape(), " and ",
                      b.shape());
  require<DeviceError>(a.device() == b.device(), name, ": expected images on one device, got ", a.device(), " and ",
                       b.device());
  const Tensor x = numbers_of(name, a, here), y = numbers_of(name, b, here);
  require<DTypeError>((x.dtype() == DType::f64) == (y.dtype() == DType::f64), name,
                      ": expected images of one dtype, got ", x.dtype(), " and ", y.dtype());
  const auto over = [&](const Tensor& w) { return map_over(name, w, x, here); };
  return add(add(mul(x, over(weights.alpha), here), mul(y, over(weights.beta), here), here), over(weights.gamma), here);
}

Tensor rescale(const Tensor& image, const Tensor& factor, Here here) {
  return fuse(image, {steps::rescale(factor)}, here);
}

namespace {

// One number, one a channel or one a channel and image, as one for each plane of [N C, 1, H, W].
Tensor for_planes(const char* name, const Tensor& p, const Shape& x, Here here) {
  const std::int64_t N = x[0], C = x[1];
  if (p.numel() == 1) return p;
  require<ShapeError>(p.numel() == C || (p.numel() == N * C && p.rank() >= 2), name,
                      ": expected one number, one a channel or one a channel and image, got shape ", p.shape(), " for ",
                      x);
  if (p.numel() == N * C) return reshape(p, {N * C}, here);
  return reshape(expand(reshape(p, {1, C}, here), Shape{N, C}, here), {N * C}, here);
}

template <class F>
Tensor each_plane(const char* name, F formula, const Tensor& x, const Tensor& mean, const Tensor& std, Here here) {
  require<ShapeError>(x.rank() >= 2, name, ": expected [N, C, ..], got shape ", x.shape());
  const std::int64_t planes = x.size(0) * x.size(1);
  const Tensor flat = reshape(x, {planes, 1, 1, planes == 0 ? 0 : x.numel() / planes}, here);
  const Tensor y = each_pixel(name, formula, {flat},
                              {for_planes(name, mean, x.shape(), here), for_planes(name, std, x.shape(), here)}, here);
  return reshape(y, x.shape(), here);
}

}  // namespace

Tensor normalize(const Tensor& x, const Tensor& mean, const Tensor& std, Here here) {
  const char* name = "enhance.normalize";
  require<DTypeError>(is_differentiable(std.dtype()), name, ": expected a std of f32 or f64, got ", std.dtype());
  return each_plane(name, Normalize{}, x, mean, reciprocal(std, here), here);  // one division a channel
}

Tensor denormalize(const Tensor& x, const Tensor& mean, const Tensor& std, Here here) {
  return each_plane("enhance.denormalize", Denormalize{}, x, mean, std, here);
}

Tensor shift_rgb(const Tensor& image, const Tensor& red, const Tensor& green, const Tensor& blue, Here here) {
  return fuse(image, {steps::shift_rgb(red, green, blue)}, here);
}

}  // namespace lumigrad::enhance
