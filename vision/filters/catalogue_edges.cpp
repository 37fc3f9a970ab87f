// SPDX-License-Identifier: Apache-2.0
// Rows of slopes, edges, volumes and pools.
#include <lumigrad/vision/filters/edges.h>
#include <lumigrad/vision/filters/motion.h>
#include <lumigrad/vision/filters/pools.h>
#include <lumigrad/vision/filters/rows.h>

namespace lumigrad::filters {
namespace {

using rows::image_row;
constexpr auto almost = Differentiability::almost_everywhere;

Argument number(const char* name, const char* doc, const char* otherwise) {
  return {.name = name, .kind = Argument::Kind::number, .doc = doc, .otherwise = otherwise};
}
Argument whole(const char* name, const char* doc, const char* otherwise) {
  return {.name = name, .kind = Argument::Kind::integer, .doc = doc, .otherwise = otherwise};
}

// Volumes instead of images.
void of_volumes(Operator& op, const std::function<void(Values&, const Shape&, std::size_t)>& choose) {
  op.arguments[0].doc = "[.., C, D, H, W]";
  op.samples = [choose](std::uint64_t seed) {
    const std::pair<const char*, Shape> shapes[] = {
        {"one volume", {1, 2, 4, 5, 6}}, {"two volumes", {2, 1, 3, 4, 5}}, {"one slice", {1, 1, 1, 5, 7}},
        {"one row", {2, 1, 3, 1, 6}},    {"one voxel", {1, 1, 1, 1, 1}},   {"no batch", {2, 4, 3, 5}},
        {"long", {1, 1, 2, 3, 21}},      {"even", {2, 2, 2, 4, 4}},        {"odd", {1, 1, 5, 5, 5}}};
    std::vector<Sample> samples;
    for (const auto& [what, shape] : shapes) {
      const std::size_t i = samples.size();
      Values values{{"volume", uniform(Generator{seed + i, operation_id("volume")}, shape, 0, 1, DType::f64)}};
      choose(values, shape, i);
      samples.push_back({what, values});
    }
    return samples;
  };
  Values flat{{"volume", Tensor::ones({3, 4, 4}, DType::f64)}};
  choose(flat, {1, 1, 4, 4, 4}, 0);
  op.refusals = {{"no volume", flat, "expected volumes"}};
  op.bench = [choose](const Shape& image, DType dtype) {
    const Shape shape = image.inserted(2, 2);
    Values values{{"volume", uniform({7, 1}, shape, 0, 1, dtype)}};
    choose(values, shape, 0);
    return values;
  };
  op.bench_bytes = {};
}

}  // namespace

std::vector<Operator> edge_rows() {
  std::vector<Operator> all;
  all.push_back(image_row(
      {.name = "filters.laplacian",
       .doc = "How much the window's other places exceed its middle.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{laplacian(x, {size_of_list(v, "kernel"), border_of(v), v.flag("normalized")})};
           },
       .options = {size_argument("kernel", "(rows, columns) of the window", "[3, 3]"), border_argument("reflection"),
                   rows::flag("normalized", "divide by the sum of magnitudes", true)},
       .choose =
           [](Values& v, const Shape& image, std::size_t i) {
             const bool one = image[-1] * image[-2] == 1;  // with itself around it there is nothing left
             v.set("kernel", listed(window_of(i)));
             v.set("border", border_names[one ? 0 : (i + 2) % 5]);
             v.set("normalized", i % 2 == 0);
           }}));
  all.push_back(image_row(
      {.name = "filters.spatial_gradient",
       .doc = "Derivatives by x and y, or second derivatives by xx, xy and yy.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{spatial_gradient(x, {v.choice("mode") == "sobel" ? Slopes::sobel : Slopes::diff,
                                                     static_cast<int>(v.integer("order")), v.flag("normalized")})};
           },
       .options = {rows::choice("mode", "neighbours smoothed across or not", {"sobel", "diff"}, "sobel"),
                   whole("order", "1 or 2", "1"), rows::flag("normalized", "divide by the sum of magnitudes", true)},
       .choose =
           [](Values& v, const Shape&, std::size_t i) {
             v.set("mode", std::string(i % 2 ? "diff" : "sobel"));
             v.set("order", static_cast<std::int64_t>(1 + i / 2 % 2));
             v.set("normalized", i % 3 != 1);
           }}));
  const auto choose_order = [](Values& v, const Shape&, std::size_t i) {
    v.set("order", static_cast<std::int64_t>(1 + i % 2));
  };
  all.push_back(image_row(
      {.name = "filters.spatial_gradient3d",
       .doc = "Differences of volumes by x, y and z, or by xx, yy, zz, xy, yz and xz.",
       .channels = 0,
       .call = [](const Tensor& x,
                  const Values& v) { return std::vector{spatial_gradient3d(x, static_cast<int>(v.integer("order")))}; },
       .options = {whole("order", "1 or 2", "1")},
       .argument = "volume"}));
  of_volumes(all.back(), choose_order);
  all.push_back(image_row(
      {.name = "filters.filter3d",
       .doc = "Correlation of volumes with a kernel.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{
                 filter3d(x, v.tensor("kernel"), {border_of(v), v.flag("normalized"), v.flag("convolve")})};
           },
       .options = {weights_argument("kernel", "[depth, rows, columns], or one a volume"), border_argument("border"),
                   rows::flag("normalized", "divide by the sum of magnitudes", false),
                   rows::flag("convolve", "turn the kernel round", false)},
       .argument = "volume"}));
  of_volumes(all.back(), [](Values& v, const Shape& volume, std::size_t i) {
    const Size size = window_of(i);
    v.set("kernel",
          weights({kernels_of(volume, i, 3), 1 + static_cast<std::int64_t>(i % 3), size.height, size.width}, i));
    v.set("border", border_names[i % 5]);
    v.set("normalized", i % 4 == 1);
    v.set("convolve", i % 5 == 3);
  });
  for (Operator& row : all) row.linear = true;
  all.push_back(image_row(
      {.name = "filters.sobel",
       .doc = "The length of the gradient.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{sobel(x, {v.flag("normalized"), v.number("epsilon")})};
           },
       .options = {rows::flag("normalized", "divide by the sum of magnitudes", true),
                   number("epsilon", "added under the root", "1e-6")},
       .choose =
           [](Values& v, const Shape&, std::size_t i) {
             v.set("normalized", i % 2 == 0);
             v.set("epsilon", i % 3 == 0 ? 1e-3 : 1e-2);  // at 1e-6 the root bends within a step of the differences
           }}));
  all.push_back(image_row({.name = "filters.blur_pool2d",
                           .doc = "Every stride-th pixel of a binomial average.",
                           .channels = 0,
                           .call =
                               [](const Tensor& x, const Values& v) {
                                 return std::vector{blur_pool2d(x, {size_of_list(v, "kernel"), v.integer("stride")})};
                               },
                           .options = {size_argument("kernel", "(rows, columns) of the window", "[3, 3]"),
                                       whole("stride", "pixels from one to the next", "2")},
                           .choose =
                               [](Values& v, const Shape& image, std::size_t i) {
                                 Size size{3 + static_cast<std::int64_t>(i % 3), 3};
                                 if (image[-2] < 2) size.height = 3;  // an even window wants one pixel more
                                 v.set("kernel", listed(size));
                                 v.set("stride", static_cast<std::int64_t>(1 + (i + 1) % 3));
                               }}));
  all.back().linear = true;
  all.push_back(image_row(
      {.name = "filters.max_blur_pool2d",
       .doc = "blur_pool2d of the greatest values of windows.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{
                 max_blur_pool2d(x, {size_of_list(v, "kernel"), v.integer("stride"), v.integer("window")})};
           },
       .gradient = almost,
       .options = {size_argument("kernel", "(rows, columns) of the binomial window", "[3, 3]"),
                   whole("stride", "pixels from one to the next", "2"), whole("window", "extent of the maximum", "2")},
       .choose =
           [](Values& v, const Shape& image, std::size_t i) {
             v.set("stride", static_cast<std::int64_t>(1 + (i + 1) % 3));
             v.set("window", std::min<std::int64_t>({image[-2], image[-1], static_cast<std::int64_t>(1 + i % 3)}));
           }}));
  all.push_back(
      image_row({.name = "filters.edge_aware_blur_pool2d",
                 .doc = "A binomial average, except near edges.",
                 .channels = 0,
                 .call =
                     [](const Tensor& x, const Values& v) {
                       return std::vector{edge_aware_blur_pool2d(x, {size_of_list(v, "kernel"), v.number("threshold"),
                                                                     v.integer("dilation"), v.number("epsilon")})};
                     },
                 .gradient = almost,
                 .options = {size_argument("kernel", "(rows, columns) of the binomial window, odd", "[3, 3]"),
                             number("threshold", "ratio over four pixels from which on there is an edge", "1.25"),
                             whole("dilation", "extent by which edges are made wider, odd", "3"),
                             number("epsilon", "added before the ratio", "1e-6")}}));
  all.back().samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (std::size_t i = 0; i < 9; ++i) {
      const auto k = static_cast<std::int64_t>(i);
      const Shape shape{1 + k % 2, 1 + k % 3, 3 + k, 11 - k};
      samples.push_back({message("images ", k),
                         {{"image", rows::image(seed + i, shape, 0.1, 0.9)},
                          {"kernel", listed({3 + 2 * (k % 2), 3})},
                          {"threshold", 1.25 + 0.2 * static_cast<double>(k)},
                          {"dilation", static_cast<std::int64_t>(1 + 2 * (k % 3))}}});
    }
    return samples;
  };
  return all;
}

Operator motion3d_row() {
  const auto choose = [](Values& v, const Shape& volume, std::size_t i) {
    const std::int64_t n = kernels_of(volume, i, 3);
    v.set("axis_angle", uniform(Generator{i, operation_id("turn")}, {n, 3}, 0.15, 0.4, DType::f64));
    v.set("direction", uniform(Generator{i, operation_id("tilt")}, {n}, -0.8, 0.8, DType::f64));
    v.set("border", border_names[i % 5]);
    v.set("mode", std::string(i % 4 == 2 ? "nearest" : "bilinear"));
  };
  Operator op =
      image_row({.name = "filters.motion_blur3d",
                 .doc = "Correlation of volumes with a row of weights, turned.",
                 .channels = 0,
                 .call =
                     [](const Tensor& x, const Values& v) {
                       return std::vector{motion_blur3d(
                           x, {v.integer("kernel"), v.tensor("axis_angle"), v.tensor("direction"), border_of(v),
                               v.choice("mode") == "nearest" ? Interpolation::nearest : Interpolation::bilinear,
                               v.number("axis_epsilon")})};
                     },
                 .options = {whole("kernel", "taps, odd, from 3 on", "3"),
                             rows::factor("axis_angle", "[3] or one a volume, radians", "[0, 0, 0]", almost),
                             rows::factor("direction", "tilt in [-1, 1], one number or one a volume", "0", almost),
                             border_argument("zeros"),
                             rows::choice("mode", "how weights are turned", {"nearest", "bilinear"}, "nearest"),
                             number("axis_epsilon", "added to the angle before dividing by it", "0")},
                 .argument = "volume"});
  of_volumes(op, choose);
  op.linear = true;
  return op;
}

Operator canny_row() {
  Operator op = image_row(
      {.name = "filters.canny",
       .doc = "Edges: the length of the gradient where it is greatest across the edge, and where that is much.",
       .channels = 3,
       .call =
           [](const Tensor& x, const Values& v) {
             const Edges found = canny(x, {v.number("low"), v.number("high"), size_of_list(v, "kernel"),
                                           v.tensor("sigma"), v.flag("hysteresis"), v.number("epsilon")});
             return std::vector{found.magnitude, found.edges};
           },
       .gradient = almost,
       .options = {number("low", "where the gradient is longer, an edge may be", "0.1"),
                   number("high", "and here one is", "0.2"), size_argument("kernel", "of the Gaussian", "[5, 5]"),
                   rows::factor("sigma", "(y, x) of the Gaussian", "[1, 1]", almost, "> 0"),
                   rows::flag("hysteresis", "keep what leads to an edge", true),
                   number("epsilon", "added under the root", "1e-6")}});
  op.outputs = {"magnitude", "edges"};
  op.samples = [](std::uint64_t seed) {
    const std::pair<const char*, Shape> shapes[] = {{"grey", {1, 1, 13, 15}},          {"two images", {2, 3, 9, 8}},
                                                    {"three channels", {1, 3, 11, 7}}, {"wide", {1, 1, 5, 23}},
                                                    {"tall", {2, 1, 17, 6}},           {"square", {1, 1, 12, 12}},
                                                    {"small", {1, 3, 4, 5}},           {"another", {1, 1, 10, 9}}};
    std::vector<Sample> samples;
    for (const auto& [what, shape] : shapes) {
      const std::size_t i = samples.size();
      Values v{{"image", uniform(Generator{seed + i, operation_id("canny")}, shape, 0, 1, DType::f64)}};
      v.set("sigma", uniform(Generator{seed + i, operation_id("sigma")}, {1, 2}, 0.7, 1.4, DType::f64));
      v.set("hysteresis", i % 2 == 0);
      v.set("epsilon", 1e-4);
      samples.push_back({what, v});
    }
    return samples;
  };
  op.refusals = {{"no image", {{"image", Tensor::ones({5})}}, "filters.canny: expected"},
                 {"two channels", {{"image", Tensor::ones({1, 2, 5, 5})}}, "filters.canny: expected"},
                 {"thresholds", {{"image", Tensor::ones({1, 1, 5, 5})}, {"low", 0.5}}, "low <= high"}};
  op.bench_bytes = {};
  return op;
}

}  // namespace lumigrad::filters
