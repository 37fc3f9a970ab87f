// SPDX-License-Identifier: Apache-2.0
// Rows of normalisations and layers.
#include <lumigrad/engine/layers.h>
#include <lumigrad/engine/normalization.h>
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/option_rows.h>

namespace lumigrad::rows {
namespace {

constexpr auto exact = Differentiability::exact;
using List = std::vector<double>;

Argument optional(const char* name, const char* doc, const char* range = "") {
  Argument argument = tensor(name, doc, exact, range);
  argument.optional = true;
  return argument;
}

Tensor given(const Values& v, const char* name) { return v.has(name) ? v.tensor(name) : Tensor(); }

Tensor filled(const Shape& shape, const List& values) { return Tensor::from(values, shape); }

const std::vector<std::pair<const char*, Shape>>& batches() {
  static const std::vector<std::pair<const char*, Shape>> all = {
      {"images", {2, 3, 4, 5}},       {"one image", {1, 2, 3, 5}},
      {"odd batch", {3, 1, 3, 3}},    {"lines", {2, 4, 5}},
      {"one row", {1, 2, 1, 9}},      {"volumes", {2, 2, 2, 3, 2}},
      {"six channels", {2, 6, 2, 2}}, {"longer than a block", {1, 1, 1100}}};
  return all;
}

// Weights and biases of every other sample; the options of a row are set by `choose`.
std::vector<Sample> norm_samples(const char* name, std::uint64_t seed,
                                 void (*choose)(Values&, const Generator&, const Shape&, std::size_t)) {
  std::vector<Sample> samples;
  for (const auto& [what, shape] : batches()) {
    const Generator generator{seed, operation_id(name), samples.size()};
    Values values = {{"x", numbers(generator, 0, shape, -2, 2)}};
    choose(values, generator, shape, samples.size());
    samples.push_back({what, values});
  }
  return samples;
}

Operator channel_row(const char* name, const char* doc, Tensor (*call)(const Tensor&, const ChannelNormOptions&, Here),
                     bool vectors) {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {tensor("x", "[N, C, ...]"),
                  optional("weight", "[C]"),
                  optional("bias", "[C]"),
                  optional("mean", "[C]; with variance, instead of that of x"),
                  optional("variance", "[C]; with mean", "> -eps"),
                  option("eps", "added to the variance", "1e-5")};
  op.call = [call](const Values& v) {
    return std::vector{
        call(v.tensor("x"),
             {given(v, "weight"), given(v, "bias"), given(v, "mean"), given(v, "variance"), v.number("eps")}, {})};
  };
  op.samples = [=](std::uint64_t seed) {
    std::vector<Sample> samples =
        norm_samples(name, seed, [](Values& values, const Generator& generator, const Shape& shape, std::size_t i) {
          if (i % 3 != 2) values.set("weight", numbers(generator, 1, {shape[1]}, 0.5, 2));
          if (i % 3 != 1) values.set("bias", numbers(generator, 2, {shape[1]}, -1, 1));
          if (i % 4 == 3) {
            values.set("mean", numbers(generator, 3, {shape[1]}, -1, 1));
            values.set("variance", numbers(generator, 4, {shape[1]}, 0.5, 2));
          }
          if (i % 2) values.set("eps", 0.1);
        });
    if (vectors) samples.push_back({"vectors", {{"x", numbers({seed, operation_id("vectors")}, 0, {5, 3}, -2, 2)}}});
    return samples;
  };
  op.golden = {
      {"hand calculation",
       {{"x", filled({1, 2, 2}, {1, 3, 10, 6})},
        {"weight", filled({2}, {1, 3})},
        {"bias", filled({2}, {0, 5})},
        {"eps", 0.0}},
       {filled({1, 2, 2}, {-1, 1, 8, 2})},
       1e-14},
      {"hand calculation",
       {{"x", filled({1, 1, 2}, {1, 3})}, {"mean", filled({1}, {5})}, {"variance", filled({1}, {3})}, {"eps", 1.0}},
       {filled({1, 1, 2}, {-2, -1})},
       1e-14}};
  const Tensor image = Tensor::ones({2, 3, 4}, DType::f64), three = Tensor::ones({3}, DType::f64);
  op.refusals = {{"no channels", {{"x", three}}, label + ": expected [N, C, ...]"},
                 {"another number of weights",
                  {{"x", image}, {"weight", Tensor::ones({2}, DType::f64)}},
                  label + ": expected a weight"},
                 {"a mean alone", {{"x", image}, {"mean", three}}, label + ": expected a mean and a variance"},
                 {"nothing to average", {{"x", Tensor::ones({2, 3, 0}, DType::f64)}}, label + ": expected something"},
                 {"integers", {{"x", Tensor::ones({2, 3, 4}, DType::i64)}}, label + ": expected f32 or f64"}};
  op.bench = [](const Shape& shape, DType dtype) { return Values{{"x", uniform({7, 1}, shape, -2, 2, dtype)}}; };
  op.bench_bytes = elementwise_bytes(1);
  return op;
}

Operator group_row() {
  Operator op;
  op.name = "engine.group_norm";
  op.doc = "Groups of channels of each image brought to mean 0 and variance 1.";
  op.arguments = {tensor("x", "[N, C, ...]"), integer("groups", "they divide C", "1"), optional("weight", "[C]"),
                  optional("bias", "[C]"), option("eps", "added to the variance", "1e-5")};
  op.call = [](const Values& v) {
    return std::vector{
        group_norm(v.tensor("x"), v.integer("groups"), {given(v, "weight"), given(v, "bias"), v.number("eps")})};
  };
  op.samples = [](std::uint64_t seed) {
    return norm_samples("group_norm", seed,
                        [](Values& values, const Generator& generator, const Shape& shape, std::size_t i) {
                          values.set("groups", shape[1] % 2 == 0 ? std::int64_t{2} : shape[1]);
                          if (i % 3 != 2) values.set("weight", numbers(generator, 1, {shape[1]}, 0.5, 2));
                          if (i % 3 != 1) values.set("bias", numbers(generator, 2, {shape[1]}, -1, 1));
                          if (i % 2) values.set("eps", 0.1);
                        });
  };
  op.golden = {{"hand calculation",
                {{"x", filled({1, 4, 1}, {1, 3, 10, 6})}, {"groups", std::int64_t{2}}, {"eps", 0.0}},
                {filled({1, 4, 1}, {-1, 1, 1, -1})},
                1e-14}};
  const Tensor image = Tensor::ones({2, 3, 4}, DType::f64);
  op.refusals = {{"groups that do not divide the channels",
                  {{"x", image}, {"groups", std::int64_t{2}}},
                  "group_norm: expected groups"},
                 {"no groups", {{"x", image}, {"groups", std::int64_t{0}}}, "group_norm: expected groups"},
                 {"no channels", {{"x", Tensor::ones({3}, DType::f64)}}, "group_norm: expected [N, C, ...]"},
                 {"integers", {{"x", Tensor::ones({2, 3, 4}, DType::i64)}}, "group_norm: expected f32 or f64"}};
  return op;
}

Operator layer_row() {
  Operator op;
  op.name = "engine.layer_norm";
  op.doc = "The last axes of each sample brought to mean 0 and variance 1.";
  op.arguments = {tensor("x", "[..., shape]"),
                  {.name = "shape", .kind = Argument::Kind::list, .doc = "extents of the last axes"},
                  optional("weight", "of that shape"),
                  optional("bias", "of that shape"),
                  option("eps", "added to the variance", "1e-5")};
  op.call = [](const Values& v) {
    std::vector<std::int64_t> extents;
    for (const double extent : v.list("shape")) extents.push_back(static_cast<std::int64_t>(extent));
    return std::vector{
        layer_norm(v.tensor("x"), Shape(extents), {given(v, "weight"), given(v, "bias"), v.number("eps")})};
  };
  op.samples = [](std::uint64_t seed) {
    return norm_samples("layer_norm", seed,
                        [](Values& values, const Generator& generator, const Shape& shape, std::size_t i) {
                          const auto axes = static_cast<std::size_t>(shape[-1] > 2 ? 1 + i % 2 : 2);
                          const Shape own(shape.extents().last(axes));
                          values.set("shape", List(own.begin(), own.end()));
                          if (i % 3 != 2) values.set("weight", numbers(generator, 1, own, 0.5, 2));
                          if (i % 3 != 1) values.set("bias", numbers(generator, 2, own, -1, 1));
                          if (i % 2) values.set("eps", 0.1);
                        });
  };
  op.golden = {{"hand calculation",
                {{"x", filled({2, 2}, {1, 3, 10, 6})},
                 {"shape", List{2}},
                 {"weight", filled({2}, {1, 3})},
                 {"bias", filled({2}, {0, 5})},
                 {"eps", 0.0}},
                {filled({2, 2}, {-1, 8, 1, 2})},
                1e-14}};
  const Tensor image = Tensor::ones({2, 3, 4}, DType::f64);
  op.refusals = {
      {"other last axes", {{"x", image}, {"shape", List{3}}}, "layer_norm: expected last axes"},
      {"another weight",
       {{"x", image}, {"shape", List{4}}, {"weight", Tensor::ones({3}, DType::f64)}},
       "layer_norm: expected a weight"},
      {"integers", {{"x", Tensor::ones({2, 3}, DType::i64)}, {"shape", List{3}}}, "layer_norm: expected f32 or f64"}};
  return op;
}

Operator linear_row() {
  Operator op;
  op.name = "engine.linear";
  op.doc = "x W' + b.";
  op.arguments = {tensor("x", "[.., in]"), tensor("weight", "[out, in]"), optional("bias", "[out]")};
  op.call = [](const Values& v) { return std::vector{linear(v.tensor("x"), v.tensor("weight"), given(v, "bias"))}; };
  op.samples = [](std::uint64_t seed) {
    const std::vector<std::pair<const char*, Shape>> inputs = {
        {"vector", {3}},          {"batch of one", {1, 4}},       {"batch of two", {2, 5}},
        {"one number", {1}},      {"two axes before", {2, 3, 4}}, {"odd", {7, 5}},
        {"images", {1, 2, 3, 6}}, {"empty batch", {0, 3}}};
    std::vector<Sample> samples;
    for (const auto& [what, shape] : inputs) {
      const Generator generator{seed, operation_id("linear"), samples.size()};
      const auto out = static_cast<std::int64_t>(1 + samples.size() % 3);
      samples.push_back(
          {what,
           {{"x", numbers(generator, 0, shape, -1, 1)}, {"weight", numbers(generator, 1, {out, shape[-1]}, -1, 1)}}});
      if (samples.size() % 3) samples.back().values.set("bias", numbers(generator, 2, {out}, -1, 1));
    }
    return samples;
  };
  op.golden = {{"hand calculation",
                {{"x", filled({2}, {1, 2})}, {"weight", filled({1, 2}, {3, 4})}, {"bias", filled({1}, {5})}},
                {filled({1}, {16})},
                0}};
  op.refusals = {{"another number of inputs",
                  {{"x", Tensor::ones({2, 3}, DType::f64)}, {"weight", Tensor::ones({2, 4}, DType::f64)}},
                  "linear: expected"},
                 {"another number of results",
                  {{"x", Tensor::ones({2, 3}, DType::f64)},
                   {"weight", Tensor::ones({4, 3}, DType::f64)},
                   {"bias", Tensor::ones({3}, DType::f64)}},
                  "linear: expected a bias"}};
  return op;
}

Operator dropout_row() {
  Operator op;
  op.name = "engine.dropout";
  op.doc = "Elements become 0 with probability p; what stays is divided by 1 - p.";
  op.arguments = {tensor("x", "any shape; the first axis counts samples"), option("p", "in [0, 1]", "0.5"),
                  integer("seed", "of the draws", "0")};
  op.linear = true;
  op.call = [](const Values& v) {
    return std::vector{dropout(v.tensor("x"), v.number("p"),
                               {static_cast<std::uint64_t>(v.integer("seed")), operation_id("dropout")})};
  };
  op.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, shape] : shapes()) {
      const Generator generator{seed, operation_id("dropout"), samples.size()};
      samples.push_back({what, {{"x", numbers(generator, 0, shape, -2, 2)}, {"seed", std::int64_t(seed)}}});
      samples.back().values.set("p", samples.size() % 4 * 0.25);
    }
    return samples;
  };
  op.golden = {{"nothing is dropped", {{"x", filled({2}, {1, 2})}, {"p", 0.0}}, {filled({2}, {1, 2})}, 0},
               {"everything is", {{"x", filled({2}, {1, 2})}, {"p", 1.0}}, {filled({2}, {0, 0})}, 0}};
  op.refusals = {{"no probability", {{"x", number(1)}, {"p", 1.5}}, "dropout: expected a probability"},
                 {"integers", {{"x", Tensor::ones({2}, DType::i64)}}, "dropout: expected f32 or f64"}};
  return op;
}

}  // namespace

std::vector<Operator> networks() {
  return {
      channel_row("batch_norm", "Channels brought to mean 0 and variance 1 over all images.", batch_norm, true),
      channel_row("instance_norm", "Channels of each image brought to mean 0 and variance 1.", instance_norm, false),
      group_row(),
      layer_row(),
      linear_row(),
      dropout_row()};
}

}  // namespace lumigrad::rows
