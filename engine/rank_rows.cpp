// SPDX-License-Identifier: Apache-2.0
// Rows of what picks elements by rank.
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/ops.h>
#include <algorithm>
#include <limits>
#include <numeric>

namespace lumigrad::rows {
namespace {

using I = std::int64_t;
using Kind = Argument::Kind;
using List = std::vector<double>;
using Results = std::vector<Tensor>;

// Numbers in (-1, 1) in random order, evenly apart: no step of finite differences makes two of them change places.
Tensor apart(const Generator& generator, const Shape& shape) {
  const std::vector<double> draws = uniform(generator, shape, 0, 1, DType::f64).values();
  std::vector<std::size_t> order(draws.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return draws[a] < draws[b]; });
  std::vector<double> values(draws.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    values[order[i]] = (2.0 * static_cast<double>(i) + 1) / static_cast<double>(order.size()) - 1;
  return Tensor::from(values, shape);
}
Tensor vector(const List& values) { return Tensor::from(values, {static_cast<I>(values.size())}); }
Tensor indices(const std::vector<I>& values) { return Tensor::from(values, {static_cast<I>(values.size())}); }

Argument integer(const char* name, const char* doc, const char* otherwise, bool optional = false) {
  return {.name = name, .kind = Kind::integer, .doc = doc, .otherwise = otherwise, .optional = optional};
}
Argument flag(const char* name, const char* doc, const char* otherwise = "false") {
  return {.name = name, .kind = Kind::flag, .doc = doc, .otherwise = otherwise};
}
int axis_of(const Values& v) { return static_cast<int>(v.integer("axis")); }
Results both(const Selection& s) { return {s.values, s.indices}; }

struct Case {
  const char* name;
  Shape shape;
  Values rest;
};

Operator row(const char* name, const char* doc, std::vector<Argument> rest, Results (*call)(const Values&),
             const std::vector<Case>& cases) {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {tensor("x", "any shape", Differentiability::almost_everywhere)};
  op.arguments.insert(op.arguments.end(), rest.begin(), rest.end());
  op.outputs = {"values", "indices"};
  op.call = call;
  op.f32_bound = 0;
  op.samples = [=](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Case& c : cases) {
      Values values = c.rest;
      values.set("x", apart({seed, operation_id(label), samples.size()}, c.shape));
      samples.push_back({c.name, values});
    }
    return samples;
  };
  op.bench = [](const Shape& shape, DType dtype) { return Values{{"x", uniform({7, 1}, shape, 0, 1, dtype)}}; };
  op.bench_bytes = [](const Shape& shape, DType dtype) {
    const double plane = static_cast<double>(shape.numel()) * static_cast<double>(size_of(dtype));
    return std::pair(4 * plane, 8 * plane);
  };
  return op;
}

void refuse(Operator& op, const char* name, const Shape& shape, const Values& rest) {
  Values values = rest;
  values.set("x", Tensor::ones(shape, DType::f64));
  op.refusals.push_back({name, values, op.name.substr(7) + ": expected"});
}

// The shapes that every operator along one axis is tried on, and others.
std::vector<Case> along_an_axis(const Values& more, const std::vector<Case>& others = {}) {
  std::vector<Case> cases = {{"vector", {7}, {{"axis", I{0}}}},
                             {"last axis", {3, 5}, {{"axis", I{-1}}}},
                             {"middle axis", {3, 4, 5}, {{"axis", I{1}}}},
                             {"first axis", {6, 3}, {{"axis", I{0}}}},
                             {"image", {1, 3, 5, 7}, {{"axis", I{1}}}},
                             {"batch of two, rows", {2, 3, 4, 5}, {{"axis", I{2}}}},
                             {"one row", {1, 9}, {{"axis", I{1}}}},
                             {"one element", {3, 1}, {{"axis", I{1}}}},
                             {"longer than 64", {2, 70}, {{"axis", I{1}}}}};
  for (Case& c : cases)
    for (const auto& [name, value] : more.items()) c.rest.set(name, value);
  cases.insert(cases.end(), others.begin(), others.end());
  return cases;
}
std::vector<Operator> orders() {
  const std::vector<Argument> arguments = {integer("axis", "along which", "-1"),
                                           flag("descending", "the largest first")};
  const std::vector<Case> cases =
      along_an_axis({}, along_an_axis({{"descending", true}}, {{"empty lines", {2, 0}, {}}, {"no lines", {0, 3}, {}}}));
  Operator sorted = row(
      "sort", "The elements along an axis in order, and where they were. Stable; NaN is the largest.", arguments,
      [](const Values& v) { return both(sort(v.tensor("x"), axis_of(v), v.flag("descending"))); }, cases);
  sorted.golden = {
      {"hand calculation", {{"x", vector({2, 9, 1, 2, -3})}}, {vector({-3, 1, 2, 2, 9}), indices({4, 2, 0, 3, 1})}, 0},
      {"equal elements stay in order",
       {{"x", vector({0, 1, -0.0, 1})}, {"descending", true}},
       {vector({1, 1, 0, -0.0}), indices({1, 3, 0, 2})},
       0}};
  Operator places = row(
      "argsort", "Where the elements along an axis come from when they are put in order.", arguments,
      [](const Values& v) { return Results{argsort(v.tensor("x"), axis_of(v), v.flag("descending"))}; }, cases);
  places.outputs = {"indices"};
  places.order = 0;
  places.arguments[0].gradient = Differentiability::none;

  Operator top = row(
      "topk", "The k largest or smallest elements along an axis, in order.",
      {integer("k", "how many", ""), integer("axis", "along which", "-1"), flag("largest", "or the smallest", "true")},
      [](const Values& v) { return both(topk(v.tensor("x"), v.integer("k"), axis_of(v), v.flag("largest"))); },
      along_an_axis({{"k", I{1}}}, {{"two", {3, 4, 5}, {{"k", I{2}}, {"axis", I{2}}}},
                                    {"two smallest", {3, 4, 5}, {{"k", I{2}}, {"axis", I{1}}, {"largest", false}}},
                                    {"all", {2, 5}, {{"k", I{5}}}},
                                    {"many of many", {2, 70}, {{"k", I{40}}}},
                                    {"none", {2, 3}, {{"k", I{0}}}}}));
  top.golden = {
      {"hand calculation", {{"x", vector({3, 1, 3, 2})}, {"k", I{3}}}, {vector({3, 3, 2}), indices({0, 2, 3})}, 0}};
  refuse(top, "more than there are", {2, 3}, {{"k", I{4}}});
  refuse(top, "less than none", {2, 3}, {{"k", I{-1}}});
  top.bench = [](const Shape& shape, DType dtype) {
    return Values{{"x", uniform({7, 1}, shape, 0, 1, dtype)}, {"k", I{5}}};
  };
  std::vector<Operator> all = {sorted, places, top};
  for (Operator& op : all) refuse(op, "no such axis", {2, 3}, {{"axis", I{2}}, {"k", I{1}}});
  for (Operator& op : all)
    if (op.name != "engine.topk") op.refusals.back().values = {{"x", Tensor::ones({2, 3})}, {"axis", I{2}}};
  return all;
}

// One element of each line, or of all.
Operator single(const char* name, const char* doc, Results (*call)(const Values&), bool places) {
  Operator op = row(name, doc,
                    {integer("axis", "along which; all elements when left out", "", true),
                     flag("keep", "leave the axis with extent 1")},
                    call,
                    along_an_axis({}, along_an_axis({{"keep", true}}, {{"all elements", {3, 4}, {}},
                                                                       {"a scalar", {}, {}},
                                                                       {"no lines", {0, 3}, {{"axis", I{1}}}}})));
  op.variadic = true;  // no indices with the element of all
  if (places) {
    op.outputs = {"indices"};
    op.order = 0;
    op.arguments[0].gradient = Differentiability::none;
  }
  refuse(op, "nothing to choose from", {2, 0}, {{"axis", I{1}}});
  refuse(op, "no such axis", {2, 3}, {{"axis", I{2}}});
  return op;
}

template <auto Along, auto OfAll>
Results values_of(const Values& v) {
  if (!v.has("axis")) return {OfAll(v.tensor("x"), {})};
  return both(Along(v.tensor("x"), axis_of(v), v.flag("keep"), {}));
}
template <auto Along, auto OfAll>
Results places_of(const Values& v) {
  if (!v.has("axis")) return {OfAll(v.tensor("x"), {})};
  return {Along(v.tensor("x"), axis_of(v), v.flag("keep"), {})};
}

using AlongSelection = Selection (*)(const Tensor&, int, bool, Here);
using AlongTensor = Tensor (*)(const Tensor&, int, bool, Here);
using OfAll = Tensor (*)(const Tensor&, Here);

std::vector<Operator> singles() {
  Operator largest = single("max", "The largest element along an axis, the first of several, and where it is.",
                            values_of<AlongSelection(max), OfAll(max)>, false);
  largest.golden = {{"hand calculation", {{"x", vector({1, 3, 3, 2})}, {"axis", I{0}}}, {Tensor(3.0), Tensor(1.0)}, 0}};
  largest.kinks = {
      {"two tie: the first", {{"x", vector({1, 3, 3})}, {"axis", I{0}}}, number(1), "x", vector({0, 1, 0})},
      {"two tie among all: halves", {{"x", vector({1, 3, 3})}}, number(1), "x", vector({0, 0.5, 0.5})}};
  Operator smallest = single("min", "The smallest element along an axis, the first of several, and where it is.",
                             values_of<AlongSelection(min), OfAll(min)>, false);
  smallest.kinks = {
      {"two tie: the first", {{"x", vector({1, 1, 3})}, {"axis", I{0}}}, number(1), "x", vector({1, 0, 0})},
      {"two tie among all: halves", {{"x", vector({1, 1, 3})}}, number(1), "x", vector({0.5, 0.5, 0})}};
  Operator middle = single("median", "The middle element along an axis, the lower of two, and where it is.",
                           values_of<AlongSelection(median), OfAll(median)>, false);
  middle.golden = {{"hand calculation", {{"x", vector({4, 1, 3, 2})}, {"axis", I{0}}}, {Tensor(2.0), Tensor(3.0)}, 0}};
  middle.kinks = {{"two tie: by their order", {{"x", vector({2, 2, 1, 5})}}, number(1), "x", vector({1, 0, 0, 0})}};
  return {largest, smallest, middle,
          single("argmax", "Where the largest element along an axis is, the first of several.",
                 places_of<AlongTensor(argmax), OfAll(argmax)>, true),
          single("argmin", "Where the smallest element along an axis is, the first of several.",
                 places_of<AlongTensor(argmin), OfAll(argmin)>, true)};
}

std::vector<int> axes_of(const Values& v) {
  std::vector<int> axes;
  if (v.has("axes"))
    for (const double axis : v.list("axes")) axes.push_back(static_cast<int>(axis));
  else
    for (int axis = 0; axis < v.tensor("x").rank(); ++axis) axes.push_back(axis);
  return axes;
}

Operator over_axes(const char* name, const char* doc, Results (*call)(const Values&), double direction) {
  Operator op = row(name, doc,
                    {{.name = "axes", .kind = Kind::list, .doc = "axes; all when left out", .optional = true},
                     flag("keep", "leave the axes with extent 1")},
                    call,
                    {{"vector", {7}, {{"axes", List{0}}}},
                     {"middle axis", {3, 4, 5}, {{"axes", List{1}}}},
                     {"two apart, kept", {3, 4, 5}, {{"axes", List{0, 2}}, {"keep", true}}},
                     {"image over space", {1, 3, 5, 7}, {{"axes", List{2, 3}}}},
                     {"batch of two", {2, 3, 4}, {{"axes", List{-1}}}},
                     {"all", {2, 3}, {}},
                     {"none", {2, 3}, {{"axes", List{}}}},
                     {"scalar", {}, {}},
                     {"one row", {1, 9}, {{"axes", List{0}}}},
                     {"no results", {0, 3}, {{"axes", List{1}}}}});
  op.outputs = {"out"};
  const Tensor x = mul(vector({1, 3, 2, 3}), direction);
  op.kinks = {{"two tie: halves", {{"x", x}, {"axes", List{0}}}, number(1), "x", vector({0, 0.5, 0, 0.5})}};
  refuse(op, "nothing to choose from", {2, 0}, {{"axes", List{1}}});
  refuse(op, "an axis twice", {2, 3}, {{"axes", List{1, -1}}});
  refuse(op, "no such axis", {2, 3}, {{"axes", List{2}}});
  return op;
}

Operator quantile_row() {
  Operator op = row(
      "quantile", "The value at q (n - 1) of the sorted elements along an axis.",
      {tensor("q", "a number or a vector, which puts an axis in front", Differentiability::almost_everywhere, "[0, 1]"),
       integer("axis", "along which; all elements when left out", "", true),
       flag("keep", "leave the axis with extent 1"),
       {.name = "rule",
        .kind = Kind::choice,
        .doc = "what to take between two elements",
        .otherwise = "\"linear\"",
        .choices = {"linear", "lower", "higher", "midpoint", "nearest"}}},
      [](const Values& v) {
        const std::string name = v.choice("rule");
        const QuantileRule rule = name == "linear"     ? QuantileRule::linear
                                  : name == "lower"    ? QuantileRule::lower
                                  : name == "higher"   ? QuantileRule::higher
                                  : name == "midpoint" ? QuantileRule::midpoint
                                                       : QuantileRule::nearest;
        if (!v.has("axis")) return Results{quantile(v.tensor("x"), v.tensor("q"), rule)};
        return Results{quantile(v.tensor("x"), v.tensor("q"), axis_of(v), v.flag("keep"), rule)};
      },
      along_an_axis({{"q", number(0.31)}},
                    {{"kept", {3, 4}, {{"q", number(0.7)}, {"axis", I{1}}, {"keep", true}}},
                     {"several", {3, 4, 5}, {{"q", vector({0.13, 0.52, 0.9})}, {"axis", I{1}}}},
                     {"several, kept", {3, 5}, {{"q", vector({0.13, 0.6})}, {"axis", I{1}}, {"keep", true}}},
                     {"all elements", {3, 5}, {{"q", number(0.44)}}},
                     {"several of all", {2, 5}, {{"q", vector({0.44, 0.03})}}},
                     {"lower", {2, 5}, {{"q", number(0.3)}, {"axis", I{1}}, {"rule", std::string("lower")}}},
                     {"higher", {2, 5}, {{"q", number(0.3)}, {"axis", I{1}}, {"rule", std::string("higher")}}},
                     {"midpoint", {2, 5}, {{"q", number(0.3)}, {"axis", I{1}}, {"rule", std::string("midpoint")}}},
                     {"nearest", {2, 5}, {{"q", number(0.3)}, {"axis", I{1}}, {"rule", std::string("nearest")}}}}));
  op.outputs = {"out"};
  op.f32_bound = 1e-5;
  op.golden = {{"hand calculation",
                {{"x", vector({4, 1, 3, 2})}, {"q", vector({0, 0.5, 0.75, 1})}},
                {vector({1, 2.5, 3.25, 4})},
                1e-14},
               {"halves go to the even place",
                {{"x", vector({1, 2, 3, 4})}, {"q", number(0.5)}, {"rule", std::string("nearest")}},
                {Tensor(3.0)},
                0}};
  op.kinks = {
      {"the position is an element", {{"x", vector({1, 2, 4})}, {"q", number(0.5)}}, number(1), "q", number(0)}};
  refuse(op, "nothing to choose from", {2, 0}, {{"axis", I{1}}, {"q", number(0.5)}});
  refuse(op, "q above 1", {2, 3}, {{"axis", I{1}}, {"q", number(1.1)}});
  refuse(op, "q that is no number", {2, 3}, {{"axis", I{1}}, {"q", number(std::numeric_limits<double>::quiet_NaN())}});
  refuse(op, "a matrix of q", {2, 3}, {{"axis", I{1}}, {"q", Tensor::zeros({1, 1}, DType::f64)}});
  refuse(op, "no such axis", {2, 3}, {{"axis", I{2}}, {"q", number(0.5)}});
  op.bench = [](const Shape& shape, DType dtype) {
    return Values{{"x", uniform({7, 1}, shape, 0, 1, dtype)}, {"q", number(0.3).to(dtype)}, {"axis", I{-1}}};
  };
  return op;
}

}  // namespace

std::vector<Operator> ranks() {
  std::vector<Operator> all = orders();
  for (const Operator& op : singles()) all.push_back(op);
  all.push_back(over_axes(
      "amax", "The largest element over some axes, or of all; those that tie share the gradient.",
      [](const Values& v) { return Results{amax(v.tensor("x"), std::span<const int>(axes_of(v)), v.flag("keep"))}; },
      1));
  all.push_back(over_axes(
      "amin", "The smallest element over some axes, or of all; those that tie share the gradient.",
      [](const Values& v) { return Results{amin(v.tensor("x"), std::span<const int>(axes_of(v)), v.flag("keep"))}; },
      -1));
  all.push_back(quantile_row());
  return all;
}

}  // namespace lumigrad::rows
