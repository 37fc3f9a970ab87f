// SPDX-License-Identifier: Apache-2.0
// Rows of statistics along axes.
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/option_rows.h>
#include <lumigrad/engine/statistics.h>
#include <cmath>
#include <limits>

namespace lumigrad::rows {
namespace {

constexpr auto almost = Differentiability::almost_everywhere;
constexpr double infinity = std::numeric_limits<double>::infinity();
using List = std::vector<double>;

Tensor vector(const List& values) { return Tensor::from(values, {static_cast<std::int64_t>(values.size())}); }

std::vector<int> axes_of(const Values& v) {
  std::vector<int> axes;
  if (v.has("axes"))
    for (const double axis : v.list("axes")) axes.push_back(static_cast<int>(axis));
  else
    for (int axis = 0; axis < v.tensor("x").rank(); ++axis) axes.push_back(axis);
  return axes;
}

// ---- one number in the place of many --------------------------------------------------------------------------------

Operator over_axes(const char* name, const char* doc, std::vector<Argument> options,
                   Tensor (*call)(const Tensor&, std::span<const int>, bool, const Values&)) {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {tensor("x", "any shape"),
                  {.name = "axes", .kind = Argument::Kind::list, .doc = "axes; all when left out", .optional = true},
                  flag("keep", "leave the axes with extent 1", "false")};
  op.arguments.insert(op.arguments.end(), options.begin(), options.end());
  op.call = [call](const Values& v) { return std::vector{call(v.tensor("x"), axes_of(v), v.flag("keep"), v)}; };
  op.samples = [=](std::uint64_t seed) {
    const std::vector<std::tuple<const char*, Shape, List, bool>> cases = {
        {"vector", {7}, {0}, false},
        {"last axis", {3, 5}, {-1}, false},
        {"first axis, kept", {2, 3, 4}, {0}, true},
        {"middle axis of a batch of two", {2, 3, 5}, {1}, false},
        {"image over space", {1, 3, 5, 7}, {2, 3}, true},
        {"two apart", {2, 3, 4}, {0, 2}, false},
        {"one row", {1, 9}, {1}, false},
        {"all", {2, 3, 4}, {0, 1, 2}, false},
        {"longer than a block", {1100}, {0}, false}};
    std::vector<Sample> samples;
    for (const auto& [what, shape, axes, keep] : cases) {
      const Generator generator{seed, operation_id(label), samples.size()};
      samples.push_back({what, {{"x", numbers(generator, 0, shape, -2, 2)}, {"axes", axes}, {"keep", keep}}});
      if (!options.empty() && samples.size() % 2) samples.back().values.set(options[0].name, 0.0);
    }
    const Generator generator{seed, operation_id(label), samples.size()};
    samples.push_back({"everything by default", {{"x", numbers(generator, 0, {3, 4}, -1, 1)}}});
    return samples;
  };
  op.refusals = {
      {"an axis that is not there", {{"x", Tensor::ones({2, 3}, DType::f64)}, {"axes", List{2}}}, label + ": expected"},
      {"an axis twice", {{"x", Tensor::ones({2, 3}, DType::f64)}, {"axes", List{1, -1}}}, label + ": expected"},
      {"integers", {{"x", Tensor::ones({2, 3}, DType::i64)}}, label + ": expected f32 or f64"}};
  return op;
}

std::vector<Operator> reductions() {
  Operator sums = over_axes(
      "logsumexp", "log of the sum of e^x over some axes, or of all elements.", {},
      [](const Tensor& x, std::span<const int> axes, bool keep, const Values&) { return logsumexp(x, axes, keep); });
  sums.golden = {{"closed form", {{"x", vector({0, std::log(3)})}}, {number(std::log(4))}, 1e-14},
                 {"far out", {{"x", vector({2000, 2000})}}, {number(2000 + std::log(2))}, 1e-12},
                 {"the logarithm of nothing", {{"x", vector({-infinity, -infinity})}}, {number(-infinity)}, 0},
                 {"no elements", {{"x", Tensor::zeros({0}, DType::f64)}}, {number(-infinity)}, 0}};
  std::vector<Operator> all = {sums};
  const Argument correction = option("correction", "what is taken off the number of elements", "1");
  all.push_back(over_axes("variance", "Squared deviations from the mean, over their number less a correction.",
                          {correction}, [](const Tensor& x, std::span<const int> axes, bool keep, const Values& v) {
                            return variance(x, axes, keep, v.number("correction"));
                          }));
  all.back().golden = {{"hand calculation", {{"x", vector({1, 2, 3, 6})}}, {number(14.0 / 3)}, 1e-14},
                       {"hand calculation", {{"x", vector({1, 2, 3, 6})}, {"correction", 0.0}}, {number(3.5)}, 1e-14},
                       {"far from 0", {{"x", vector({1e8 + 1, 1e8 + 2, 1e8 + 3})}}, {number(1)}, 1e-14}};
  all.push_back(over_axes("standard_deviation", "The square root of the variance; slope 0 where all are equal.",
                          {correction}, [](const Tensor& x, std::span<const int> axes, bool keep, const Values& v) {
                            return standard_deviation(x, axes, keep, v.number("correction"));
                          }));
  all.back().golden = {{"hand calculation", {{"x", vector({1, 2, 3})}}, {number(1)}, 1e-14}};
  all.back().kinks = {{"equal elements", {{"x", vector({2, 2, 2})}}, number(1), "x", vector({0, 0, 0})}};
  all.back().arguments[0].gradient = almost;
  for (Operator* op : {&all[1], &all[2]})
    op->refusals.push_back({"one element has no spread about its mean",
                            {{"x", Tensor::ones({2, 1}, DType::f64)}, {"axes", List{1}}},
                            "expected more than 1 elements"});
  return all;
}

// ---- as many as there were ------------------------------------------------------------------------------------------

// Shapes and an axis of each.
const std::vector<std::tuple<const char*, Shape, std::int64_t>>& along() {
  static const std::vector<std::tuple<const char*, Shape, std::int64_t>> all = {{"vector", {7}, 0},
                                                                                {"one element", {1}, -1},
                                                                                {"last axis", {3, 5}, -1},
                                                                                {"first axis", {4, 6}, 0},
                                                                                {"middle axis", {2, 3, 5}, 1},
                                                                                {"one row", {1, 9}, 1},
                                                                                {"channels", {1, 3, 5, 7}, 1},
                                                                                {"batch of two", {2, 4, 3, 2}, -3},
                                                                                {"longer than a block", {1100}, 0}};
  return all;
}

Operator soft(const char* name, const char* doc, Tensor (*call)(const Tensor&, int, Here), const List& known) {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {tensor("x", "any shape"), integer("axis", "along which the numbers stand", "-1")};
  op.call = [call](const Values& v) {
    return std::vector{call(v.tensor("x"), static_cast<int>(v.integer("axis")), {})};
  };
  op.samples = [label](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, shape, axis] : along()) {
      const Generator generator{seed, operation_id(label), samples.size()};
      samples.push_back({what, {{"x", numbers(generator, 0, shape, -2, 2)}, {"axis", axis}}});
    }
    return samples;
  };
  op.golden = {{"closed form", {{"x", vector({0, std::log(3)})}}, {vector(known)}, 1e-14},
               {"empty", {{"x", Tensor::zeros({2, 0}, DType::f64)}}, {Tensor::zeros({2, 0}, DType::f64)}, 0}};
  op.refusals = {{"a scalar has no axis", {{"x", number(1)}}, "expected"},
                 {"an axis that is not there", {{"x", vector({1, 2})}, {"axis", std::int64_t{1}}}, "expected"},
                 {"integers", {{"x", Tensor::ones({2, 3}, DType::i64)}}, label + ": expected f32 or f64"}};
  op.bench = [](const Shape& shape, DType dtype) {
    return Values{{"x", uniform({7, 1}, shape, -2, 2, dtype)}, {"axis", std::int64_t{1}}};
  };
  op.bench_bytes = elementwise_bytes(1);
  return op;
}

Operator normalize_row() {
  Operator op;
  op.name = "engine.normalize";
  op.doc = "x over its p-norm along an axis, or over eps where that is larger.";
  op.arguments = {tensor("x", "any shape", almost), option("p", "of the norm, in (0, infinity]", "2"),
                  integer("axis", "along which the norm is taken", "1"), option("eps", "the shortest length", "1e-12")};
  op.call = [](const Values& v) {
    return std::vector{normalize(v.tensor("x"), v.number("p"), static_cast<int>(v.integer("axis")), v.number("eps"))};
  };
  op.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const double p : {2.0, 1.0, 3.0, infinity})
      for (const auto& [what, shape, axis] : along()) {
        if (p != 2 && shape.rank() != 3 && shape.rank() != 4) continue;
        const Generator generator{seed, operation_id("normalize"), samples.size()};
        Tensor x = numbers(generator, 0, shape, -2, 2, {0});
        samples.push_back({message(what, ", p = ", p), {{"x", x}, {"p", p}, {"axis", axis}}});
        if (samples.size() % 3 == 1) samples.back().values.set("eps", 50.0);
      }
    return samples;
  };
  op.golden = {
      {"closed form", {{"x", vector({3, -4})}, {"axis", std::int64_t{0}}}, {vector({0.6, -0.8})}, 1e-15},
      {"closed form", {{"x", vector({3, -1})}, {"axis", std::int64_t{0}}, {"p", 1.0}}, {vector({0.75, -0.25})}, 1e-15},
      {"closed form",
       {{"x", vector({3, -4})}, {"axis", std::int64_t{0}}, {"p", infinity}},
       {vector({0.75, -1})},
       1e-15},
      {"nothing to normalise", {{"x", vector({0, 0})}, {"axis", std::int64_t{0}}}, {vector({0, 0})}, 0}};
  op.kinks = {{"no length",
               {{"x", vector({0, 0})}, {"axis", std::int64_t{0}}, {"eps", 0.5}},
               vector({1, -1}),
               "x",
               vector({2, -2})}};
  op.refusals = {{"no norm", {{"x", vector({1, 2})}, {"axis", std::int64_t{0}}, {"p", 0.0}}, "normalize: expected p"},
                 {"no axis 1", {{"x", vector({1, 2})}}, "normalize: expected"},
                 {"integers", {{"x", Tensor::ones({2, 3}, DType::i64)}}, "normalize: expected f32 or f64"}};
  return op;
}

Operator cosine_row() {
  Operator op;
  op.name = "engine.cosine_similarity";
  op.doc = "The cosine of the angle between two vectors along an axis.";
  op.arguments = {tensor("a", "any shape; broadcasts", almost), tensor("b", "any shape; broadcasts", almost),
                  integer("axis", "along which the vectors stand", "1"), option("eps", "the shortest length", "1e-8")};
  op.call = [](const Values& v) {
    return std::vector{
        cosine_similarity(v.tensor("a"), v.tensor("b"), static_cast<int>(v.integer("axis")), v.number("eps"))};
  };
  op.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, shape, axis] : along()) {
      if (shape.numel() == 1) continue;  // always 1 or -1
      const Generator generator{seed, operation_id("cosine_similarity"), samples.size()};
      Shape other = shape;
      if (samples.size() % 2 && axis != 0) other = shape.with(0, 1);
      samples.push_back({what,
                         {{"a", numbers(generator, 0, shape, 0.2, 2)},
                          {"b", numbers(generator, 1, other, -2, -0.2)},
                          {"axis", axis}}});
      if (samples.size() % 3 == 1) samples.back().values.set("eps", 40.0);
    }
    return samples;
  };
  op.golden = {{"closed form",
                {{"a", vector({3, 4})}, {"b", vector({4, 3})}, {"axis", std::int64_t{0}}},
                {number(0.96)},
                1e-15}};
  op.kinks = {{"no direction",
               {{"a", vector({0, 0})}, {"b", vector({3, 4})}, {"axis", std::int64_t{0}}, {"eps", 0.5}},
               number(1),
               "a",
               vector({1.2, 1.6})}};
  op.refusals = {{"shapes that do not broadcast",
                  {{"a", Tensor::ones({2, 3}, DType::f64)}, {"b", Tensor::ones({2, 4}, DType::f64)}},
                  "cosine_similarity: expected"},
                 {"different dtypes",
                  {{"a", Tensor::ones({2, 3}, DType::f64)}, {"b", Tensor::ones({2, 3}, DType::f32)}},
                  "cosine_similarity: expected one dtype"},
                 {"integers",
                  {{"a", Tensor::ones({2, 3}, DType::i64)}, {"b", Tensor::ones({2, 3}, DType::i64)}},
                  "cosine_similarity: expected f32 or f64"}};
  return op;
}

}  // namespace

std::vector<Operator> statistics() {
  std::vector<Operator> all = reductions();
  all.push_back(soft("softmax", "e^x over its sum along an axis.", softmax, {0.25, 0.75}));
  all.push_back(soft("softmin", "e^-x over its sum along an axis.", softmin, {0.75, 0.25}));
  all.push_back(soft("log_softmax", "The logarithm of softmax.", log_softmax, {std::log(0.25), std::log(0.75)}));
  all.push_back(normalize_row());
  all.push_back(cosine_row());
  return all;
}

}  // namespace lumigrad::rows
