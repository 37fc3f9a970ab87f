// SPDX-License-Identifier: Apache-2.0
// Rows of running values along an axis.
#include <lumigrad/engine/families/scan.h>
#include <lumigrad/engine/operator_rows.h>

namespace lumigrad::rows {
namespace {

using I = std::int64_t;
using Kind = Argument::Kind;
using Results = std::vector<Tensor>;

Tensor vector(const std::vector<double>& values) { return Tensor::from(values, {static_cast<I>(values.size())}); }
int axis_of(const Values& v) { return static_cast<int>(v.integer("axis")); }

struct Case {
  const char* name;
  Shape shape;
  I axis;
};
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"vector", {5}, 0},        {"last axis", {3, 5}, -1},  {"middle axis", {3, 4, 5}, 1},
      {"first axis", {4, 3}, 0}, {"image", {1, 3, 5, 7}, 2}, {"batch of two", {2, 3, 4}, 2},
      {"one row", {1, 9}, 1},    {"one element", {3, 1}, 1}, {"no lines", {0, 3}, 1},
      {"empty lines", {2, 0}, 1}};
  return all;
}

Operator row(const char* name, const char* doc, std::vector<Argument> arguments, Results (*call)(const Values&)) {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = std::move(arguments);
  op.call = call;
  op.samples = [label, arguments = op.arguments](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Case& c : cases()) {
      const Generator generator{seed, operation_id(label), samples.size()};
      Values values = {{"axis", c.axis}};
      std::uint32_t n = 0;
      for (const Argument& argument : arguments)
        if (argument.kind == Kind::tensor) values.set(argument.name, numbers(generator, n++, c.shape, -1.5, 1.5));
      samples.push_back({c.name, values});
    }
    return samples;
  };
  Values wrong = {{"axis", I{2}}}, whole = {{"axis", I{0}}};
  for (const Argument& argument : op.arguments)
    if (argument.kind == Kind::tensor) {
      wrong.set(argument.name, Tensor::ones({2, 3}, DType::f64));
      whole.set(argument.name, Tensor::ones({2, 3}, DType::i64));
    }
  op.refusals = {{"no such axis", wrong, label + ": expected"}, {"integers", whole, label + ": expected"}};
  op.bench = [arguments = op.arguments](const Shape& shape, DType dtype) {
    Values values = {{"axis", I{shape.rank() - 1}}};
    for (const Argument& argument : arguments)
      if (argument.kind == Kind::tensor) values.set(argument.name, uniform({7, 1}, shape, 0.5, 1, dtype));
    return values;
  };
  op.bench_bytes = [](const Shape& shape, DType dtype) {
    const double plane = static_cast<double>(shape.numel()) * static_cast<double>(size_of(dtype));
    return std::pair(2 * plane, 4 * plane);
  };
  return op;
}

// Zeros among the factors: one, two, and at both ends.
void with_zeros(Operator& op) {
  const auto samples = op.samples;
  op.samples = [samples](std::uint64_t seed) {
    std::vector<Sample> all = samples(seed);
    all.push_back({"a zero", {{"x", vector({2, 0, 3, -1})}, {"axis", I{0}}}});
    all.push_back({"two zeros", {{"x", vector({2, 0, 3, 0, 0.5})}, {"axis", I{0}}}});
    all.push_back({"zeros at the ends", {{"x", vector({0, 2, 3, 0})}, {"axis", I{0}}}});
    all.push_back(
        {"three zeros", {{"x", Tensor::from(std::vector<double>{0, 0, 0, 1, 0, 4}, {2, 3})}, {"axis", I{1}}}});
    return all;
  };
}

}  // namespace

std::vector<Operator> scans() {
  const Argument axis = {.name = "axis", .kind = Kind::integer, .doc = "along which"};
  const Argument x = tensor("x", "at least one axis");

  Operator sums = row("cumsum", "The running sum along an axis.", {x, axis},
                      [](const Values& v) { return Results{cumsum(v.tensor("x"), axis_of(v))}; });
  sums.linear = true;
  sums.golden = {{"hand calculation", {{"x", vector({1, 2, 3})}, {"axis", I{0}}}, {vector({1, 3, 6})}, 0}};

  Operator products = row("cumprod", "The running product along an axis.", {x, axis},
                          [](const Values& v) { return Results{cumprod(v.tensor("x"), axis_of(v))}; });
  products.golden = {{"hand calculation", {{"x", vector({2, 3, 0, 5})}, {"axis", I{0}}}, {vector({2, 6, 0, 0})}, 0}};
  with_zeros(products);

  Operator product =
      row("prod", "The product along an axis, or of all elements.",
          {x,
           {.name = "axis", .kind = Kind::integer, .doc = "along which; all elements when left out", .optional = true},
           {.name = "keep", .kind = Kind::flag, .doc = "leave the axis with extent 1", .otherwise = "false"}},
          [](const Values& v) {
            if (!v.has("axis")) return Results{prod(v.tensor("x"))};
            return Results{prod(v.tensor("x"), axis_of(v), v.flag("keep"))};
          });
  product.golden = {{"hand calculation", {{"x", vector({2, 3, 4})}}, {Tensor(24.0)}, 0},
                    {"of nothing", {{"x", vector({})}}, {Tensor(1.0)}, 0}};
  with_zeros(product);
  const auto samples = product.samples;
  product.samples = [samples](std::uint64_t seed) {
    std::vector<Sample> all = samples(seed);
    const Generator generator{seed, operation_id("prod"), all.size()};
    all.push_back({"kept", {{"x", numbers(generator, 0, {3, 4}, -1, 1)}, {"axis", I{0}}, {"keep", true}}});
    all.push_back({"all elements", {{"x", numbers(generator, 1, {2, 4}, -1.5, 1.5)}}});
    return all;
  };

  Operator recurrence =
      row("linear_recurrence", "s[j] = a[j] s[j-1] + b[j] along an axis: running sums, products, filters.",
          {tensor("a", "factors, the shape of b"),
           tensor("b", "terms, at least one axis"),
           axis,
           {.name = "reverse", .kind = Kind::flag, .doc = "from the last entry", .otherwise = "false"}},
          [](const Values& v) {
            return Results{linear_recurrence(v.tensor("a"), v.tensor("b"), axis_of(v), v.flag("reverse"))};
          });
  recurrence.golden = {{"hand calculation",
                        {{"a", vector({9, 0.5, 2})}, {"b", vector({2, 1, 1})}, {"axis", I{0}}},
                        {vector({2, 2, 5})},
                        0},
                       {"the other way",
                        {{"a", vector({2, 0.5, 9})}, {"b", vector({1, 1, 2})}, {"axis", I{0}}, {"reverse", true}},
                        {vector({5, 2, 2})},
                        0}};
  recurrence.refusals.push_back(
      {"two shapes",
       {{"a", Tensor::ones({2}, DType::f64)}, {"b", Tensor::ones({3}, DType::f64)}, {"axis", I{0}}},
       "linear_recurrence: expected"});
  const auto forward = recurrence.samples;
  recurrence.samples = [forward](std::uint64_t seed) {
    std::vector<Sample> all = forward(seed);
    for (Sample sample : forward(seed + 1)) {
      sample.values.set("reverse", true);
      all.push_back({sample.name + ", reversed", sample.values});
    }
    return all;
  };
  return {sums, products, product, recurrence};
}

}  // namespace lumigrad::rows
