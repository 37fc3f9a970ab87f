// SPDX-License-Identifier: Apache-2.0
// Rows of sums, means and matrix operators.
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/ops.h>

namespace lumigrad::rows {
namespace {

std::vector<int> axes_of(const Values& v, const Tensor& x) {
  std::vector<int> axes;
  if (v.has("axes"))
    for (const double axis : v.list("axes")) axes.push_back(static_cast<int>(axis));
  else
    for (int axis = 0; axis < x.rank(); ++axis) axes.push_back(axis);
  return axes;
}

Operator reduction(const char* name, const char* doc, Tensor (*call)(const Tensor&, std::span<const int>, bool, Here),
                   bool of_nothing) {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {
      tensor("x", "any shape"),
      {.name = "axes", .kind = Argument::Kind::list, .doc = "axes; all when left out", .optional = true},
      {.name = "keep", .kind = Argument::Kind::flag, .doc = "leave the axes with extent 1", .otherwise = "false"}};
  op.linear = true;
  op.call = [call](const Values& v) {
    const Tensor x = v.tensor("x");
    return std::vector{call(x, axes_of(v, x), v.flag("keep"), {})};
  };
  op.samples = [=](std::uint64_t seed) {
    using List = std::vector<double>;
    const std::vector<std::tuple<const char*, Shape, List, bool>> cases = {
        {"vector", {7}, {0}, false},
        {"last axis", {3, 5}, {-1}, false},
        {"first axis, kept", {2, 3, 4}, {0}, true},
        {"middle axis of a batch of two", {2, 3, 5}, {1}, false},
        {"image over space", {1, 3, 5, 7}, {2, 3}, true},
        {"two apart", {2, 3, 4}, {0, 2}, false},
        {"one row", {1, 9}, {0}, false},
        {"all", {2, 3, 4}, {0, 1, 2}, false},
        {"longer than a block", {1100}, {0}, false},
        {"none", {2, 3}, {}, false}};
    std::vector<Sample> samples;
    for (const auto& [what, shape, axes, keep] : cases) {
      const Generator generator{seed, operation_id(label), samples.size()};
      samples.push_back({what, {{"x", numbers(generator, 0, shape, -1, 1)}, {"axes", axes}, {"keep", keep}}});
    }
    const Generator generator{seed, operation_id(label), samples.size()};
    samples.push_back({"everything by default", {{"x", numbers(generator, 0, {3, 4}, -1, 1)}}});
    if (of_nothing) samples.push_back({"empty", {{"x", numbers(generator, 0, {2, 0}, -1, 1)}}});
    return samples;
  };
  op.refusals = {
      {"an axis that is not there",
       {{"x", Tensor::ones({2, 3}, DType::f64)}, {"axes", std::vector<double>{2}}},
       "expected"},
      {"an axis twice", {{"x", Tensor::ones({2, 3}, DType::f64)}, {"axes", std::vector<double>{1, -1}}}, "expected"},
      {"integers", {{"x", Tensor::ones({2}, DType::i64)}}, "expected"}};
  op.bench = [](const Shape& shape, DType dtype) { return Values{{"x", uniform({7, 1}, shape, 0, 1, dtype)}}; };
  op.bench_bytes = [](const Shape& shape, DType dtype) {
    const double plane = static_cast<double>(shape.numel()) * static_cast<double>(size_of(dtype));
    return std::pair(plane, 2 * plane);
  };
  return op;
}

Tensor matrix(const std::vector<double>& values, std::int64_t rows, std::int64_t columns) {
  return Tensor::from(values, {rows, columns});
}

// Random square matrices that are well away from singular ones: 3 I + noise.
Tensor regular(const Generator& generator, std::uint32_t n, const Shape& shape) {
  return add(numbers(generator, n, shape, -1, 1), mul(Tensor::eye(shape[-1], DType::f64), 3));
}

Operator matmul_row() {
  Operator op;
  op.name = "engine.matmul";
  op.doc = "Products of matrices; leading axes are batches and broadcast.";
  op.arguments = {tensor("a", "[.., m, k]"), tensor("b", "[.., k, n]")};
  op.linear = true;
  op.call = [](const Values& v) { return std::vector{matmul(v.tensor("a"), v.tensor("b"))}; };
  op.samples = [](std::uint64_t seed) {
    const std::vector<std::tuple<const char*, Shape, Shape>> cases = {{"square", {3, 3}, {3, 3}},
                                                                      {"odd", {3, 5}, {5, 7}},
                                                                      {"row by matrix", {1, 4}, {4, 6}},
                                                                      {"outer product", {3, 1}, {1, 5}},
                                                                      {"batch of one", {1, 2, 3}, {1, 3, 4}},
                                                                      {"batch of two", {2, 2, 3}, {2, 3, 4}},
                                                                      {"one for a batch", {2, 2, 3}, {3, 2}},
                                                                      {"batches broadcast", {2, 1, 2, 3}, {3, 3, 2}},
                                                                      {"sum over nothing", {2, 0}, {0, 3}},
                                                                      {"empty batch", {0, 2, 2}, {2, 2}}};
    std::vector<Sample> samples;
    for (const auto& [what, left, right] : cases) {
      const Generator generator{seed, operation_id("matmul"), samples.size()};
      samples.push_back(
          {what, {{"a", numbers(generator, 0, left, -1, 1)}, {"b", numbers(generator, 1, right, -1, 1)}}});
    }
    return samples;
  };
  op.refusals = {
      {"inner extents differ",
       {{"a", Tensor::ones({2, 3}, DType::f64)}, {"b", Tensor::ones({2, 3}, DType::f64)}},
       "matmul: expected"},
      {"a vector", {{"a", Tensor::ones({3}, DType::f64)}, {"b", Tensor::ones({3, 2}, DType::f64)}}, "matmul: expected"},
      {"different dtypes",
       {{"a", Tensor::ones({2, 2}, DType::f64)}, {"b", Tensor::ones({2, 2}, DType::f32)}},
       "matmul: expected"},
      {"integers",
       {{"a", Tensor::ones({2, 2}, DType::i64)}, {"b", Tensor::ones({2, 2}, DType::i64)}},
       "matmul: expected"}};
  op.golden = {{"hand calculation",
                {{"a", matrix({1, 2, 3, 4}, 2, 2)}, {"b", matrix({5, 6, 7, 8}, 2, 2)}},
                {matrix({19, 22, 43, 50}, 2, 2)},
                1e-14}};
  return op;
}

Operator inverse_row() {
  Operator op;
  op.name = "engine.inverse";
  op.doc = "The inverse of square matrices.";
  op.arguments = {tensor("a", "[.., n, n], regular")};
  op.f32_bound = 1e-4;
  op.grad_bound = 1e-3;
  op.bound_reason = "the condition of the matrix multiplies rounding";
  op.call = [](const Values& v) { return std::vector{inverse(v.tensor("a"))}; };
  op.samples = [](std::uint64_t seed) {
    const std::vector<std::pair<const char*, Shape>> cases = {{"one number", {1, 1}},
                                                              {"two", {2, 2}},
                                                              {"three", {3, 3}},
                                                              {"four", {4, 4}},
                                                              {"five", {5, 5}},
                                                              {"batch of one", {1, 3, 3}},
                                                              {"batch of two", {2, 3, 3}},
                                                              {"two batch axes", {2, 3, 2, 2}},
                                                              {"empty batch", {0, 3, 3}}};
    std::vector<Sample> samples;
    for (const auto& [what, shape] : cases)
      samples.push_back({what, {{"a", regular({seed, operation_id("inverse"), samples.size()}, 0, shape)}}});
    return samples;
  };
  op.refusals = {{"not square", {{"a", Tensor::ones({2, 3}, DType::f64)}}, "inverse: expected"},
                 {"a vector", {{"a", Tensor::ones({3}, DType::f64)}}, "inverse: expected"},
                 {"integers", {{"a", Tensor::ones({2, 2}, DType::i64)}}, "inverse: expected"}};
  op.golden = {
      {"hand calculation", {{"a", matrix({4, 7, 2, 6}, 2, 2)}}, {matrix({0.6, -0.7, -0.2, 0.4}, 2, 2)}, 1e-14}};
  return op;
}

Operator solve_row() {
  Operator op;
  op.name = "engine.solve";
  op.doc = "The solution X of A X = B, by LU with partial pivoting.";
  op.arguments = {tensor("a", "[.., n, n], regular"), tensor("b", "[.., n, m]")};
  op.f32_bound = 1e-4;
  op.grad_bound = 1e-3;
  op.bound_reason = "the condition of the matrix multiplies rounding";
  op.call = [](const Values& v) { return std::vector{solve(v.tensor("a"), v.tensor("b"))}; };
  op.samples = [](std::uint64_t seed) {
    const std::vector<std::tuple<const char*, Shape, Shape>> cases = {{"one number", {1, 1}, {1, 1}},
                                                                      {"one side", {3, 3}, {3, 1}},
                                                                      {"several sides", {3, 3}, {3, 4}},
                                                                      {"even", {4, 4}, {4, 2}},
                                                                      {"batch of one", {1, 2, 2}, {1, 2, 3}},
                                                                      {"batch of two", {2, 3, 3}, {2, 3, 2}},
                                                                      {"one matrix for a batch", {3, 3}, {2, 3, 1}},
                                                                      {"one side for a batch", {2, 3, 3}, {3, 2}},
                                                                      {"empty batch", {0, 2, 2}, {0, 2, 1}}};
    std::vector<Sample> samples;
    for (const auto& [what, left, right] : cases) {
      const Generator generator{seed, operation_id("solve"), samples.size()};
      samples.push_back({what, {{"a", regular(generator, 0, left)}, {"b", numbers(generator, 1, right, -1, 1)}}});
    }
    return samples;
  };
  op.refusals = {
      {"not square",
       {{"a", Tensor::ones({2, 3}, DType::f64)}, {"b", Tensor::ones({2, 1}, DType::f64)}},
       "solve: expected"},
      {"rows differ", {{"a", Tensor::eye(2, DType::f64)}, {"b", Tensor::ones({3, 1}, DType::f64)}}, "solve: expected"},
      {"integers", {{"a", Tensor::eye(2, DType::i64)}, {"b", Tensor::ones({2, 1}, DType::i64)}}, "solve: expected"}};
  op.golden = {{"hand calculation",
                {{"a", matrix({2, 1, 1, 3}, 2, 2)}, {"b", matrix({5, 10}, 2, 1)}},
                {matrix({1, 3}, 2, 1)},
                1e-14}};
  return op;
}

}  // namespace

std::vector<Operator> reductions_and_products() {
  Operator total = reduction("sum", "The sum over some axes, or of all elements.", sum, true);
  total.golden = {{"hand calculation",
                   {{"x", matrix({1, 2, 3, 4}, 2, 2)}, {"axes", std::vector<double>{0}}},
                   {Tensor::from(std::vector<double>{4, 6}, {2})},
                   0}};
  Operator average = reduction("mean", "The mean over some axes, or of all elements.", mean, false);
  average.golden = {{"hand calculation", {{"x", matrix({1, 2, 3, 4}, 2, 2)}}, {number(2.5)}, 0}};
  average.refusals.push_back({"nothing to average", {{"x", Tensor::ones({0, 3}, DType::f64)}}, "mean: expected"});
  return {total, average, matmul_row(), inverse_row(), solve_row()};
}

}  // namespace lumigrad::rows
