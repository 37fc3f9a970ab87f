// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/photometric_rows.h>
#include <cmath>

namespace lumigrad::rows {

std::vector<std::pair<std::string, Shape>> image_shapes(std::int64_t channels) {
  const std::int64_t C = channels;
  return {{"no batch", {C, 5, 6}},
          {"one image, odd", {1, C, 5, 3}},
          {"two images, even", {2, C, 4, 2}},
          {"one row", {1, C, 1, 9}},
          {"one column", {2, C, 7, 1}},
          {"one pixel", {1, C, 1, 1}},
          {"more leading axes", {2, 2, C, 3, 2}},
          {"longer than a vector", {1, C, 2, 19}},
          {"two images, odd", {2, C, 3, 3}}};
}

Tensor image(std::uint64_t seed, const Shape& shape, double low, double high, const std::vector<double>& kinks,
             std::uint32_t n) {
  // Each channel has a third (a C-th) of the range for itself, in another order at every pixel, and stays in its
  // middle.
  const std::int64_t C = shape.rank() >= 3 ? std::max<std::int64_t>(shape[shape.rank() - 3], 2) : 3;
  const std::int64_t plane = shape.rank() >= 3 ? shape[shape.rank() - 2] * shape[shape.rank() - 1] : 1;
  constexpr int draws = 2;
  const std::int64_t slots = C * draws;
  Tensor x = uniform(Generator{seed, operation_id("image")}.then(n), {shape.numel()}, 0, 1, DType::f64);
  auto* values = x.mutable_data<double>();
  const Stream order = Generator{seed, operation_id("order")}.stream(0);
  for (std::int64_t i = 0; i < shape.numel(); ++i) {
    const std::int64_t pixel = plane == 0 ? 0 : i / (plane * C) * plane + i % plane, channel = i / plane % C;
    const std::uint64_t turn = order.below(static_cast<std::uint64_t>(C), static_cast<std::uint64_t>(2 * pixel));
    const bool mirrored = order.below(2, static_cast<std::uint64_t>(2 * pixel + 1)) != 0;
    std::int64_t slot = (channel + static_cast<std::int64_t>(turn)) % C;
    if (mirrored) slot = C - 1 - slot;
    const double at =
        (static_cast<double>(draws * slot + n % draws) + 0.25 + 0.5 * values[i]) / static_cast<double>(slots);
    values[i] = low + (high - low) * at;
    for (const double kink : kinks)
      if (std::fabs(values[i] - kink) < 0.01) values[i] = values[i] < kink ? kink - 0.01 : kink + 0.01;
  }
  return Tensor::from(std::span<const double>(values, static_cast<std::size_t>(shape.numel())), shape);
}

Argument factor(const char* name, const char* doc, const char* otherwise, Differentiability gradient,
                const char* range) {
  return {.name = name, .doc = doc, .gradient = gradient, .range = range, .otherwise = otherwise};
}

Argument flag(const char* name, const char* doc, bool otherwise) {
  return {.name = name, .kind = Argument::Kind::flag, .doc = doc, .otherwise = otherwise ? "true" : "false"};
}

Argument choice(const char* name, const char* doc, std::vector<std::string> choices, const char* otherwise) {
  return {.name = name,
          .kind = Argument::Kind::choice,
          .doc = doc,
          .otherwise = std::string("\"") + otherwise + '"',
          .choices = std::move(choices)};
}

Tensor factor_of(const Shape& image, std::size_t index, double low, double high) {
  const std::int64_t count = image.rank() >= 4 && index % 2 == 1 ? image[0] : 1;
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(low + (high - low) * (static_cast<double>(index % 3) + static_cast<double>(i) / 2) / 3);
  if (count == 1 && index % 4 == 0) return Tensor::full({}, values[0], DType::f64);
  return Tensor::from(values, {count});
}

Tensor pixel_of(std::initializer_list<double> channels) {
  return Tensor::from(std::vector<double>(channels), {1, static_cast<std::int64_t>(channels.size()), 1, 1});
}

Tensor numbers_of(std::initializer_list<double> values) {
  return Tensor::from(std::vector<double>(values), {static_cast<std::int64_t>(values.size())});
}

namespace {

double size(const Shape& shape, DType dtype) {
  return static_cast<double>(shape.numel()) * static_cast<double>(size_of(dtype));
}

}  // namespace

Operator image_row(const ImageRow& row) {
  Operator op;
  op.name = row.name;
  op.doc = row.doc;
  const std::int64_t C = row.channels == 0 ? 3 : row.channels;
  const std::string wanted = row.channels == 0 ? "[.., C, H, W]" : message("[.., ", C, ", H, W]");
  op.arguments = {{.name = row.argument, .doc = wanted, .gradient = row.gradient}};
  op.arguments.insert(op.arguments.end(), row.options.begin(), row.options.end());
  op.call = [call = row.call, name = row.argument](const Values& v) { return call(v.tensor(name), v); };
  op.samples = [row, C](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, shape] : image_shapes(C)) {
      Values values = {{row.argument, image(seed + samples.size(), shape, row.low, row.high, row.kinks)}};
      if (row.choose) row.choose(values, shape, samples.size());
      samples.push_back({what, values});
    }
    return samples;
  };
  const auto refuse = [&](const char* what, const Tensor& x) {
    Values values = {{row.argument, x}};
    if (row.choose) row.choose(values, {1, C, 2, 2}, 0);
    op.refusals.push_back({what, values, row.name + ": expected"});
  };
  if (row.channels != 0) refuse("wrong channels", Tensor::ones({2, row.channels + 1, 4, 4}, DType::f64));
  refuse("no image", Tensor::ones({5}, DType::f64));
  refuse("whole numbers", Tensor::ones({1, C, 4, 4}, DType::i64));
  op.bench = [row, C](const Shape& shape, DType dtype) {
    Shape own = shape.with(shape.rank() - 3, C);
    Values values = {{row.argument, uniform({7, 1}, own, row.low, row.high, dtype)}};
    if (row.choose) row.choose(values, own, 2);
    return values;
  };
  op.bench_bytes = [C, M = row.channels == 0 ? C : row.results](const Shape& shape, DType dtype) {
    const double plane = size(shape.with(shape.rank() - 3, 1), dtype), in = static_cast<double>(C) * plane,
                 out = static_cast<double>(M) * plane;
    return std::pair{in + out, in + out + in + out + in};  // back: read image and cotangent, write the gradient
  };
  return op;
}

Operator pair_row(const PairRow& row) {
  Operator op;
  op.name = row.name;
  op.doc = row.doc;
  const auto first = row.names.first, second = row.names.second;
  const char* shape_doc = row.images ? "[.., C, H, W]" : "any shape";
  op.arguments = {{.name = first, .doc = shape_doc, .gradient = row.gradient},
                  {.name = second, .doc = "like the other", .gradient = row.gradient}};
  op.arguments.insert(op.arguments.end(), row.options.begin(), row.options.end());
  op.call = [call = row.call, first, second](const Values& v) { return call(v.tensor(first), v.tensor(second), v); };
  op.samples = [row](std::uint64_t seed) {
    std::vector<std::pair<std::string, Shape>> shapes = image_shapes(3);
    if (row.images) shapes[5].second = {2, 1, 2, 2};  // one pixel has no correlation
    std::vector<Sample> samples;
    for (const auto& [what, shape] : shapes) {
      const std::uint64_t own = seed + samples.size();
      Values values = {{row.names.first, image(own, shape, row.low, row.high, {}, 0)},
                       {row.names.second, image(own + (samples.size() % 2), shape, row.low, row.high, {}, 1)}};
      if (row.choose) row.choose(values, shape, samples.size());
      samples.push_back({what, values});
    }
    return samples;
  };
  const auto refuse = [&](const char* what, const Tensor& a, const Tensor& b) {
    Values values = {{row.names.first, a}, {row.names.second, b}};
    if (row.choose) row.choose(values, {1, 3, 2, 2}, 0);
    op.refusals.push_back({what, values, row.name + ": expected"});
  };
  refuse("different shapes", Tensor::ones({2, 3, 4, 5}, DType::f64), Tensor::ones({2, 3, 4, 4}, DType::f64));
  refuse("whole numbers", Tensor::ones({1, 3, 4, 4}, DType::i64), Tensor::ones({1, 3, 4, 4}, DType::i64));
  op.bench = [row](const Shape& shape, DType dtype) {
    Values values = {{row.names.first, uniform({7, 1}, shape, row.low, row.high, dtype)},
                     {row.names.second, uniform({7, 2}, shape, row.low, row.high, dtype)}};
    if (row.choose) row.choose(values, shape, 1);
    return values;
  };
  op.bench_bytes = [](const Shape& shape, DType dtype) {
    const double one = size(shape, dtype);
    return std::pair{2 * one, 6 * one};  // back: read both again, write both gradients
  };
  return op;
}

}  // namespace lumigrad::rows
