// SPDX-License-Identifier: Apache-2.0
// Rows of the weights of filters. Weights without continuous arguments come in f64.
#include <lumigrad/vision/filters/motion.h>
#include <lumigrad/vision/filters/rows.h>
#include <functional>

namespace lumigrad::filters {
namespace {

constexpr auto exact = Differentiability::exact;
constexpr DType wide = DType::f64;

Argument taps_argument() { return {.name = "taps", .kind = Argument::Kind::integer, .doc = "number of weights"}; }

// Weights without continuous arguments: of a number of taps, or of a size (rows, columns).
Operator fixed_row(const char* name, const char* doc, bool plane, std::vector<Value> sizes,
                   const std::function<Tensor(const Values&)>& call) {
  Operator op;
  op.name = std::string("filters.") + name;
  op.doc = doc;
  op.arguments = {plane ? Argument{.name = "size", .kind = Argument::Kind::list, .doc = "(rows, columns)"}
                        : taps_argument()};
  op.order = 0;
  op.call = [call](const Values& v) { return std::vector{call(v)}; };
  op.samples = [plane, sizes](std::uint64_t) {
    std::vector<Sample> samples;
    for (const Value& size : sizes)
      samples.push_back({message("size ", samples.size()), {{plane ? "size" : "taps", size}}});
    return samples;
  };
  op.refusals = {{"nothing", {{plane ? "size" : "taps", std::int64_t{0}}}, op.name + ": expected"}};
  return op;
}

Operator line(const char* name, const char* doc, Tensor (*call)(std::int64_t, DType)) {
  return fixed_row(name, doc, false, {std::int64_t{3}, std::int64_t{4}, std::int64_t{9}},
                   [call](const Values& v) { return call(v.integer("taps"), wide); });
}
Operator plane(const char* name, const char* doc, Tensor (*call)(Size, DType)) {
  return fixed_row(name, doc, true, {std::int64_t{3}, std::vector<double>{3, 5}, std::vector<double>{4, 7}},
                   [call](const Values& v) { return call(size_of_list(v, "size"), wide); });
}

// Weights of a sigma.
Operator sigma_row(const char* name, const char* doc, Argument size, std::vector<Value> sizes, std::int64_t sigmas_each,
                   const std::function<Tensor(const Values&)>& call) {
  Operator op;
  op.name = std::string("filters.") + name;
  op.doc = doc;
  op.arguments = {rows::factor("sigma", "one number, or one a kernel", "", exact, "> 0"), size};
  op.call = [call](const Values& v) { return std::vector{call(v)}; };
  op.samples = [=](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (std::size_t i = 0; i < 9; ++i) {
      const auto count = static_cast<std::int64_t>(i % 3 + 1);
      Shape shape = sigmas_each == 1 ? Shape{count} : Shape{count, sigmas_each};
      if (i == 8) shape = {};
      const Tensor sigma = uniform(Generator{seed + i, operation_id("sigma")}, shape, 0.5, 2, wide);
      samples.push_back({message(count, " kernels, ", i), {{"sigma", sigma}, {size.name, sizes[i % sizes.size()]}}});
    }
    return samples;
  };
  op.refusals = {{"sigma 0", {{"sigma", 0.0}, {size.name, sizes[0]}}, "expected sigma > 0"},
                 {"nothing", {{"sigma", 1.0}, {size.name, std::int64_t{0}}}, "expected"}};
  return op;
}

Operator motion_row() {
  Operator op;
  op.name = "filters.get_motion_kernel2d";
  op.doc = "A row of weights, turned.";
  op.arguments = {
      rows::factor("angle", "radians, one number or one a kernel", "0", Differentiability::almost_everywhere),
      rows::factor("direction", "tilt in [-1, 1], one number or one a kernel", "0",
                   Differentiability::almost_everywhere),
      taps_argument(), rows::choice("mode", "how weights are turned", {"nearest", "bilinear"}, "nearest")};
  op.call = [](const Values& v) {
    const auto mode = v.choice("mode") == "nearest" ? Interpolation::nearest : Interpolation::bilinear;
    return std::vector{get_motion_kernel2d(v.integer("taps"), v.tensor("angle"), v.tensor("direction"), mode)};
  };
  op.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (std::size_t i = 0; i < 9; ++i) {
      const auto n = static_cast<std::int64_t>(i % 3 + 1);
      const Generator generator{seed + i, operation_id("motion")};
      // Angles at which no weight lies near a pixel centre, where interpolation has a kink.
      Tensor angle = uniform(generator, {n}, 0.2, 0.45, wide);
      samples.push_back({message(n, " kernels, ", i),
                         {{"angle", angle},
                          {"direction", uniform(generator.then(1), {i % 2 ? n : 1}, -0.9, 0.9, wide)},
                          {"taps", static_cast<std::int64_t>(3 + i % 2 * 2)},
                          {"mode", std::string(i % 4 == 0 ? "nearest" : "bilinear")}}});
    }
    return samples;
  };
  op.refusals = {{"even", {{"angle", 0.0}, {"taps", std::int64_t{4}}}, "an odd number of taps"},
                 {"flat direction",
                  {{"angle", Tensor::zeros({2})}, {"direction", Tensor::zeros({3})}, {"taps", std::int64_t{3}}},
                  "one a kernel"}};
  return op;
}

Operator motion3d_kernel_row() {
  Operator op = motion_row();
  op.name = "filters.get_motion_kernel3d";
  op.doc = "A row of weights, turned in a cube.";
  op.arguments[0] =
      rows::factor("axis_angle", "[3] or one a kernel, radians", "[0, 0, 0]", Differentiability::almost_everywhere);
  op.arguments.push_back({.name = "axis_epsilon",
                          .kind = Argument::Kind::number,
                          .doc = "added to the angle before dividing by it",
                          .otherwise = "0"});
  op.call = [](const Values& v) {
    const auto mode = v.choice("mode") == "nearest" ? Interpolation::nearest : Interpolation::bilinear;
    return std::vector{get_motion_kernel3d(v.integer("taps"), v.tensor("axis_angle"), v.tensor("direction"), mode,
                                           v.number("axis_epsilon"))};
  };
  op.samples = [plane = op.samples](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Sample& flat : plane(seed)) {
      const std::int64_t n = flat.values.tensor("angle").numel();
      samples.push_back(
          {flat.name,
           {{"axis_angle", uniform(Generator{seed + samples.size(), operation_id("turn")}, {n, 3}, 0.15, 0.4, wide)},
            {"direction", flat.values.tensor("direction")},
            {"taps", std::int64_t{3}},
            {"mode", flat.values.choice("mode")}}});
    }
    return samples;
  };
  op.refusals = {{"even", {{"axis_angle", Tensor::zeros({3})}, {"taps", std::int64_t{4}}}, "an odd number of taps"},
                 {"one angle", {{"axis_angle", 0.0}, {"taps", std::int64_t{3}}}, "expected axis angles"}};
  return op;
}

Operator slopes_row(bool volume) {
  Operator op;
  op.name = volume ? "filters.get_spatial_gradient_kernel3d" : "filters.get_spatial_gradient_kernel2d";
  op.doc = "Weights of derivatives.";
  op.arguments = {{.name = "order", .kind = Argument::Kind::integer, .doc = "1 or 2", .otherwise = "1"}};
  if (!volume) op.arguments.push_back(rows::choice("mode", "neighbours", {"sobel", "diff"}, "sobel"));
  op.order = 0;
  op.call = [volume](const Values& v) {
    const auto order = static_cast<int>(v.integer("order"));
    return std::vector{volume ? get_spatial_gradient_kernel3d(order, wide)
                              : get_spatial_gradient_kernel2d(
                                    v.choice("mode") == "sobel" ? Slopes::sobel : Slopes::diff, order, wide)};
  };
  op.samples = [](std::uint64_t) {
    return std::vector<Sample>{{"first", {{"order", std::int64_t{1}}}}, {"second", {{"order", std::int64_t{2}}}}};
  };
  op.refusals = {{"third", {{"order", std::int64_t{3}}}, "order 1 or 2"}};
  return op;
}

}  // namespace

std::vector<Operator> kernel_rows() {
  const std::vector<Value> lengths = {std::int64_t{5}, std::int64_t{4}, std::int64_t{9}, std::int64_t{1}};
  const std::vector<Value> sizes = {std::vector<double>{3, 5}, std::int64_t{4}, std::vector<double>{1, 7}};
  const Argument plane_size = {.name = "size", .kind = Argument::Kind::list, .doc = "(rows, columns)"};
  std::vector<Operator> all = {
      line("get_box_kernel1d", "Equal weights.", get_box_kernel1d),
      plane("get_box_kernel2d", "Equal weights.", get_box_kernel2d),
      plane("get_binary_kernel2d", "A kernel for each place of a window.", get_binary_kernel2d),
      line("get_laplacian_kernel1d", "Ones less their number in the middle.", get_laplacian_kernel1d),
      plane("get_laplacian_kernel2d", "Ones less their number in the middle.", get_laplacian_kernel2d),
      line("get_hanning_kernel1d", "The raised cosine.", get_hanning_kernel1d),
      plane("get_hanning_kernel2d", "The raised cosine.", get_hanning_kernel2d),
      line("get_pascal_kernel_1d", "Binomial weights.",
           [](std::int64_t taps, DType dtype) { return get_pascal_kernel_1d(taps, true, dtype); }),
      plane("get_pascal_kernel_2d", "Binomial weights.",
            [](Size size, DType dtype) { return get_pascal_kernel_2d(size, true, dtype); }),
      slopes_row(false),
      slopes_row(true),
      sigma_row("get_gaussian_kernel1d", "Samples of a Gaussian.", taps_argument(), lengths, 1,
                [](const Values& v) { return get_gaussian_kernel1d(v.integer("taps"), v.tensor("sigma")); }),
      sigma_row("get_gaussian_erf_kernel1d", "A Gaussian integrated over each place.", taps_argument(), lengths, 1,
                [](const Values& v) { return get_gaussian_erf_kernel1d(v.integer("taps"), v.tensor("sigma")); }),
      sigma_row("get_gaussian_kernel2d", "Samples of a Gaussian.", plane_size, sizes, 2,
                [](const Values& v) { return get_gaussian_kernel2d(size_of_list(v, "size"), v.tensor("sigma")); }),
      sigma_row("get_gaussian_kernel3d", "Samples of a Gaussian.",
                {.name = "size", .kind = Argument::Kind::list, .doc = "(depth, rows, columns)"},
                {std::vector<double>{3, 5, 1}, std::int64_t{3}, std::vector<double>{2, 3, 4}}, 3,
                [](const Values& v) {
                  std::vector<double> list = v.list("size");
                  if (list.size() == 1) list.assign(3, list[0]);
                  require<FormatError>(list.size() == 3, "size: expected one or three numbers, got ", list.size());
                  return get_gaussian_kernel3d({static_cast<std::int64_t>(list[0]), static_cast<std::int64_t>(list[1]),
                                                static_cast<std::int64_t>(list[2])},
                                               v.tensor("sigma"));
                }),
      sigma_row("gaussian", "Samples of a Gaussian about any mean.", taps_argument(), lengths, 1,
                [](const Values& v) { return gaussian(v.integer("taps"), v.tensor("sigma"), v.tensor("mean")); }),
      motion_row(),
      motion3d_kernel_row()};
  Operator& any_mean = all[all.size() - 3];
  any_mean.arguments.push_back(
      {.name = "mean", .doc = "place of the greatest weight", .gradient = exact, .optional = true});
  any_mean.samples = [plain = any_mean.samples](std::uint64_t seed) {
    std::vector<Sample> samples = plain(seed);
    for (std::size_t i = 0; i < samples.size(); i += 2)
      samples[i].values.set("mean", uniform(Generator{seed + i, operation_id("mean")},
                                            samples[i].values.tensor("sigma").shape(), 1, 3, wide));
    return samples;
  };
  return all;
}

}  // namespace lumigrad::filters
