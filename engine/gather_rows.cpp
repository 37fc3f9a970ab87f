// SPDX-License-Identifier: Apache-2.0
// Rows of the gather family: who goes where is an index tensor.
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/ops.h>

namespace lumigrad::rows {
namespace {

using I = std::int64_t;
using Kind = Argument::Kind;

const Argument axis_argument = {.name = "axis", .kind = Kind::integer, .doc = "the axis", .otherwise = "0"};
const Argument index_argument = {.name = "index", .doc = "i64 or i32; negative ones count from the end"};

// Places in [-extent, extent), i64.
Tensor places(const Generator& generator, std::uint32_t n, const Shape& shape, I extent) {
  std::vector<I> values;
  for (const double v : uniform(generator.then(n), shape, 0, 1, DType::f64).values())
    values.push_back(static_cast<I>(v * static_cast<double>(2 * extent)) - extent);
  return Tensor::from(values, shape);
}
Tensor whole(const std::vector<I>& values) { return Tensor::from(values, {static_cast<I>(values.size())}); }

struct Case {
  const char* name;
  Shape x, index;
  I axis = 0;
  Shape source = {};
};

Operator row(const char* name, const char* doc, bool adds, std::vector<Tensor> (*call)(const Values&),
             const std::vector<Case>& cases) {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {tensor("x", "at least one axis"), axis_argument, index_argument};
  if (adds) op.arguments.push_back(tensor("source", "what is added"));
  op.linear = !adds;
  op.call = call;
  op.samples = [=](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Case& c : cases) {
      const Generator generator{seed, operation_id(label), samples.size()};
      Values values = {{"x", numbers(generator, 0, c.x, -1, 1)},
                       {"axis", c.axis},
                       {"index", places(generator, 1, c.index, c.x[static_cast<int>(c.axis)])}};
      if (adds) values.set("source", numbers(generator, 2, c.source, -1, 1));
      samples.push_back({c.name, values});
    }
    return samples;
  };
  const Tensor x = Tensor::ones({3, 2}, DType::f64);
  const auto refuse = [&](const char* what, const Tensor& index, I axis, const std::string& message) {
    Values values = {{"x", x}, {"axis", axis}, {"index", index}};
    if (adds) values.set("source", x);
    op.refusals.push_back({what, values, label + ": expected " + message});
  };
  const bool vector = label.starts_with("index");
  const auto index = [&](I first) {
    return vector ? whole({first, 0, 1}) : Tensor::from(std::vector<I>{first, 0}, {1, 2});
  };
  refuse("an index beyond the end", index(3), 0, "indices in [-3, 3) along an axis of extent 3, got 3");
  refuse("an index too far back", index(-4), 0, "indices in [-3, 3)");
  refuse("indices that are not whole numbers", index(0).to(DType::f64), 0, "indices of dtype i64 or i32");
  refuse("no such axis", index(0), 2, "");
  refuse("an index of another rank", Tensor::zeros({1, 1, 1}, DType::i64), 0, "");
  return op;
}

Tensor at(const Values& v, const char* name) { return v.tensor(name); }
int axis_of(const Values& v) { return static_cast<int>(v.integer("axis")); }

void measure(Operator& op, double planes) {
  op.bench = [call = op.name](const Shape& shape, DType dtype) {
    const Generator generator{7, 1};
    const int axis = shape.rank() - 1;
    const bool vector = call.starts_with("engine.index");
    Values values = {{"x", uniform(generator, shape, 0, 1, dtype)},
                     {"axis", static_cast<I>(axis)},
                     {"index", floor(uniform(generator.then(2), vector ? Shape{shape[axis]} : shape, 0,
                                             static_cast<double>(shape[axis]), DType::f64))
                                   .to(DType::i64)}};
    if (call.ends_with("add")) values.set("source", uniform(generator, shape, 0, 1, dtype));
    return values;
  };
  op.bench_bytes = [planes](const Shape& shape, DType dtype) {
    const double plane = static_cast<double>(shape.numel()) * static_cast<double>(size_of(dtype));
    return std::pair(planes * plane, 2 * planes * plane);
  };
}

}  // namespace

std::vector<Operator> gathers() {
  const std::vector<Case> whole_shapes = {{"vector", {5}, {7}, 0},
                                          {"fewer along the axis", {3, 4, 5}, {3, 3, 5}, 1},
                                          {"last axis", {2, 5}, {2, 8}, 1},
                                          {"first axis", {4, 3}, {2, 3}, 0},
                                          {"image", {1, 3, 5, 7}, {1, 2, 5, 7}, 1},
                                          {"one row", {1, 9}, {1, 4}, 1},
                                          {"from one entry", {2, 1, 4}, {2, 3, 4}, 1},
                                          {"longer than a block of threads", {2, 40}, {2, 300}, 1},
                                          {"nothing", {3, 4}, {0, 4}, 0}};
  std::vector<Operator> all;

  std::vector<Case> cases = whole_shapes;
  cases.push_back({"smaller along the other axes", {3, 4, 5}, {2, 6, 4}, 1});
  all.push_back(row(
      "gather", "Elements of x at an index along an axis.", false,
      [](const Values& v) { return std::vector{gather(at(v, "x"), axis_of(v), at(v, "index"))}; }, cases));
  all.back().f32_bound = 0;
  all.back().golden = {{"hand calculation",
                        {{"x", Tensor::from(std::vector<double>{1, 2, 3, 4}, {2, 2})},
                         {"axis", I{1}},
                         {"index", Tensor::from(std::vector<I>{0, 0, 1, -2}, {2, 2})}},
                        {Tensor::from(std::vector<double>{1, 1, 4, 3}, {2, 2})},
                        0}};
  measure(all.back(), 4);

  for (Case& c : cases) c.source = c.index;
  cases.push_back({"a part of the source", {3, 4}, {2, 3}, 0, {3, 5}});
  all.push_back(row(
      "scatter_add", "x with a source added at an index along an axis.", true,
      [](const Values& v) { return std::vector{scatter_add(at(v, "x"), axis_of(v), at(v, "index"), at(v, "source"))}; },
      cases));
  all.back().golden = {{"hand calculation",
                        {{"x", Tensor::from(std::vector<double>{10, 20, 30}, {3})},
                         {"axis", I{0}},
                         {"index", whole({0, -1, 0, 2})},
                         {"source", Tensor::from(std::vector<double>{1, 2, 3, 4}, {4})}},
                        {Tensor::from(std::vector<double>{14, 20, 36}, {3})},
                        0}};
  measure(all.back(), 5);

  cases = {{"vector", {5}, {7}, 0},
           {"middle axis", {3, 4, 5}, {6}, 1},
           {"last axis", {2, 5}, {8}, -1},
           {"rows", {4, 3}, {2}, 0},
           {"channels of an image", {1, 3, 5, 7}, {2}, 1},
           {"one row", {1, 9}, {4}, 1},
           {"batch of two", {2, 3, 4}, {3}, 0},
           {"from one entry", {2, 1, 4}, {3}, 1},
           {"nothing", {3, 4}, {0}, 0}};
  all.push_back(row(
      "index_select", "Some entries of an axis.", false,
      [](const Values& v) { return std::vector{index_select(at(v, "x"), axis_of(v), at(v, "index"))}; }, cases));
  all.back().f32_bound = 0;
  measure(all.back(), 3);
  for (Case& c : cases) {
    const int axis = static_cast<int>(c.axis < 0 ? c.axis + c.x.rank() : c.axis);
    c.source = c.x.with(axis, c.index[0]);
  }
  all.push_back(row(
      "index_add", "x with entries of a source added to some entries of an axis.", true,
      [](const Values& v) { return std::vector{index_add(at(v, "x"), axis_of(v), at(v, "index"), at(v, "source"))}; },
      cases));
  measure(all.back(), 4);

  cases = whole_shapes;
  cases.push_back({"one index for all lines", {3, 4, 5}, {1, 6, 1}, 1});
  cases.push_back({"one line for all indices", {1, 4, 5}, {3, 6, 5}, 1});
  all.push_back(row(
      "take_along_dim", "gather with extents that broadcast; without an axis, of all elements.", false,
      [](const Values& v) {
        const Tensor x = at(v, "x"), index = at(v, "index");
        return std::vector{v.has("axis") ? take_along_dim(x, index, axis_of(v)) : take_along_dim(x, index)};
      },
      cases));
  all.back().arguments[1].otherwise = {};
  all.back().arguments[1].optional = true;
  all.back().f32_bound = 0;
  auto samples = all.back().samples;
  all.back().samples = [samples](std::uint64_t seed) {
    std::vector<Sample> more = samples(seed);
    const Generator generator{seed, operation_id("take_along_dim"), more.size()};
    more.push_back({"of all elements",
                    {{"x", numbers(generator, 0, {3, 4}, -1, 1)}, {"index", places(generator, 1, {2, 4}, 12)}}});
    return more;
  };

  Operator counts;
  counts.name = "engine.histogram";
  counts.doc = "Counts of the elements along the last axis that fall into equal parts of a range.";
  counts.arguments = {tensor("x", "[.., n]", Differentiability::none),
                      {.name = "bins", .kind = Kind::integer, .doc = "parts", .otherwise = "256"},
                      {.name = "low", .kind = Kind::number, .doc = "lower end", .otherwise = "0"},
                      {.name = "high", .kind = Kind::number, .doc = "upper end, counted", .otherwise = "1"}};
  counts.order = 0;
  counts.f32_bound = 0;
  counts.call = [](const Values& v) {
    return std::vector{histogram(v.tensor("x"), v.integer("bins"), v.number("low"), v.number("high"))};
  };
  counts.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Shape& shape : {Shape{9}, Shape{2, 17}, Shape{2, 3, 40}, Shape{1, 0}}) {
      const Generator generator{seed, operation_id("histogram"), samples.size()};
      samples.push_back({to_string(shape), {{"x", numbers(generator, 0, shape, -0.2, 1.2)}, {"bins", I{8}}}});
    }
    return samples;
  };
  counts.refusals = {{"no bins", {{"x", Tensor::ones({2})}, {"bins", I{0}}}, "histogram: expected"},
                     {"no range", {{"x", Tensor::ones({2})}, {"low", 1.0}, {"high", 1.0}}, "histogram: expected"},
                     {"a scalar", {{"x", Tensor::ones({})}}, "histogram: expected"}};
  counts.golden = {
      {"hand calculation",
       {{"x", Tensor::from(std::vector<double>{0, 0.24, 0.25, 0.99, 1, 1.01, -0.01, 0.5}, {8})}, {"bins", I{4}}},
       {whole({2, 1, 1, 2})},
       0}};
  all.push_back(counts);
  return all;
}

}  // namespace lumigrad::rows
