// SPDX-License-Identifier: Apache-2.0
// Rows of operators that move elements without arithmetic. All are linear.
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/views.h>

namespace lumigrad::rows {
namespace {

using Kind = Argument::Kind;
using List = std::vector<double>;
using I = std::int64_t;

Argument integer(const char* name, const char* doc, const char* otherwise = "", bool optional = false) {
  return {.name = name, .kind = Kind::integer, .doc = doc, .otherwise = otherwise, .optional = optional};
}
Argument list(const char* name, const char* doc) { return {.name = name, .kind = Kind::list, .doc = doc}; }

template <class T>
std::vector<T> whole(const List& values) {
  std::vector<T> result;
  for (const double value : values) result.push_back(static_cast<T>(value));
  return result;
}

struct Example {
  const char* name;
  Shape shape;
  Values rest;
};
struct Wrong {
  const char* name;
  Shape shape;
  Values rest;
};

Values with_x(const Tensor& x, const Values& rest) {
  Values values = rest;
  values.set("x", x);
  return values;
}

Operator row(const char* name, const char* doc, std::vector<Argument> rest, std::vector<Tensor> (*call)(const Values&),
             const std::vector<Example>& examples, const std::vector<Wrong>& wrong) {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {tensor("x", "any shape")};
  op.arguments.insert(op.arguments.end(), rest.begin(), rest.end());
  op.linear = true;
  op.call = call;
  op.f32_bound = op.grad_bound = 0;
  op.bound_reason = "nothing is computed";
  op.samples = [=](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Example& example : examples) {
      const Generator generator{seed, operation_id(label), samples.size()};
      samples.push_back({example.name, with_x(numbers(generator, 0, example.shape, -1, 1), example.rest)});
    }
    return samples;
  };
  for (const Wrong& example : wrong)
    op.refusals.push_back({example.name, with_x(Tensor::ones(example.shape, DType::f64), example.rest), "expected"});
  return op;
}

std::vector<Operator> reordering() {
  std::vector<Operator> all;
  all.push_back(row(
      "reshape", "The same elements in another shape; one extent may be -1.", {list("shape", "extents")},
      [](const Values& v) { return std::vector{reshape(v.tensor("x"), whole<I>(v.list("shape")))}; },
      {{"flat", {2, 3}, {{"shape", List{6}}}},
       {"to a column", {5}, {{"shape", List{5, 1}}}},
       {"one inferred", {2, 3, 4}, {{"shape", List{2, -1}}}},
       {"batch of one", {1, 3, 5, 7}, {{"shape", List{3, 35}}}},
       {"scalar to vector", {}, {{"shape", List{1}}}},
       {"vector to scalar", {1}, {{"shape", List{}}}},
       {"one row", {1, 9}, {{"shape", List{3, 3}}}},
       {"empty", {0, 4}, {{"shape", List{2, 0}}}},
       {"same", {2, 2}, {{"shape", List{2, 2}}}}},
      {{"other number of elements", {2, 3}, {{"shape", List{4}}}}, {"two inferred", {4}, {{"shape", List{-1, -1}}}}}));
  all.push_back(
      row("permute", "Axes in another order.", {list("order", "axis of x for each axis of the result")},
          [](const Values& v) { return std::vector{permute(v.tensor("x"), whole<int>(v.list("order")))}; },
          {{"transpose", {2, 3}, {{"order", List{1, 0}}}},
           {"channels last", {2, 3, 4, 5}, {{"order", List{0, 2, 3, 1}}}},
           {"reversed", {2, 3, 5}, {{"order", List{2, 1, 0}}}},
           {"negative axes", {2, 3, 4}, {{"order", List{-1, 0, 1}}}},
           {"identity", {3, 4}, {{"order", List{0, 1}}}},
           {"scalar", {}, {{"order", List{}}}},
           {"one row", {1, 7}, {{"order", List{1, 0}}}},
           {"empty", {0, 3}, {{"order", List{1, 0}}}}},
          {{"an axis missing", {2, 3}, {{"order", List{0}}}}, {"an axis twice", {2, 3}, {{"order", List{0, 0}}}}}));
  all.push_back(row("transpose", "Two axes exchanged.", {integer("a", "an axis", "-2"), integer("b", "another", "-1")},
                    [](const Values& v) {
                      return std::vector{
                          transpose(v.tensor("x"), static_cast<int>(v.integer("a")), static_cast<int>(v.integer("b")))};
                    },
                    {{"matrix", {2, 3}, {}},
                     {"batch of two", {2, 3, 5}, {}},
                     {"first and last", {2, 3, 4}, {{"a", I{0}}, {"b", I{-1}}}},
                     {"the same axis", {3, 4}, {{"a", I{1}}, {"b", I{1}}}},
                     {"image", {1, 3, 5, 7}, {{"a", I{1}}, {"b", I{3}}}},
                     {"column", {7, 1}, {}},
                     {"square", {4, 4}, {}},
                     {"empty", {3, 0}, {}}},
                    {{"no such axis", {2, 3}, {{"a", I{2}}}}, {"a vector", {3}, {}}}));
  all.push_back(row("flip", "The order along some axes reversed.", {list("axes", "axes")},
                    [](const Values& v) { return std::vector{flip(v.tensor("x"), whole<int>(v.list("axes")))}; },
                    {{"vector", {5}, {{"axes", List{0}}}},
                     {"columns", {2, 3}, {{"axes", List{-1}}}},
                     {"both", {4, 3}, {{"axes", List{0, 1}}}},
                     {"image", {2, 3, 4, 5}, {{"axes", List{2}}}},
                     {"batch of one", {1, 3, 5, 7}, {{"axes", List{2, 3}}}},
                     {"none", {3}, {{"axes", List{}}}},
                     {"one row", {1, 9}, {{"axes", List{1}}}},
                     {"empty", {0, 2}, {{"axes", List{0}}}}},
                    {{"no such axis", {2}, {{"axes", List{1}}}}, {"an axis twice", {2}, {{"axes", List{0, -1}}}}}));
  return all;
}

std::vector<Operator> parts() {
  std::vector<Operator> all;
  all.push_back(
      row("slice", "Every step-th entry of an axis from begin up to, not including, end.",
          {integer("axis", "the axis"), integer("begin", "first index; negative counts from the end", "", true),
           integer("end", "exclusive", "", true), integer("step", "may be negative, not 0", "1")},
          [](const Values& v) {
            const auto bound = [&](const char* name) { return v.has(name) ? v.integer(name) : SliceBound(); };
            return std::vector{slice(v.tensor("x"), static_cast<int>(v.integer("axis")), bound("begin"), bound("end"),
                                     v.integer("step"))};
          },
          {{"head", {5}, {{"axis", I{0}}, {"end", I{3}}}},
           {"tail", {2, 5}, {{"axis", I{1}}, {"begin", I{-2}}}},
           {"every second", {2, 7}, {{"axis", I{-1}}, {"step", I{2}}}},
           {"backwards", {6}, {{"axis", I{0}}, {"step", I{-1}}}},
           {"backwards by two down to the first", {7}, {{"axis", I{0}}, {"step", I{-2}}}},
           {"part of it backwards", {2, 6}, {{"axis", I{1}}, {"begin", I{4}}, {"end", I{1}}, {"step", I{-2}}}},
           {"image rows", {2, 3, 4, 5}, {{"axis", I{2}}, {"begin", I{1}}, {"end", I{3}}}},
           {"nothing", {4}, {{"axis", I{0}}, {"begin", I{3}}, {"end", I{1}}}},
           {"beyond the end", {1, 4}, {{"axis", I{1}}, {"begin", I{2}}, {"end", I{99}}}}},
          {{"no such axis", {2}, {{"axis", I{1}}}}, {"step 0", {2}, {{"axis", I{0}}, {"step", I{0}}}}}));
  all.push_back(row(
      "select", "One entry of an axis; the axis is gone.", {integer("axis", "the axis"), integer("index", "the entry")},
      [](const Values& v) {
        return std::vector{select(v.tensor("x"), static_cast<int>(v.integer("axis")), v.integer("index"))};
      },
      {{"of a vector", {5}, {{"axis", I{0}}, {"index", I{2}}}},
       {"row", {3, 4}, {{"axis", I{0}}, {"index", I{1}}}},
       {"column from the end", {3, 4}, {{"axis", I{1}}, {"index", I{-1}}}},
       {"channel", {2, 3, 4, 5}, {{"axis", I{1}}, {"index", I{0}}}},
       {"image of one", {1, 3, 5, 7}, {{"axis", I{0}}, {"index", I{0}}}},
       {"last axis", {2, 3, 5}, {{"axis", I{-1}}, {"index", I{4}}}},
       {"one row", {1, 9}, {{"axis", I{0}}, {"index", I{0}}}},
       {"empty rest", {2, 0}, {{"axis", I{0}}, {"index", I{1}}}}},
      {{"out of range", {3}, {{"axis", I{0}}, {"index", I{3}}}}, {"scalar", {}, {{"axis", I{0}}, {"index", I{0}}}}}));
  all.push_back(row("embed", "Zeros with x placed along an axis: the adjoint of slice.",
                    {integer("axis", "the axis"), integer("begin", "where x begins"),
                     integer("step", "between entries", "1"), integer("extent", "of the axis in the result")},
                    [](const Values& v) {
                      return std::vector{embed(v.tensor("x"), static_cast<int>(v.integer("axis")), v.integer("begin"),
                                               v.integer("step"), v.integer("extent"))};
                    },
                    {{"middle", {3}, {{"axis", I{0}}, {"begin", I{1}}, {"extent", I{5}}}},
                     {"every second", {2, 3}, {{"axis", I{1}}, {"begin", I{0}}, {"step", I{2}}, {"extent", I{6}}}},
                     {"backwards", {4}, {{"axis", I{0}}, {"begin", I{3}}, {"step", I{-1}}, {"extent", I{4}}}},
                     {"backwards by two", {2, 2}, {{"axis", I{0}}, {"begin", I{4}}, {"step", I{-2}}, {"extent", I{5}}}},
                     {"rows of an image", {2, 3, 2, 5}, {{"axis", I{2}}, {"begin", I{1}}, {"extent", I{4}}}},
                     {"one row", {1, 4}, {{"axis", I{0}}, {"begin", I{2}}, {"extent", I{3}}}},
                     {"nothing", {0}, {{"axis", I{0}}, {"begin", I{0}}, {"extent", I{3}}}},
                     {"everything", {3}, {{"axis", I{0}}, {"begin", I{0}}, {"extent", I{3}}}}},
                    {{"too far", {3}, {{"axis", I{0}}, {"begin", I{1}}, {"extent", I{3}}}},
                     {"step 0", {3}, {{"axis", I{0}}, {"begin", I{0}}, {"step", I{0}}, {"extent", I{3}}}}}));
  return all;
}

std::vector<Operator> repetition() {
  std::vector<Operator> all;
  all.push_back(
      row("expand", "Axes of extent 1 repeated to a shape.", {list("shape", "extents")},
          [](const Values& v) { return std::vector{expand(v.tensor("x"), Shape(whole<I>(v.list("shape"))))}; },
          {{"scalar", {}, {{"shape", List{2, 3}}}},
           {"column", {3, 1}, {{"shape", List{3, 4}}}},
           {"new axis", {4}, {{"shape", List{2, 4}}}},
           {"row of a batch", {1, 3}, {{"shape", List{2, 5, 3}}}},
           {"image", {1, 3, 1, 1}, {{"shape", List{2, 3, 4, 5}}}},
           {"same", {2, 3}, {{"shape", List{2, 3}}}},
           {"to nothing", {1, 2}, {{"shape", List{0, 2}}}},
           {"one element", {1}, {{"shape", List{7}}}}},
          {{"not of extent 1", {2}, {{"shape", List{4}}}}, {"fewer axes", {1, 2}, {{"shape", List{2}}}}}));
  all.back().grad_bound = 1e-6;  // the adjoint sums
  all.push_back(
      row("sum_to", "Summed over the axes along which a shape was broadcast: the adjoint of expand.",
          {list("shape", "extents")},
          [](const Values& v) { return std::vector{sum_to(v.tensor("x"), Shape(whole<I>(v.list("shape"))))}; },
          {{"to a scalar", {2, 3}, {{"shape", List{}}}},
           {"to a column", {3, 4}, {{"shape", List{3, 1}}}},
           {"axis dropped", {2, 4}, {{"shape", List{4}}}},
           {"channels of images", {2, 3, 4, 5}, {{"shape", List{1, 3, 1, 1}}}},
           {"batch of one", {1, 3, 5}, {{"shape", List{3, 1}}}},
           {"same", {2, 3}, {{"shape", List{2, 3}}}},
           {"from nothing", {0, 2}, {{"shape", List{1, 2}}}},
           {"vector", {7}, {{"shape", List{1}}}}},
          {{"does not broadcast", {2, 3}, {{"shape", List{2}}}}, {"more axes", {3}, {{"shape", List{2, 3}}}}}));
  all.back().f32_bound = all.back().grad_bound = 1e-6;
  all.back().bound_reason = {};
  all.push_back(
      row("unsqueeze", "An axis of extent 1 put in.", {integer("axis", "where, in the result")},
          [](const Values& v) { return std::vector{unsqueeze(v.tensor("x"), static_cast<int>(v.integer("axis")))}; },
          {{"scalar", {}, {{"axis", I{0}}}},
           {"front", {3}, {{"axis", I{0}}}},
           {"back", {3}, {{"axis", I{-1}}}},
           {"middle", {2, 3}, {{"axis", I{1}}}},
           {"image", {3, 5, 7}, {{"axis", I{0}}}},
           {"row", {1, 4}, {{"axis", I{2}}}},
           {"batch of two", {2, 3, 4}, {{"axis", I{1}}}},
           {"empty", {0}, {{"axis", I{0}}}}},
          {{"too far", {3}, {{"axis", I{2}}}}, {"too far back", {3}, {{"axis", I{-3}}}}}));
  all.push_back(
      row("squeeze", "An axis of extent 1 taken out.", {integer("axis", "the axis")},
          [](const Values& v) { return std::vector{squeeze(v.tensor("x"), static_cast<int>(v.integer("axis")))}; },
          {{"to a scalar", {1}, {{"axis", I{0}}}},
           {"front", {1, 3}, {{"axis", I{0}}}},
           {"back", {3, 1}, {{"axis", I{-1}}}},
           {"middle", {2, 1, 3}, {{"axis", I{1}}}},
           {"image", {1, 3, 5, 7}, {{"axis", I{0}}}},
           {"channel", {2, 1, 4, 5}, {{"axis", I{1}}}},
           {"even", {4, 1, 6}, {{"axis", I{1}}}},
           {"empty", {0, 1}, {{"axis", I{1}}}}},
          {{"extent 2", {2, 3}, {{"axis", I{0}}}}, {"no such axis", {1}, {{"axis", I{1}}}}}));
  return all;
}

// Up to four tensors a, b, c, d one behind the other.
Operator joining(const char* name, const char* doc, Tensor (*call)(const std::vector<Tensor>&, int, Here), bool equal) {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {tensor("a", "first part"), tensor("b", "second part"), tensor("c", "third part"),
                  tensor("d", "fourth part"), integer("axis", "along which", "0")};
  for (int i = 1; i < 4; ++i) op.arguments[static_cast<std::size_t>(i)].optional = true;
  op.f32_bound = op.grad_bound = 0;
  op.bound_reason = "nothing is computed";
  op.call = [call](const Values& v) {
    std::vector<Tensor> parts;
    for (const char* part : {"a", "b", "c", "d"})
      if (v.has(part)) parts.push_back(v.tensor(part));
    return std::vector{call(parts, static_cast<int>(v.integer("axis")), {})};
  };
  op.samples = [=](std::uint64_t seed) {
    const std::vector<std::tuple<const char*, Shape, int, I>> cases = {
        {"two vectors", {3}, 2, 0}, {"rows", {2, 3}, 2, 0},
        {"columns", {2, 3}, 3, 1},  {"last axis", {2, 3, 2}, 2, -1},
        {"four", {1, 2}, 4, 0},     {"channels", {2, 1, 4, 5}, 3, 1},
        {"alone", {3, 2}, 1, 0},    {"batch of one", {1, 3, 5}, 2, 0},
        {"empty", {0, 2}, 2, 0}};
    std::vector<Sample> samples;
    for (const auto& [what, shape, count, axis] : cases) {
      const Generator generator{seed, operation_id(label), samples.size()};
      Values values = {{"axis", axis}};
      const char* names[] = {"a", "b", "c", "d"};
      for (int i = 0; i < count; ++i) {
        const int at = static_cast<int>(axis < 0 ? axis + shape.rank() : axis);
        const Shape own = equal ? shape : shape.with(at, shape[at] + i);
        values.set(names[i], numbers(generator, static_cast<std::uint32_t>(i), own, -1, 1));
      }
      samples.push_back({what, values});
    }
    return samples;
  };
  op.refusals = {
      {"other extents differ",
       {{"a", Tensor::ones({2, 3}, DType::f64)}, {"b", Tensor::ones({2, 4}, DType::f64)}},
       "expected"},
      {"no such axis", {{"a", Tensor::ones({2}, DType::f64)}, {"axis", I{3}}}, "expected"},
      {"different dtypes", {{"a", Tensor::ones({2}, DType::f64)}, {"b", Tensor::ones({2}, DType::f32)}}, "expected"}};
  return op;
}

}  // namespace

std::vector<Operator> views() {
  std::vector<Operator> all;
  for (auto part : {reordering(), parts(), repetition()}) all.insert(all.end(), part.begin(), part.end());
  all.push_back(joining("concat", "Tensors one behind the other along an axis.", concat, false));
  all.push_back(joining("stack", "Tensors one behind the other along a new axis.", stack, true));
  return all;
}

}  // namespace lumigrad::rows
