// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/enhance/formulas.h>
#include <lumigrad/vision/enhance/steps.h>
#include <lumigrad/vision/photometry.h>

namespace lumigrad::enhance::steps {
namespace {

template <class Clipped, class Free>
PixelStep clipped(const char* name, bool clip, Clipped with, Free without, const Tensor& factor) {
  return clip ? pixel_step(name, with, {factor}) : pixel_step(name, without, {factor});
}

}  // namespace

PixelStep adjust_brightness(const Tensor& factor, Clipping options) {
  return clipped("enhance.adjust_brightness", options.clip, Shift<true>{}, Shift<false>{}, factor);
}

PixelStep adjust_brightness_accumulative(const Tensor& factor, Clipping options) {
  return clipped("enhance.adjust_brightness_accumulative", options.clip, Scale<true>{}, Scale<false>{}, factor);
}

PixelStep adjust_contrast(const Tensor& factor, Clipping options) {
  require_at_least("enhance.adjust_contrast", "factor", factor, 0);
  return clipped("enhance.adjust_contrast", options.clip, Scale<true>{}, Scale<false>{}, factor);
}

PixelStep adjust_contrast_about(const Tensor& mean, const Tensor& factor) {
  const char* name = "enhance.adjust_contrast_with_mean_subtraction";
  require_at_least(name, "factor", factor, 0);
  return pixel_step(name, ScaleAbout{}, {factor, mean});
}

PixelStep adjust_saturation(const Tensor& factor) {
  return pixel_step("enhance.adjust_saturation", Saturate{}, {factor});
}

PixelStep adjust_saturation_with_gray_subtraction(const Tensor& factor) {
  return pixel_step("enhance.adjust_saturation_with_gray_subtraction", SaturateAboutGray{}, {factor});
}

PixelStep adjust_saturation_raw(const Tensor& factor) {
  return pixel_step("enhance.adjust_saturation_raw", SaturateRaw{}, {factor});
}

PixelStep adjust_hue(const Tensor& factor) { return pixel_step("enhance.adjust_hue", TurnHue{}, {factor}); }

PixelStep adjust_hue_raw(const Tensor& factor) { return pixel_step("enhance.adjust_hue_raw", TurnHueRaw{}, {factor}); }

PixelStep adjust_gamma(const Tensor& gamma, const Tensor& gain) {
  require_at_least("enhance.adjust_gamma", "gamma", gamma, 0);
  require_at_least("enhance.adjust_gamma", "gain", gain, 0);
  return pixel_step("enhance.adjust_gamma", Gamma{}, {gamma, gain});
}

PixelStep color_jitter(const ColorJitterOptions& o) {
  const char* name = "enhance.color_jitter";
  require<ShapeError>(o.pivot.defined(), name, ": expected a pivot in a chain, got none");
  const std::vector<Tensor> params = {o.brightness, o.contrast, o.pivot, o.saturation, o.hue};
  if (o.rotate) return pixel_step(name, ColorJitter<HueTurn::axis>{}, params);
  return pixel_step(name, ColorJitter<HueTurn::hexagon>{}, params);
}

PixelStep adjust_log(const LogOptions& options) {
  const char* name = "enhance.adjust_log";
  if (options.inverse) return clipped(name, options.clip, Exponential<true>{}, Exponential<false>{}, options.gain);
  return clipped(name, options.clip, Logarithm<true>{}, Logarithm<false>{}, options.gain);
}

PixelStep adjust_sigmoid(const SigmoidOptions& options) {
  const char* name = "enhance.adjust_sigmoid";
  if (options.inverse) return pixel_step(name, Sigmoid<true>{}, {options.cutoff, options.gain});
  return pixel_step(name, Sigmoid<false>{}, {options.cutoff, options.gain});
}

PixelStep invert(const Tensor& max_value) { return pixel_step("enhance.invert", Invert{}, {max_value}); }

PixelStep solarize(const Tensor& threshold, const Tensor& addition) {
  const Tensor fixed = threshold.detach();
  if (!addition.defined()) return pixel_step("enhance.solarize", Solarize{}, {fixed});
  return pixel_step("enhance.solarize", SolarizeAdd{}, {fixed, addition});
}

PixelStep posterize(const Tensor& bits) {
  const char* name = "enhance.posterize";
  std::vector<double> steps = bits.values();
  for (double& step : steps) {
    require<NumericError>(step >= 0 && step <= 8 && step == static_cast<int>(step), name,
                          ": expected bits from 0 to 8, got ", step);
    step = static_cast<double>(1 << (8 - static_cast<int>(step)));
  }
  const Tensor p = Tensor::from(steps, {static_cast<std::int64_t>(steps.size())}).to(bits.device());
  return pixel_step(name, Posterize{}, {p});
}

PixelStep threshold(const Tensor& threshold, const Tensor& level, ThresholdMode mode) {
  const auto apply = [&](auto formula) { return pixel_step("enhance.threshold", formula, {threshold, level}); };
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

PixelStep rescale(const Tensor& factor) { return pixel_step("enhance.rescale", Scale<false>{}, {factor}); }

PixelStep shift_rgb(const Tensor& red, const Tensor& green, const Tensor& blue) {
  return pixel_step("enhance.shift_rgb", ShiftRgb{}, {red, green, blue});
}

}  // namespace lumigrad::enhance::steps
