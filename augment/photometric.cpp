// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/photometric.h>
#include <lumigrad/augment/warp.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/color/color.h>
#include <lumigrad/vision/enhance/steps.h>
#include <lumigrad/vision/filters/filters.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace lumigrad::augment {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Domain factors = {1, 0, infinity};
constexpr std::pair about_one = {0.85, 1.15};
constexpr Domain turns = {0, -std::numbers::pi, std::numbers::pi};

Distribution given(const Distribution& distribution) {
  return distribution.defined() ? distribution : Distribution(0.0);
}

/// A parameter of the draw in the type of the images.
Tensor number(const Draw& draw, const char* name, const Tensor& image) { return draw.value(name).to(image.dtype()); }

/// The options of a filter with a window.
Settings window_settings(Size kernel, Border border) {
  return {
      {"kernel_height", double(kernel.height)}, {"kernel_width", double(kernel.width)}, {"border", name_of(border)}};
}
Size window(const Settings& settings) {
  const auto extent = [&](const char* side) { return static_cast<std::int64_t>(*settings.at(side).if_number()); };
  return {extent("kernel_height"), extent("kernel_width")};
}
Border border(const Settings& settings) { return border_named(*settings.at("border").if_text()); }

/// 1 where the rectangles of some images cover an axis: [N, extent]. `length` is a part of the extent, `place` says
/// where in the room that is left it starts.
Tensor covered(const Tensor& place, const Tensor& length, std::int64_t extent) {
  const std::vector<double> places = place.values(), lengths = length.values();
  Tensor mask = Tensor::zeros({static_cast<std::int64_t>(places.size()), extent}, DType::f64);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto count = std::llround(std::clamp(lengths[i], 0.0, 1.0) * double(extent));
    const auto first = std::llround(std::clamp(places[i], 0.0, 1.0) * double(extent - count));
    std::fill_n(mask.mutable_data<double>() + static_cast<std::int64_t>(i) * extent + first, count, 1.0);
  }
  return mask;
}

void require_rgb(const char* name, const Tensor& image) {
  require<ShapeError>(image.rank() == 4 && image.size(1) == 3, name, ": expected RGB images [N, 3, H, W], got ",
                      image.shape());
}

}  // namespace

Photometric::Photometric(std::string name, Gate p, std::vector<Parameter> drawn, Step step, Settings settings)
    : Augmentation(std::move(name), std::move(p), std::move(drawn)), step_(step), settings_(std::move(settings)) {}
Photometric::Photometric(std::string name, Gate p, std::vector<Parameter> drawn, Change change, Settings settings)
    : Augmentation(std::move(name), std::move(p), std::move(drawn)), change_(change), settings_(std::move(settings)) {}

Settings Photometric::settings() const { return settings_; }
void Photometric::set(const std::string& name, const Setting& value) {
  const auto found = settings_.find(name);
  if (found == settings_.end()) return Augmentation::set(name, value);
  require<FormatError>(
      found->second.kind() == value.kind(), this->name(), ": expected for ", name,
      found->second.if_flag() ? " true or false" : (found->second.if_number() ? " a number" : " a text"));
  if (const double* number = value.if_number())
    require<FormatError>(std::isfinite(*number), this->name(), ": expected a finite ", name, ", got ", *number);
  if (name.starts_with("kernel_")) {
    const double extent = *value.if_number();
    require<FormatError>(extent >= 1 && extent == std::floor(extent) && extent < 1e6, this->name(),
                         ": expected a whole ", name, " >= 1, got ", extent);
  }
  if (name == "border") border_named(*value.if_text());
  found->second = value;
}

Tensor Photometric::transform(const Tensor& image, const Draw& draw) const {
  return step_ ? fuse(image, {step_(image, draw, settings_)}) : change_(image, draw, settings_);
}

PixelStep Photometric::pixel_step(const Tensor& image, const Draw& draw) const {
  if (!step_) return {};
  return step_(image, draw, settings_);
}

// ---- jitters: four changes in an order of their own --------------------------------------------------------------

namespace {

void check_order(const std::string& name, const std::string& order) {
  std::string sorted = order;
  std::sort(sorted.begin(), sorted.end());
  require<FormatError>(sorted == "bchs" || order == "random", name,
                       ": expected an order of the letters b c s h, or random, got ", order);
}

std::vector<Parameter> jitter_parameters(const ColorJitterOptions& o, const Domain& brightness) {
  return {{"brightness", given(o.brightness), brightness, about_one},
          {"contrast", given(o.contrast), factors, about_one},
          {"saturation", given(o.saturation), factors, about_one},
          {"hue", given(o.hue), turns, {-0.5, 0.7}}};
}

void set_order(const std::string& name, std::string& order, const Setting& value) {
  require<FormatError>(value.if_text(), name, ": expected a text for order");
  check_order(name, *value.if_text());
  order = *value.if_text();
}

/// The order of one sample as a number in base four: b = 0, c = 1, s = 2, h = 3, the first step first.
constexpr std::string_view letters = "bcsh";
double order_number(std::string_view order) {
  double number = 0;
  for (const char letter : order) number = 4 * number + static_cast<double>(letters.find(letter));
  return number;
}
std::string order_text(double number) {
  require<NumericError>(number >= 0 && number < 256, "color_jitter: expected an order as a number in [0, 256), got ",
                        number);
  std::string text(4, 'b');
  auto rest = static_cast<int>(number);
  for (std::size_t i = 4; i-- > 0; rest /= 4) text[i] = letters[static_cast<std::size_t>(rest % 4)];
  return text;
}

void draw_order(Draw& draw, const std::string& order, const Generator& generator, std::int64_t count) {
  if (order != "random") return;
  Tensor orders = Tensor::empty({count}, DType::f64);
  for (std::int64_t i = 0; i < count; ++i) {
    const Tensor shuffled = permutation(generator.then("order").from_sample(static_cast<std::uint64_t>(i)), 4);
    std::string text;
    for (const double k : shuffled.values()) text += letters[static_cast<std::size_t>(k)];
    orders.mutable_data<double>()[i] = order_number(text);
  }
  draw.values["order"] = orders;
}

/// Calls change(images, their draw, order) for runs of samples that have the same order.
template <class Change>
Tensor in_order(const Tensor& image, const Draw& draw, const std::string& order, const Change& change) {
  const auto found = draw.values.find("order");
  if (found == draw.values.end()) {
    require<FormatError>(order != "random", "color_jitter: expected an order in the draw, got none");
    return change(image, draw, order);
  }
  const std::vector<double> orders = found->second.values();
  if (orders.size() == 1) return change(image, draw, order_text(orders[0]));
  require<ShapeError>(static_cast<std::int64_t>(orders.size()) == image.size(0), "color_jitter: expected an order for ",
                      image.size(0), " images, got ", orders.size());
  std::vector<Tensor> parts;
  for (std::size_t begin = 0, end = 0; begin < orders.size(); begin = end) {
    for (end = begin; end < orders.size() && orders[end] == orders[begin];) ++end;
    const auto b = static_cast<std::int64_t>(begin), e = static_cast<std::int64_t>(end);
    if (b == 0 && e == image.size(0)) return change(image, draw, order_text(orders[0]));
    parts.push_back(change(slice(image, 0, b, e), draw.part(b, e), order_text(orders[begin])));
  }
  return concat(parts, 0);
}

}  // namespace

ColorJitter::ColorJitter(ColorJitterOptions o)
    : Augmentation("color_jitter", std::move(o.p), jitter_parameters(o, factors)), order_(std::move(o.order)) {
  check_order(name(), order_);
}
Settings ColorJitter::settings() const { return {{"order", order_}}; }
void ColorJitter::set(const std::string& option, const Setting& value) {
  if (option != "order") return Augmentation::set(option, value);
  set_order(name(), order_, value);
}
void ColorJitter::draw_more(Draw& draw, const Generator& generator, const Shape& image) const {
  draw_order(draw, order_, generator, image[0]);
}

Tensor ColorJitter::transform(const Tensor& image, const Draw& draw) const {
  require_rgb("color_jitter", image);
  return in_order(image, draw, order_, [](const Tensor& x, const Draw& d, const std::string& order) {
    const Tensor brightness = number(d, "brightness", x), contrast = number(d, "contrast", x),
                 saturation = number(d, "saturation", x), hue = number(d, "hue", x);
    // One pass reads value and chroma off exactly, where steps divide by value + 1e-8: below what f32 can tell.
    if (order == "bcsh" && x.dtype() != DType::f64)
      return enhance::color_jitter(
          x, {.brightness = brightness, .contrast = contrast, .saturation = saturation, .hue = hue});
    Tensor y = clamp(x, 0, 1);
    for (const char step : order) {
      if (step == 'b') y = enhance::adjust_brightness_accumulative(y, brightness);
      if (step == 'c') y = enhance::adjust_contrast_with_mean_subtraction(y, contrast);
      if (step == 's') y = enhance::adjust_saturation_with_gray_subtraction(y, saturation);
      if (step == 'h') y = enhance::adjust_hue(y, hue);
    }
    return y;
  });
}

ColorJiggle::ColorJiggle(ColorJitterOptions o)
    : Augmentation("color_jiggle", std::move(o.p), jitter_parameters(o, {1, 0, 2})), order_(std::move(o.order)) {
  check_order(name(), order_);
}
Settings ColorJiggle::settings() const { return {{"order", order_}}; }
void ColorJiggle::set(const std::string& option, const Setting& value) {
  if (option != "order") return Augmentation::set(option, value);
  set_order(name(), order_, value);
}
void ColorJiggle::draw_more(Draw& draw, const Generator& generator, const Shape& image) const {
  draw_order(draw, order_, generator, image[0]);
}

Tensor ColorJiggle::transform(const Tensor& image, const Draw& draw) const {
  require_rgb("color_jiggle", image);
  return in_order(image, draw, order_, [](const Tensor& x, const Draw& d, const std::string& order) {
    std::vector<PixelStep> steps;
    for (const char step : order) {
      if (step == 'b') steps.push_back(enhance::steps::adjust_brightness(number(d, "brightness", x) - 1));
      if (step == 'c') steps.push_back(enhance::steps::adjust_contrast(number(d, "contrast", x)));
      if (step == 's') steps.push_back(enhance::steps::adjust_saturation(number(d, "saturation", x)));
      if (step == 'h') steps.push_back(enhance::steps::adjust_hue(number(d, "hue", x)));
    }
    return fuse(clamp(x, 0, 1), steps);
  });
}

// ---- one function each ---------------------------------------------------------------------------------------------

RandomBrightness::RandomBrightness(FactorOptions o)
    : Photometric("brightness", std::move(o.p), {{"factor", given(o.factor), {1, 0, 2}, about_one}},
                  [](const Tensor& x, const Draw& d, const Settings& s) {
                    return enhance::steps::adjust_brightness(number(d, "factor", x) - 1,
                                                             {.clip = *s.at("clip").if_flag()});
                  },
                  {{"clip", true}}) {}

RandomContrast::RandomContrast(FactorOptions o)
    : Photometric("contrast", std::move(o.p), {{"factor", given(o.factor), factors, about_one}},
                  [](const Tensor& x, const Draw& d, const Settings& s) {
                    return enhance::steps::adjust_contrast(number(d, "factor", x), {.clip = *s.at("clip").if_flag()});
                  },
                  {{"clip", true}}) {}

RandomSaturation::RandomSaturation(FactorOptions o)
    : Photometric("saturation", std::move(o.p), {{"factor", given(o.factor), factors, about_one}},
                  [](const Tensor& x, const Draw& d, const Settings&) {
                    return enhance::steps::adjust_saturation(number(d, "factor", x));
                  }) {}

RandomHue::RandomHue(HueOptions o)
    : Photometric("hue", std::move(o.p), {{"angle", given(o.angle), turns, {-0.5, 0.7}}},
                  [](const Tensor& x, const Draw& d, const Settings&) {
                    return enhance::steps::adjust_hue(number(d, "angle", x));
                  }) {}

RandomGamma::RandomGamma(GammaOptions o)
    : Photometric("gamma", std::move(o.p),
                  {{"gamma", given(o.gamma), factors, {0.7, 1.6}}, {"gain", given(o.gain), factors, {0.8, 1}}},
                  [](const Tensor& x, const Draw& d, const Settings&) {
                    return enhance::steps::adjust_gamma(number(d, "gamma", x), number(d, "gain", x));
                  }) {}

RandomRGBShift::RandomRGBShift(ShiftOptions o)
    : Photometric("rgb_shift", std::move(o.p),
                  {{"red", given(o.red), {}, {-0.1, 0.1}},
                   {"green", given(o.green), {}, {-0.1, 0.1}},
                   {"blue", given(o.blue), {}, {-0.1, 0.1}}},
                  [](const Tensor& x, const Draw& d, const Settings&) {
                    return enhance::steps::shift_rgb(number(d, "red", x), number(d, "green", x), number(d, "blue", x));
                  }) {}

RandomSolarize::RandomSolarize(SolarizeOptions o)
    : Photometric("solarize", std::move(o.p),
                  {{"threshold", given(o.threshold), {0.5, 0, 1}, {0.47, 0.49}, false, true},
                   {"addition", given(o.addition), {0, -0.5, 0.5}, {0, 0.02}, true, true}},
                  [](const Tensor& x, const Draw& d, const Settings&) {
                    return enhance::steps::solarize(number(d, "threshold", x), number(d, "addition", x));
                  }) {}

RandomGaussianBlur::RandomGaussianBlur(GaussianBlurOptions o)
    : Photometric(
          "gaussian_blur", std::move(o.p), {{"sigma", o.sigma, {1, 1e-3, infinity}, {0.6, 1.6}}},
          [](const Tensor& x, const Draw& d, const Settings& s) {
            const Tensor sigma = number(d, "sigma", x);
            return filters::gaussian_blur2d(
                x, {.kernel = window(s), .sigma = stack({sigma, sigma}, 1), .border = border(s)});
          },
          window_settings(o.kernel, o.border)) {}

RandomBoxBlur::RandomBoxBlur(WindowOptions o)
    : Photometric(
          "box_blur", std::move(o.p), {},
          [](const Tensor& x, const Draw&, const Settings& s) {
            return filters::box_blur(x, {.kernel = window(s), .border = border(s)});
          },
          window_settings(o.kernel, o.border)) {}

RandomMedianBlur::RandomMedianBlur(WindowOptions o)
    : Photometric(
          "median_blur", std::move(o.p), {},
          [](const Tensor& x, const Draw&, const Settings& s) {
            return filters::median_blur(x, {.kernel = window(s), .border = border(s)});
          },
          window_settings(o.kernel, o.border)) {}

RandomPosterize::RandomPosterize(PosterizeOptions o)
    : Photometric("posterize", std::move(o.p), {{"bits", o.bits, {8, 0, 8}, {3, 6}, false}},
                  [](const Tensor&, const Draw& d, const Settings&) {
                    return enhance::steps::posterize(floor(d.value("bits").detach().to(DType::f64) + 0.5));
                  }) {}

RandomErasing::RandomErasing(ErasingOptions o)
    : Photometric("erasing", std::move(o.p),
                  {{"width", o.width, {0, 0, 1}, {0.2, 0.6}, false},
                   {"height", o.height, {0, 0, 1}, {0.2, 0.6}, false},
                   {"x", o.x, {0, 0, 1}, {0.1, 0.9}, false},
                   {"y", o.y, {0, 0, 1}, {0.1, 0.9}, false}},
                  [](const Tensor& x, const Draw& d, const Settings& s) {
                    require<ShapeError>(x.rank() == 4, "erasing: expected images [N, C, H, W], got ", x.shape());
                    const Tensor columns = covered(d.value("x"), d.value("width"), x.size(3));
                    const Tensor rows = covered(d.value("y"), d.value("height"), x.size(2));
                    const Tensor mask =
                        reshape(rows, {x.size(0), 1, x.size(2), 1}) * reshape(columns, {x.size(0), 1, 1, x.size(3)});
                    return where(mask.to(x.device()), *s.at("value").if_number(), x);
                  },
                  {{"value", o.value}}) {}

RandomGrayscale::RandomGrayscale(Gate p)
    : Photometric("grayscale", std::move(p), {},
                  [](const Tensor& x, const Draw&, const Settings& s) {
                    require_rgb("grayscale", x);
                    const auto weight = [&](const char* channel) { return *s.at(channel).if_number(); };
                    const std::vector<double> weights = {weight("red"), weight("green"), weight("blue")};
                    return expand(color::rgb_to_grayscale(x, Tensor::from(weights, {3}).to(x.dtype())), x.shape());
                  },
                  {{"red", 0.299}, {"green", 0.587}, {"blue", 0.114}}) {}

RandomInvert::RandomInvert(Gate p)
    : Photometric("invert", std::move(p), {},
                  [](const Tensor&, const Draw&, const Settings& s) {
                    return enhance::steps::invert(*s.at("max_value").if_number());
                  },
                  {{"max_value", 1.0}}) {}

}  // namespace lumigrad::augment
