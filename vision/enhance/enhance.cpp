// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/color/formulas.h>
#include <lumigrad/vision/enhance/enhance.h>
#include <lumigrad/vision/enhance/formulas.h>
#include <lumigrad/vision/photometry.h>

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

// The mean grey level of each image [N, C, H, W]; of all its values unless it has three channels.
Tensor mean_gray(const char* name, const Tensor& images, Here here) {
  const double pixels = static_cast<double>(images.size(-2) * images.size(-1));
  require<ShapeError>(pixels > 0, name, ": expected images with pixels, got shape ", images.shape());
  if (images.size(1) != 3) {
    constexpr int axes[] = {1, 2, 3};
    return mean(images, axes, false, here);
  }
  return reduce(name, kernels_of(color::Grayscale{}), Lanes::planes, std::span(&images, 1), {}, Segments::images,
                1 / pixels, here);
}

template <class Clipped, class Free>
Tensor clipped(const char* name, bool clip, Clipped with, Free without, const Tensor& image, const Tensor& factor,
               Here here) {
  if (clip) return each_value(name, with, {image}, {factor}, here);
  return each_value(name, without, {image}, {factor}, here);
}

}  // namespace

Tensor adjust_brightness(const Tensor& image, const Tensor& factor, Clipping options, Here here) {
  return clipped("enhance.adjust_brightness", options.clip, Shift<true>{}, Shift<false>{}, image, factor, here);
}

Tensor adjust_brightness_accumulative(const Tensor& image, const Tensor& factor, Clipping options, Here here) {
  return clipped("enhance.adjust_brightness_accumulative", options.clip, Scale<true>{}, Scale<false>{}, image, factor,
                 here);
}

Tensor adjust_contrast(const Tensor& image, const Tensor& factor, Clipping options, Here here) {
  require_at_least("enhance.adjust_contrast", "factor", factor, 0);
  return clipped("enhance.adjust_contrast", options.clip, Scale<true>{}, Scale<false>{}, image, factor, here);
}

Tensor adjust_contrast_with_mean_subtraction(const Tensor& image, const Tensor& factor, Here here) {
  const char* name = "enhance.adjust_contrast_with_mean_subtraction";
  require_at_least(name, "factor", factor, 0);
  const Batch batch(name, image, here);
  const Tensor level = mean_gray(name, batch.images, here);
  return batch.restored(each_value(name, ScaleAbout{}, {batch.images}, {batch.factor(factor, here), level}, here),
                        here);
}

Tensor adjust_saturation(const Tensor& image, const Tensor& factor, Here here) {
  return each_pixel("enhance.adjust_saturation", Saturate{}, {image}, {factor}, here);
}

Tensor adjust_saturation_with_gray_subtraction(const Tensor& image, const Tensor& factor, Here here) {
  const char* name = "enhance.adjust_saturation_with_gray_subtraction";
  require_image(name, image);
  if (image.size(-3) == 1) return image;
  return each_pixel(name, SaturateAboutGray{}, {image}, {factor}, here);
}

Tensor adjust_saturation_raw(const Tensor& image, const Tensor& factor, Here here) {
  return each_pixel("enhance.adjust_saturation_raw", SaturateRaw{}, {image}, {factor}, here);
}

Tensor adjust_hue(const Tensor& image, const Tensor& factor, Here here) {
  return each_pixel("enhance.adjust_hue", TurnHue{}, {image}, {factor}, here);
}

Tensor adjust_hue_raw(const Tensor& image, const Tensor& factor, Here here) {
  return each_pixel("enhance.adjust_hue_raw", TurnHueRaw{}, {image}, {factor}, here);
}

Tensor adjust_gamma(const Tensor& image, const Tensor& gamma, const Tensor& gain, Here here) {
  require_at_least("enhance.adjust_gamma", "gamma", gamma, 0);
  require_at_least("enhance.adjust_gamma", "gain", gain, 0);
  return each_value("enhance.adjust_gamma", Gamma{}, {image}, {gamma, gain}, here);
}

Tensor color_jitter(const Tensor& image, const ColorJitterOptions& options, Here here) {
  const char* name = "enhance.color_jitter";
  require_image(name, image, 3);
  Tensor pivot = options.pivot;
  if (!pivot.defined()) {
    const Batch batch(name, image, here);
    const Tensor bright =
        each_value(name, Scale<true>{}, {batch.images}, {batch.factor(options.brightness, here)}, here);
    pivot = mean_gray(name, bright, here);
    if (image.rank() > 4) {  // one an image of all leading axes: so must be the rest
      ColorJitterOptions flat{batch.factor(options.brightness, here),
                              batch.factor(options.contrast, here),
                              batch.factor(options.saturation, here),
                              batch.factor(options.hue, here),
                              pivot,
                              options.rotate};
      return batch.restored(color_jitter(batch.images, flat, here), here);
    }
  }
  const auto jitter = [&](auto formula) {
    return each_pixel(name, formula, {image},
                      {options.brightness, options.contrast, pivot, options.saturation, options.hue}, here);
  };
  return options.rotate ? jitter(ColorJitter<HueTurn::axis>{}) : jitter(ColorJitter<HueTurn::hexagon>{});
}

Tensor adjust_log(const Tensor& image, const LogOptions& options, Here here) {
  const char* name = "enhance.adjust_log";
  if (options.inverse)
    return clipped(name, options.clip, Exponential<true>{}, Exponential<false>{}, image, options.gain, here);
  return clipped(name, options.clip, Logarithm<true>{}, Logarithm<false>{}, image, options.gain, here);
}

Tensor adjust_sigmoid(const Tensor& image, const SigmoidOptions& options, Here here) {
  const char* name = "enhance.adjust_sigmoid";
  if (options.inverse) return each_value(name, Sigmoid<true>{}, {image}, {options.cutoff, options.gain}, here);
  return each_value(name, Sigmoid<false>{}, {image}, {options.cutoff, options.gain}, here);
}

Tensor invert(const Tensor& image, const Tensor& max_value, Here here) {
  return each_value("enhance.invert", Invert{}, {image}, {max_value}, here);
}

Tensor solarize(const Tensor& image, const Tensor& threshold, const Tensor& addition, Here here) {
  const Tensor fixed = threshold.detach();
  if (!addition.defined()) return each_value("enhance.solarize", Solarize{}, {image}, {fixed}, here);
  return each_value("enhance.solarize", SolarizeAdd{}, {image}, {fixed, addition}, here);
}

Tensor posterize(const Tensor& image, const Tensor& bits, Here here) {
  const char* name = "enhance.posterize";
  std::vector<double> steps = bits.values();
  for (double& step : steps) {
    require<NumericError>(step >= 0 && step <= 8 && step == static_cast<int>(step), name,
                          ": expected bits from 0 to 8, got ", step);
    step = static_cast<double>(1 << (8 - static_cast<int>(step)));
  }
  const Tensor p = Tensor::from(steps, {static_cast<std::int64_t>(steps.size())});
  return each_value(name, Posterize{}, {image}, {p}, here);
}

Tensor threshold(const Tensor& image, const Tensor& threshold, const Tensor& level, ThresholdMode mode, Here here) {
  const auto apply = [&](auto formula) {
    return each_value("enhance.threshold", formula, {image}, {threshold, level}, here);
  };
  switch (mode) {
    case ThresholdMode::binary:
      return apply(Threshold<ThresholdRule::binary>{});
    case ThresholdMode::binary_inverse:
      return apply(Threshold<ThresholdRule::binary_inverse>{});
    case ThresholdMode::truncate:
      return apply(Threshold<ThresholdRule::truncate>{});
    case ThresholdMode::to_zero:
      return apply(Threshold<ThresholdRule::to_zero>{});
    case ThresholdMode::to_zero_inverse:
      break;
  }
  return apply(Threshold<ThresholdRule::to_zero_inverse>{});
}

Tensor add_weighted(const Tensor& a, const Tensor& b, const Weights& weights, Here here) {
  return each_value("enhance.add_weighted", AddWeighted{}, {a, b}, {weights.alpha, weights.beta, weights.gamma}, here);
}

Tensor rescale(const Tensor& image, const Tensor& factor, Here here) {
  return each_value("enhance.rescale", Scale<false>{}, {image}, {factor}, here);
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
  return each_plane("enhance.normalize", Normalize{}, x, mean, std, here);
}

Tensor denormalize(const Tensor& x, const Tensor& mean, const Tensor& std, Here here) {
  return each_plane("enhance.denormalize", Denormalize{}, x, mean, std, here);
}

Tensor shift_rgb(const Tensor& image, const Tensor& red, const Tensor& green, const Tensor& blue, Here here) {
  return each_pixel("enhance.shift_rgb", ShiftRgb{}, {image}, {red, green, blue}, here);
}

}  // namespace lumigrad::enhance
