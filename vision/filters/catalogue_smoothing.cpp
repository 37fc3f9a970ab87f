// SPDX-License-Identifier: Apache-2.0
// Rows of smoothing that stops at edges, and of blur by motion.
#include <lumigrad/vision/filters/motion.h>
#include <lumigrad/vision/filters/rows.h>
#include <lumigrad/vision/filters/smoothing.h>

namespace lumigrad::filters {
namespace {

using rows::factor;
using rows::image_row;
constexpr auto exact = Differentiability::exact;
constexpr auto almost = Differentiability::almost_everywhere;

// Samples of images with exactly one batch axis.
void with_batch(Operator& op, const std::function<void(Values&, const Shape&, std::size_t)>& choose) {
  op.arguments[0].doc = "[N, C, H, W]";
  op.samples = [choose](std::uint64_t seed) {
    const std::pair<const char*, Shape> shapes[] = {
        {"odd", {1, 3, 5, 7}},     {"two images", {2, 2, 4, 6}}, {"one channel", {1, 1, 6, 5}},
        {"one row", {1, 2, 1, 9}}, {"one column", {2, 1, 7, 1}}, {"one pixel", {1, 3, 1, 1}},
        {"long", {1, 1, 2, 19}},   {"two more", {2, 3, 3, 5}},   {"square", {1, 2, 6, 6}}};
    std::vector<Sample> samples;
    for (const auto& [what, shape] : shapes) {
      const std::size_t i = samples.size();
      Values values{{"image", rows::image(seed + i, shape, 0.04, 0.96)}};
      choose(values, shape, i);
      samples.push_back({what, values});
    }
    return samples;
  };
}

// Benchmarks see a guidance of the image's dtype.
void bench_in_dtype(Operator& op) {
  op.bench = [bench = op.bench](const Shape& shape, DType dtype) {
    Values values = bench(shape, dtype);
    values.set("guidance", values.tensor("guidance").to(dtype));
    return values;
  };
  op.bench_bytes = {};
}

Size small_window(std::size_t i) {
  static constexpr Size sizes[] = {{3, 5}, {3, 3}, {1, 4}, {2, 3}};
  return sizes[i % 4];
}

Tensor guide(const Shape& image, std::int64_t channels, std::size_t i) {
  return uniform(Generator{i, operation_id("guidance")}, image.with(1, channels), 0, 1, DType::f64);
}

Operator bilateral_row(bool joint) {
  const auto options = [](const Values& v) {
    return BilateralBlur{size_of_list(v, "kernel"), v.tensor("sigma_color"), v.tensor("sigma_space"), border_of(v),
                         v.choice("distance") == "l1" ? ColorDistance::l1 : ColorDistance::l2};
  };
  const auto choose = [joint](Values& v, const Shape& image, std::size_t i) {
    v.set("kernel", listed(small_window(i)));
    v.set("sigma_color", rows::factor_of(image, i, 0.4, 0.9));
    v.set("sigma_space", sigmas(image, i));
    v.set("border", border_names[(i + 2) % 5]);
    v.set("distance", std::string(i % 2 ? "l2" : "l1"));
    if (joint) v.set("guidance", guide(image, 1 + static_cast<std::int64_t>(i % 3), i));
  };
  std::vector<Argument> arguments = {
      size_argument("kernel", "(rows, columns) of the window", "[5, 5]"),
      factor("sigma_color", "of colours, one number or one an image", "0.1", exact, "> 0"),
      factor("sigma_space", "(y, x) in pixels, one pair an image, or a number", "[1.5, 1.5]", exact, "> 0"),
      border_argument("reflection"), rows::choice("distance", "of colours", {"l1", "l2"}, "l1")};
  if (joint)
    arguments.insert(arguments.begin(),
                     {.name = "guidance", .doc = "[N, K, H, W]: the colours compared", .gradient = almost});
  Operator op = image_row({.name = joint ? "filters.joint_bilateral_blur" : "filters.bilateral_blur",
                           .doc = joint ? "bilateral_blur by the colours of another image."
                                        : "Mean of a window, weighed by distance and by likeness of colour.",
                           .channels = 0,
                           .call =
                               [=](const Tensor& x, const Values& v) {
                                 return std::vector{joint ? joint_bilateral_blur(x, v.tensor("guidance"), options(v))
                                                          : bilateral_blur(x, options(v))};
                               },
                           .gradient = joint ? exact : almost,
                           .options = arguments,
                           .choose = choose});
  with_batch(op, choose);
  op.linear = joint;
  if (joint) bench_in_dtype(op);
  return op;
}

Operator guided_row() {
  const auto choose = [](Values& v, const Shape& image, std::size_t i) {
    v.set("guidance", guide(image, 1 + static_cast<std::int64_t>(i % 3), i));
    v.set("kernel", listed(small_window(i)));
    v.set("eps", rows::factor_of(image, i, 0.1, 0.4));
    v.set("border", border_names[(i + 2) % 5]);
    v.set("subsample", static_cast<std::int64_t>(i % 4 == 0 && image[2] > 1 && image[3] > 1 ? 2 : 1));
  };
  Operator op =
      image_row({.name = "filters.guided_blur",
                 .doc = "The image as a linear function of a guidance, window by window.",
                 .channels = 0,
                 .call =
                     [](const Tensor& x, const Values& v) {
                       return std::vector{guided_blur(
                           v.tensor("guidance"), x,
                           {size_of_list(v, "kernel"), v.tensor("eps"), border_of(v), v.integer("subsample")})};
                     },
                 .options = {{.name = "guidance", .doc = "[N, K, H, W]", .gradient = exact},
                             size_argument("kernel", "(rows, columns) of the window", "[5, 5]"),
                             factor("eps", "variance below which windows are averaged, one number or one an image",
                                    "0.01", exact, "> 0"),
                             border_argument("reflection"),
                             {.name = "subsample",
                              .kind = Argument::Kind::integer,
                              .doc = "fit every so many pixels",
                              .otherwise = "1"}},
                 .choose = choose});
  with_batch(op, choose);
  bench_in_dtype(op);
  op.linear = true;
  op.f32_bound = 1e-4;
  op.grad_bound = 1e-3;
  op.bound_reason = "variances are differences of means";
  return op;
}

Operator motion_row() {
  Operator op = image_row(
      {.name = "filters.motion_blur",
       .doc = "Correlation with a row of weights, turned.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{
                 motion_blur(x, {v.integer("kernel"), v.tensor("angle"), v.tensor("direction"), border_of(v),
                                 v.choice("mode") == "nearest" ? Interpolation::nearest : Interpolation::bilinear})};
           },
       .options = {{.name = "kernel", .kind = Argument::Kind::integer, .doc = "taps, odd, from 3 on", .otherwise = "5"},
                   factor("angle", "radians, one number or one an image", "0", almost),
                   factor("direction", "tilt in [-1, 1], one number or one an image", "0", almost),
                   border_argument("zeros"),
                   rows::choice("mode", "how weights are turned", {"nearest", "bilinear"}, "nearest")},
       .choose =
           [](Values& v, const Shape& image, std::size_t i) {
             v.set("kernel", static_cast<std::int64_t>(3 + i % 2 * 2));
             v.set("angle", rows::factor_of(image, i, 0.2, 0.44));
             v.set("direction", rows::factor_of(image, i + 2, -0.8, 0.7));
             v.set("border", border_names[i % 5]);
             v.set("mode", std::string(i % 4 == 2 ? "nearest" : "bilinear"));
           }});
  op.linear = true;
  op.refusals.push_back({"even",
                         {{"image", Tensor::ones({1, 1, 4, 4}, DType::f64)}, {"kernel", std::int64_t{4}}},
                         "an odd number of taps"});
  return op;
}

}  // namespace

std::vector<Operator> smoothing_rows() {
  return {bilateral_row(false), bilateral_row(true), guided_row(), motion_row()};
}

}  // namespace lumigrad::filters
