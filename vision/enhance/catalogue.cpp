// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/enhance/catalogue.h>
#include <lumigrad/vision/enhance/enhance.h>
#include <lumigrad/vision/enhance/steps.h>
#include <lumigrad/vision/photometric_rows.h>
#include <numbers>

namespace lumigrad {
namespace {

using rows::factor;
using rows::factor_of;
using rows::flag;
using rows::image_row;
using rows::pixel_of;
constexpr auto exact = Differentiability::exact;
constexpr auto almost = Differentiability::almost_everywhere;
constexpr auto none = Differentiability::none;

void known(Operator& op, const char* source, Values values, const Tensor& y, double tolerance = 1e-9) {
  op.golden.push_back({source, std::move(values), {y}, tolerance});
}

void kink(Operator& op, const char* what, const Values& values, const Tensor& seed, const char* argument,
          const Tensor& slope) {
  op.kinks.push_back({what, values, seed, argument, slope});
}

Tensor ones3() { return pixel_of({1, 1, 1}); }

// An operator with one factor, and perhaps a choice to limit the result.
template <class Call>
Operator factor_row(const char* name, const char* doc, std::int64_t channels, bool clips, double low, double high,
                    std::vector<double> kinks, const char* range, Call call) {
  std::vector<Argument> options = {factor("factor", "one number, or one an image", "", almost, range)};
  if (clips) options.push_back(flag("clip", "limit to [0, 1]", true));
  return image_row({.name = name,
                    .doc = doc,
                    .channels = channels,
                    .call = [call](const Tensor& x, const Values& v) { return std::vector{call(x, v)}; },
                    .kinks = std::move(kinks),
                    .gradient = almost,
                    .options = options,
                    .choose =
                        [=](Values& values, const Shape& shape, std::size_t index) {
                          values.set("factor", factor_of(shape, index, low, high));
                          if (clips) values.set("clip", index % 3 != 1);
                        }});
}

std::vector<Operator> factor_rows() {
  std::vector<Operator> all;
  const std::vector<double> ends = {1 / 1.2, 1 / 1.4, 1 / 1.6, 1 / 1.8};  // of the samples' products
  // Factors of the samples are 0.1, 0.15, ... 0.35; the image keeps away from where the sum leaves [0, 1].
  all.push_back(factor_row("enhance.adjust_brightness", "image + factor.", 0, true, 0.1, 0.4,
                           {0.9, 0.85, 0.8, 0.75, 0.7, 0.65}, "", [](const Tensor& x, const Values& v) {
                             return enhance::adjust_brightness(x, v.tensor("factor"), {.clip = v.flag("clip")});
                           }));
  kink(all.back(), "the ends have slope 1", {{"image", pixel_of({0, 0.5, 0.75})}, {"factor", Tensor(0.25)}}, ones3(),
       "image", ones3());
  kink(all.back(), "beyond the ends the slope is 0", {{"image", pixel_of({0.9, 0.5, 0.8})}, {"factor", Tensor(0.25)}},
       ones3(), "image", pixel_of({0, 1, 0}));
  all.push_back(factor_row("enhance.adjust_brightness_accumulative", "image x factor.", 0, true, 0.8, 2, ends, "",
                           [](const Tensor& x, const Values& v) {
                             return enhance::adjust_brightness_accumulative(x, v.tensor("factor"),
                                                                            {.clip = v.flag("clip")});
                           }));
  all.push_back(factor_row("enhance.adjust_contrast", "image x factor.", 0, true, 0.8, 2, ends, ">= 0",
                           [](const Tensor& x, const Values& v) {
                             return enhance::adjust_contrast(x, v.tensor("factor"), {.clip = v.flag("clip")});
                           }));
  all.back().refusals.push_back({"a negative factor",
                                 {{"image", ones3()}, {"factor", Tensor(-0.5)}},
                                 "enhance.adjust_contrast: expected factor >= 0"});
  all.push_back(factor_row("enhance.adjust_contrast_with_mean_subtraction",
                           "mean grey level + factor (image - mean grey level).", 0, false, 0.5, 1.0, {}, ">= 0",
                           [](const Tensor& x, const Values& v) {
                             return enhance::adjust_contrast_with_mean_subtraction(x, v.tensor("factor"));
                           }));
  known(all.back(), "a plain image stays", {{"image", pixel_of({0.4, 0.4, 0.4})}, {"factor", Tensor(3)}},
        pixel_of({0.4, 0.4, 0.4}));
  all.push_back(
      factor_row("enhance.adjust_saturation", "Saturation (as in HSV) times factor.", 3, false, 0.4, 1.0, {}, ">= 0",
                 [](const Tensor& x, const Values& v) { return enhance::adjust_saturation(x, v.tensor("factor")); }));
  known(all.back(), "none left", {{"image", pixel_of({0.8, 0.4, 0.2})}, {"factor", Tensor(0)}},
        pixel_of({0.8, 0.8, 0.8}));
  known(all.back(), "all there can be", {{"image", pixel_of({0.8, 0.4, 0.2})}, {"factor", Tensor(10)}},
        pixel_of({0.8, 0.8 / 3, 0}), 1e-7);
  all.push_back(factor_row("enhance.adjust_saturation_with_gray_subtraction", "grey + factor (image - grey).", 3, false,
                           0.4, 1.0, {}, "", [](const Tensor& x, const Values& v) {
                             return enhance::adjust_saturation_with_gray_subtraction(x, v.tensor("factor"));
                           }));
  known(all.back(), "none left", {{"image", pixel_of({1, 0, 0})}, {"factor", Tensor(0)}},
        pixel_of({0.299, 0.299, 0.299}));
  all.push_back(factor_row(
      "enhance.adjust_saturation_raw", "Saturation of an HSV image times factor.", 3, false, 0.4, 1.0, {}, ">= 0",
      [](const Tensor& x, const Values& v) { return enhance::adjust_saturation_raw(x, v.tensor("factor")); }));
  all.push_back(
      factor_row("enhance.adjust_hue", "Hue (as in HSV) plus factor, in radians.", 3, false, -2.0, 2.5, {}, "",
                 [](const Tensor& x, const Values& v) { return enhance::adjust_hue(x, v.tensor("factor")); }));
  known(all.back(), "a third of a turn",
        {{"image", pixel_of({0.8, 0.4, 0.2})}, {"factor", Tensor(std::numbers::pi / 1.5)}}, pixel_of({0.2, 0.8, 0.4}),
        1e-7);
  kink(all.back(), "grey has no hue", {{"image", pixel_of({0.4, 0.4, 0.4})}, {"factor", Tensor(0.5)}}, ones3(),
       "factor", Tensor(0));
  all.back().grad_bound = 1e-3;
  all.back().bound_reason = "hue divides by chroma";
  all.push_back(factor_row(
      "enhance.adjust_hue_raw", "Hue of an HSV image plus factor, whole turns taken off.", 3, false, -2.0, 2.5, {}, "",
      [](const Tensor& x, const Values& v) { return enhance::adjust_hue_raw(x, v.tensor("factor")); }));
  known(all.back(), "by hand", {{"image", pixel_of({5, 0.5, 0.5})}, {"factor", Tensor(2)}},
        pixel_of({7 - 2 * std::numbers::pi, 0.5, 0.5}));
  all.push_back(factor_row("enhance.rescale", "image x factor.", 0, false, 0.5, 3.0, {}, "",
                           [](const Tensor& x, const Values& v) { return enhance::rescale(x, v.tensor("factor")); }));
  return all;
}

std::vector<Operator> curve_rows() {
  std::vector<Operator> all;
  all.push_back(image_row({.name = "enhance.adjust_gamma",
                           .doc = "gain image^gamma, limited to [0, 1].",
                           .channels = 0,
                           .call =
                               [](const Tensor& x, const Values& v) {
                                 return std::vector{enhance::adjust_gamma(x, v.tensor("gamma"), v.tensor("gain"))};
                               },
                           .gradient = almost,
                           .options = {factor("gamma", "one number, or one an image", "", almost, ">= 0"),
                                       factor("gain", "one number, or one an image", "1.0", almost, ">= 0")},
                           .choose =
                               [](Values& values, const Shape& shape, std::size_t index) {
                                 values.set("gamma", factor_of(shape, index, 0.5, 2.5));
                                 if (index % 2 == 1) values.set("gain", factor_of(shape, index, 0.6, 0.9));
                               }}));
  known(all.back(), "by hand", {{"image", pixel_of({0.5, 1, 0})}, {"gamma", Tensor(2)}}, pixel_of({0.25, 1, 0}), 1e-12);
  kink(all.back(), "the slope at 0 is 0, not infinite", {{"image", pixel_of({0, 0, 0})}, {"gamma", Tensor(0.5)}},
       ones3(), "image", pixel_of({0, 0, 0}));
  all.back().refusals.push_back(
      {"a negative gamma", {{"image", ones3()}, {"gamma", Tensor(-1)}}, "enhance.adjust_gamma: expected gamma >= 0"});
  all.push_back(
      image_row({.name = "enhance.adjust_log",
                 .doc = "gain log2(1 + image), or gain (2^image - 1).",
                 .channels = 0,
                 .call =
                     [](const Tensor& x, const Values& v) {
                       return std::vector{enhance::adjust_log(
                           x, {.gain = v.tensor("gain"), .inverse = v.flag("inverse"), .clip = v.flag("clip")})};
                     },
                 .gradient = almost,
                 .options = {factor("gain", "one number, or one an image", "1.0", almost),
                             flag("inverse", "the inverse curve", false), flag("clip", "limit to [0, 1]", true)},
                 .choose =
                     [](Values& values, const Shape& shape, std::size_t index) {
                       values.set("gain", factor_of(shape, index, 0.5, 0.9));
                       values.set("inverse", index % 2 == 1);
                       values.set("clip", index % 3 != 2);
                     }}));
  known(all.back(), "by hand", {{"image", pixel_of({0, 1, 3})}, {"clip", false}}, pixel_of({0, 1, 2}), 1e-12);
  all.push_back(image_row(
      {.name = "enhance.adjust_sigmoid",
       .doc = "1 / (1 + exp(gain (cutoff - image))), or one minus it.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{enhance::adjust_sigmoid(
                 x, {.cutoff = v.tensor("cutoff"), .gain = v.tensor("gain"), .inverse = v.flag("inverse")})};
           },
       .options = {factor("cutoff", "one number, or one an image", "0.5"),
                   factor("gain", "one number, or one an image", "10.0"), flag("inverse", "one minus it", false)},
       .choose =
           [](Values& values, const Shape& shape, std::size_t index) {
             values.set("cutoff", factor_of(shape, index, 0.3, 0.7));
             values.set("gain", factor_of(shape, index, 3, 8));
             values.set("inverse", index % 2 == 1);
           }}));
  known(all.back(), "at the cutoff", {{"image", pixel_of({0.5, 0.5, 0.5})}}, pixel_of({0.5, 0.5, 0.5}), 1e-12);
  all.push_back(image_row(
      {.name = "enhance.invert",
       .doc = "max_value - image.",
       .channels = 0,
       .call = [](const Tensor& x, const Values& v) { return std::vector{enhance::invert(x, v.tensor("max_value"))}; },
       .options = {factor("max_value", "one number, one an image, or broadcasts from the right", "1.0")},
       .choose =
           [](Values& values, const Shape& shape, std::size_t index) {
             const Tensor columns = uniform({index, 3}, {1, shape[shape.rank() - 1]}, 1, 3, DType::f64);
             values.set("max_value", index == 7 ? columns : factor_of(shape, index, 1, 3));
           }}));
  known(all.back(), "one a channel",
        {{"image", pixel_of({0.25, 0.5, 1})}, {"max_value", Tensor::from(std::vector<double>{1, 2, 3}, {3, 1, 1})}},
        pixel_of({0.75, 1.5, 2}), 1e-15);
  known(all.back(), "one a channel of a single image",
        {{"image", Tensor::full({3, 1, 1}, 0.25, DType::f64)},
         {"max_value", Tensor::from(std::vector<double>{1, 2, 3}, {3, 1, 1})}},
        Tensor::from(std::vector<double>{0.75, 1.75, 2.75}, {3, 1, 1}), 1e-15);
  known(all.back(), "one a channel of as many images",
        {{"image", Tensor::full({2, 2, 1, 1}, 0.25, DType::f64)},
         {"max_value", Tensor::from(std::vector<double>{1, 2}, {2, 1, 1})}},
        Tensor::from(std::vector<double>{0.75, 1.75, 0.75, 1.75}, {2, 2, 1, 1}), 1e-15);
  known(all.back(), "one an image of as many axes",
        {{"image", Tensor::full({2, 2, 1, 1}, 0.25, DType::f64)},
         {"max_value", Tensor::from(std::vector<double>{1, 2}, {2, 1, 1, 1})}},
        Tensor::from(std::vector<double>{0.75, 0.75, 1.75, 1.75}, {2, 2, 1, 1}), 1e-15);
  for (const Shape& shape : {Shape{2, 2}, Shape{2, 1, 1}})
    all.back().refusals.push_back(
        {"no map",
         {{"image", Tensor::zeros({2, 3, 1, 1}, DType::f64)}, {"max_value", Tensor::ones(shape, DType::f64)}},
         "enhance.invert: expected"});
  all.push_back(image_row(
      {.name = "enhance.solarize",
       .doc = "Values from the threshold on become 1 - value.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{enhance::solarize(x, v.tensor("threshold"), v.tensor("addition"))};
           },
       .kinks = {0.5, 0.4, 0.3, 0.9, 0.8},
       .gradient = almost,
       .options = {factor("threshold", "one number, or one an image", "0.5", none),
                   {.name = "addition", .doc = "one number, or one an image", .gradient = almost, .optional = true}},
       .choose =
           [](Values& values, const Shape& shape, std::size_t index) {
             const std::int64_t count = index % 2 == 1 && shape.rank() >= 4 ? shape[0] : 1;
             if (index % 3 != 0) values.set("addition", Tensor::full({count}, index % 3 == 1 ? 0.1 : 0.2, DType::f64));
           }}));
  kink(all.back(), "the threshold itself turns over", {{"image", pixel_of({0.5, 0.4, 0.6})}}, ones3(), "image",
       pixel_of({-1, 1, -1}));
  all.push_back(image_row(
      {.name = "enhance.posterize",
       .doc = "The upper bits of the image as bytes.",
       .channels = 0,
       .call = [](const Tensor& x, const Values& v) { return std::vector{enhance::posterize(x, v.tensor("bits"))}; },
       .gradient = none,
       .options = {factor("bits", "whole, one number or one an image", "", none, "0 to 8")},
       .choose = [](Values& values, const Shape&,
                    std::size_t index) { values.set("bits", static_cast<std::int64_t>(index)); }}));
  known(all.back(), "by hand", {{"image", pixel_of({0.1, 0.5, 1})}, {"bits", std::int64_t(1)}},
        pixel_of({0, 0, 128.0 / 255}), 1e-12);
  all.back().refusals.push_back(
      {"nine bits", {{"image", ones3()}, {"bits", std::int64_t(9)}}, "enhance.posterize: expected bits from 0 to 8"});
  const std::vector<std::string> modes = {"binary", "binary_inverse", "truncate", "to_zero", "to_zero_inverse"};
  all.push_back(image_row({.name = "enhance.threshold",
                           .doc = "OpenCV's threshold: what becomes of values above the threshold, and of the others.",
                           .channels = 0,
                           .call =
                               [modes](const Tensor& x, const Values& v) {
                                 int mode = 0;
                                 while (modes[static_cast<std::size_t>(mode)] != v.choice("mode")) ++mode;
                                 return std::vector{enhance::threshold(x, v.tensor("threshold"), v.tensor("level"),
                                                                       static_cast<enhance::ThresholdMode>(mode))};
                               },
                           .kinks = {0.5},
                           .gradient = almost,
                           .options = {factor("threshold", "one number, or one an image", "", almost),
                                       factor("level", "one number, or one an image", "1.0", exact),
                                       rows::choice("mode", "which rule", modes, "binary")},
                           .choose =
                               [modes](Values& values, const Shape& shape, std::size_t index) {
                                 values.set("threshold", Tensor::full({}, 0.5, DType::f64));
                                 values.set("level", factor_of(shape, index, 0.7, 2));
                                 values.set("mode", modes[index % 5]);
                               }}));
  kink(all.back(), "the threshold itself is not above",
       {{"image", pixel_of({0.5, 0.4, 0.6})}, {"threshold", Tensor(0.5)}, {"mode", std::string("to_zero_inverse")}},
       ones3(), "image", pixel_of({1, 1, 0}));
  return all;
}

Operator jitter_row() {
  Operator op =
      image_row({.name = "enhance.color_jitter",
                 .doc = "Brightness, contrast, saturation and hue in one pass.",
                 .call =
                     [](const Tensor& x, const Values& v) {
                       return std::vector{enhance::color_jitter(x, {.brightness = v.tensor("brightness"),
                                                                    .contrast = v.tensor("contrast"),
                                                                    .saturation = v.tensor("saturation"),
                                                                    .hue = v.tensor("hue"),
                                                                    .pivot = v.tensor("pivot"),
                                                                    .rotate = v.flag("rotate")})};
                     },
                 .low = 0.25,
                 .high = 0.75,
                 .gradient = almost,
                 .options = {factor("brightness", "factor of the image", "1.0", almost),
                             factor("contrast", "factor of the distance from the pivot", "1.0", almost),
                             factor("saturation", "factor of the distance from the grey level", "1.0", almost),
                             factor("hue", "added to the hue, radians", "0.0", almost),
                             {.name = "pivot",
                              .doc = "level that contrast turns about; the mean grey level where left out",
                              .gradient = almost,
                              .optional = true},
                             flag("rotate", "turn hues about the grey axis", false)},
                 .choose =
                     [](Values& values, const Shape& shape, std::size_t index) {
                       values.set("brightness", factor_of(shape, index, 0.9, 1.1));
                       values.set("contrast", factor_of(shape, index + 1, 0.8, 1.1));
                       values.set("saturation", factor_of(shape, index + 2, 0.8, 1.1));
                       values.set("hue", factor_of(shape, index, -0.6, 0.6));
                       if (index % 3 != 1) values.set("pivot", factor_of(shape, index + 1, 0.4, 0.6));
                       values.set("rotate", index % 2 == 0);
                     }});
  known(op, "nothing changed", {{"image", pixel_of({0.8, 0.4, 0.2})}, {"rotate", true}}, pixel_of({0.8, 0.4, 0.2}));
  for (const bool rotate : {false, true})
    known(op, "a third of a turn",
          {{"image", pixel_of({0.8, 0.4, 0.2})}, {"hue", Tensor(std::numbers::pi / 1.5)}, {"rotate", rotate}},
          pixel_of({0.2, 0.8, 0.4}), 1e-7);
  kink(op, "grey has no hue", {{"image", pixel_of({0.4, 0.4, 0.4})}, {"hue", Tensor(0.5)}, {"pivot", Tensor(0.5)}},
       ones3(), "hue", Tensor(0));
  const Values beyond{{"image", pixel_of({1.5, 1, -1})}, {"brightness", Tensor(0.5)}, {"rotate", true}};
  kink(op, "beyond [0, 1] the image has slope 0", beyond, ones3(), "image", pixel_of({0, 0.5, 0}));
  kink(op, "and is what its end is", beyond, ones3(), "brightness", Tensor(2));
  op.grad_bound = 1e-3;
  op.bound_reason = "hue divides by chroma";
  return op;
}

// A chain stands here for all of them; its steps have its name.
Operator chain_row() {
  const auto call = [](const Tensor& x, const Values& v) {
    std::vector<PixelStep> steps = {enhance::steps::adjust_brightness(v.tensor("brightness"), {.clip = false}),
                                    enhance::steps::adjust_saturation_with_gray_subtraction(v.tensor("saturation")),
                                    enhance::steps::adjust_gamma(v.tensor("gamma"))};
    for (PixelStep& step : steps) step.name = "enhance.fuse";
    return std::vector{fuse(x, steps)};
  };
  return image_row({.name = "enhance.fuse",
                    .doc = "A chain in one pass: brightness added, saturation about grey, the power gamma.",
                    .call = call,
                    .low = 0.25,
                    .high = 0.75,
                    .gradient = almost,
                    .options = {factor("brightness", "added to the image", "0.0", almost),
                                factor("saturation", "factor of the distance from the grey level", "1.0", almost),
                                factor("gamma", "power", "1.0", almost)},
                    .choose = [](Values& values, const Shape& shape, std::size_t index) {
                      values.set("brightness", factor_of(shape, index, -0.1, 0.1));
                      values.set("saturation", factor_of(shape, index + 1, 0.8, 1.1));
                      values.set("gamma", factor_of(shape, index + 2, 0.8, 1.4));
                    }});
}

}  // namespace

const std::vector<Operator>& enhance_operators() {
  static const std::vector<Operator> all = [] {
    std::vector<Operator> rows;
    for (const auto& part : {factor_rows(), curve_rows(), enhance_arithmetic_rows(), {jitter_row(), chain_row()}})
      rows.insert(rows.end(), part.begin(), part.end());
    return rows;
  }();
  return all;
}

}  // namespace lumigrad
