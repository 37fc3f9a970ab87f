// SPDX-License-Identifier: Apache-2.0
// Rows of decompositions and of what is made from them.
#include <lumigrad/engine/families/decompositions.h>
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/ops.h>
#include <algorithm>

namespace lumigrad::rows {
namespace {

using I = std::int64_t;
using Kind = Argument::Kind;
using Results = std::vector<Tensor>;

// Matrices well away from where a decomposition is not smooth: noise around a diagonal of 1, 2, 3, ..., so that they
// are regular and all singular values and eigenvalues are apart.
Tensor spread(const Generator& generator, std::uint32_t n, const Shape& shape) {
  const I rows = shape[-2], columns = shape[-1];
  std::vector<double> diagonal(static_cast<std::size_t>(rows * columns), 0.0);
  for (I i = 0; i < std::min(rows, columns); ++i)
    diagonal[static_cast<std::size_t>(i * columns + i)] = 1 + static_cast<double>(i);
  return add(numbers(generator, n, shape, -0.3, 0.3), Tensor::from(diagonal, {rows, columns}));
}
Tensor lower(const Generator& generator, std::uint32_t n, const Shape& shape) {
  const Tensor a = spread(generator, n, shape);
  return cholesky(matmul(a, transpose(a, -1, -2)));
}
Tensor positive(const Generator& generator, std::uint32_t n, const Shape& shape) {
  const Tensor a = spread(generator, n, shape);
  return matmul(a, transpose(a, -1, -2));
}
Tensor small(const Generator& generator, std::uint32_t n, const Shape& shape) {
  return numbers(generator, n, shape, -1, 1);
}
Tensor matrix(const std::vector<double>& values, I rows, I columns) { return Tensor::from(values, {rows, columns}); }

using Draw = Tensor (*)(const Generator&, std::uint32_t, const Shape&);

struct Case {
  const char* name;
  Shape a, b = {};
};
const std::vector<Case>& squares() {
  static const std::vector<Case> all = {{"one number", {1, 1}},
                                        {"two", {2, 2}},
                                        {"three", {3, 3}},
                                        {"four", {4, 4}},
                                        {"five", {5, 5}},
                                        {"batch of one", {1, 3, 3}},
                                        {"batch of two", {2, 3, 3}},
                                        {"two batch axes", {2, 1, 2, 2}},
                                        {"empty batch", {0, 3, 3}},
                                        {"nothing", {0, 0}}};
  return all;
}
const std::vector<Case>& rectangles() {
  static const std::vector<Case> all = {{"one number", {1, 1}},
                                        {"square", {3, 3}},
                                        {"tall", {4, 3}},
                                        {"wide", {2, 4}},
                                        {"a column", {3, 1}},
                                        {"a row", {1, 4}},
                                        {"batch of one", {1, 4, 2}},
                                        {"batch of two", {2, 2, 3}},
                                        {"two batch axes", {2, 1, 3, 2}},
                                        {"empty batch", {0, 3, 2}}};
  return all;
}

Operator row(const char* name, const char* doc, Results (*call)(const Values&), const std::vector<Case>& cases, Draw a,
             bool square, Draw b = nullptr, const std::string& first = "a") {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {tensor(first.c_str(), square ? "[.., n, n]" : "[.., m, n]")};
  if (b) op.arguments.push_back(tensor("b", "[.., n, r]"));
  op.f32_bound = 1e-4;
  op.grad_bound = 1e-3;
  op.bound_reason = "the condition of the matrix multiplies rounding";
  op.call = call;
  op.samples = [=](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Case& c : cases) {
      const Generator generator{seed, operation_id(label), samples.size()};
      Values values = {{first, a(generator, 0, c.a)}};
      if (b) values.set("b", b(generator, 1, c.b));
      samples.push_back({c.name, values});
    }
    return samples;
  };
  // As many 3x3 matrices as the image has numbers for.
  op.bench = [=](const Shape& shape, DType dtype) {
    const Shape batch = {std::max<I>(shape.numel() / 9, 1), 3, 3};
    Values values = {{first, a({7, 1}, 0, batch).to(dtype)}};
    if (b) values.set("b", b({7, 1}, 1, batch).to(dtype));
    return values;
  };
  op.bench_bytes = [](const Shape& shape, DType dtype) {
    const double plane = static_cast<double>(shape.numel()) * static_cast<double>(size_of(dtype));
    return std::pair(2 * plane, 4 * plane);
  };
  const auto refuse = [&](const char* what, const Tensor& x) {
    Values values = {{first, x}};
    if (b) values.set("b", Tensor::ones({x.size(0), 1}, x.dtype()));
    op.refusals.push_back({what, values, label + ": expected"});
  };
  refuse("a vector", Tensor::ones({3}, DType::f64));
  refuse("integers", Tensor::ones({2, 2}, DType::i64));
  if (square) refuse("not square", Tensor::ones({2, 3}, DType::f64));
  return op;
}

std::vector<Operator> triangular() {
  Operator root = row(
      "cholesky", "The lower triangular L with L L' = (A + A') / 2.",
      [](const Values& v) { return Results{cholesky(v.tensor("a"))}; }, squares(), positive, true);
  root.golden = {{"hand calculation", {{"a", matrix({4, 2, 2, 5}, 2, 2)}}, {matrix({2, 0, 1, 2}, 2, 2)}, 1e-14}};

  const std::vector<Case> systems = {{"one number", {1, 1}, {1, 1}},
                                     {"one side", {3, 3}, {3, 1}},
                                     {"several sides", {3, 3}, {3, 4}},
                                     {"even", {4, 4}, {4, 2}},
                                     {"batch of one", {1, 2, 2}, {1, 2, 3}},
                                     {"batch of two", {2, 3, 3}, {2, 3, 2}},
                                     {"one matrix for a batch", {3, 3}, {2, 3, 1}},
                                     {"one side for a batch", {2, 3, 3}, {3, 2}},
                                     {"empty batch", {0, 2, 2}, {0, 2, 1}}};
  Operator triangle = row(
      "solve_triangular", "The solution X of A X = B for a triangular A.",
      [](const Values& v) { return Results{solve_triangular(v.tensor("a"), v.tensor("b"), v.flag("upper"))}; }, systems,
      spread, true, small);
  triangle.arguments.push_back(
      {.name = "upper", .kind = Kind::flag, .doc = "A is upper triangular", .otherwise = "false"});
  const auto samples = triangle.samples;
  triangle.samples = [samples](std::uint64_t seed) {
    std::vector<Sample> all = samples(seed);
    for (Sample sample : samples(seed + 1)) {
      sample.values.set("upper", true);
      all.push_back({sample.name + ", upper", sample.values});
    }
    return all;
  };
  triangle.golden = {{"hand calculation; the other triangle is not read",
                      {{"a", matrix({2, 99, 1, 4}, 2, 2)}, {"b", matrix({2, 9}, 2, 1)}},
                      {matrix({1, 2}, 2, 1)},
                      1e-14}};
  Operator twice = row(
      "cholesky_solve", "The solution X of L L' X = B.",
      [](const Values& v) { return Results{cholesky_solve(v.tensor("b"), v.tensor("l"))}; }, systems, lower, true,
      small, "l");
  return {root, triangle, twice};
}

std::vector<Operator> factors() {
  Operator orthogonal = row(
      "qr", "A = Q R with orthonormal columns in Q and R upper triangular.",
      [](const Values& v) {
        const QR y = qr(v.tensor("a"));
        return Results{y.q, y.r};
      },
      rectangles(), spread, false);
  orthogonal.outputs = {"q", "r"};
  orthogonal.golden = {{"hand calculation",
                        {{"a", matrix({3, 5, 4, 0}, 2, 2)}},
                        {matrix({-0.6, -0.8, -0.8, 0.6}, 2, 2), matrix({-5, -3, 0, -4}, 2, 2)},
                        1e-14}};
  Operator singular = row(
      "svd", "A = U diag(s) Vh; s descending, the largest component of each column of U positive.",
      [](const Values& v) {
        const SVD y = svd(v.tensor("a"));
        return Results{y.u, y.s, y.vh};
      },
      rectangles(), spread, false);
  singular.outputs = {"u", "s", "vh"};
  singular.golden = {
      {"hand calculation",
       {{"a", matrix({0, -2, 3, 0}, 2, 2)}},
       {matrix({0, 1, 1, 0}, 2, 2), Tensor::from(std::vector<double>{3, 2}, {2}), matrix({1, 0, 0, -1}, 2, 2)},
       1e-14}};
  Operator values = row(
      "svdvals", "Singular values, descending.", [](const Values& v) { return Results{svdvals(v.tensor("a"))}; },
      rectangles(), spread, false);
  values.golden = {{"hand calculation",
                    {{"a", matrix({3, 0, 4, 5}, 2, 2)}},
                    {Tensor::from(std::vector<double>{6.70820393249936908923, 2.23606797749978969641}, {2})},
                    1e-14}};
  values.kinks = {{"equal values: the gradient of their sum",
                   {{"a", matrix({2, 0, 0, 2}, 2, 2)}},
                   Tensor::ones({2}, DType::f64),
                   "a",
                   matrix({1, 0, 0, 1}, 2, 2)}};
  Operator eigen = row(
      "eigh", "(A + A') / 2 = V diag(values) V'; values ascending, the largest component of each vector positive.",
      [](const Values& v) {
        const EigenPairs y = eigh(v.tensor("a"));
        return Results{y.values, y.vectors};
      },
      squares(), spread, true);
  eigen.outputs = {"values", "vectors"};
  eigen.golden = {
      {"hand calculation", {{"a", matrix({2, 2, 0, 2}, 2, 2)}}, {Tensor::from(std::vector<double>{1, 3}, {2})}, 1e-14}};
  eigen.kinks = {{"equal values: the gradient of their sum",
                  {{"a", matrix({2, 0, 0, 2}, 2, 2)}},
                  Tensor::ones({2}, DType::f64),
                  "a",
                  matrix({1, 0, 0, 1}, 2, 2)}};
  return {orthogonal, singular, values, eigen};
}

std::vector<Operator> functions() {
  Operator determinant = row(
      "det", "The determinant.", [](const Values& v) { return Results{det(v.tensor("a"))}; }, squares(), spread, true);
  determinant.golden = {{"hand calculation", {{"a", matrix({4, 7, 2, 6}, 2, 2)}}, {number(10)}, 1e-14},
                        {"of nothing", {{"a", Tensor::ones({0, 0}, DType::f64)}}, {number(1)}, 0}};
  determinant.kinks = {{"a singular matrix has its cofactors",
                        {{"a", matrix({1, 2, 2, 4}, 2, 2)}},
                        number(1),
                        "a",
                        matrix({4, -2, -2, 1}, 2, 2)}};
  Operator logarithm = row(
      "slogdet", "The sign of the determinant and the logarithm of its size.",
      [](const Values& v) {
        const SignLogDet y = slogdet(v.tensor("a"));
        return Results{y.sign, y.log_size};
      },
      squares(), spread, true);
  logarithm.outputs = {"sign", "log_size"};
  logarithm.golden = {
      {"hand calculation", {{"a", matrix({0, 2, 5, 0}, 2, 2)}}, {number(-1), number(2.302585092994045684)}, 1e-14}};
  const std::vector<Case> systems = {{"one number", {1, 1}, {1, 1}},
                                     {"square", {3, 3}, {3, 2}},
                                     {"tall", {5, 3}, {5, 2}},
                                     {"tall, one side", {4, 2}, {4, 1}},
                                     {"wide", {2, 4}, {2, 3}},
                                     {"batch of one", {1, 3, 2}, {1, 3, 2}},
                                     {"batch of two", {2, 4, 2}, {2, 4, 1}},
                                     {"wide batch of two", {2, 2, 3}, {2, 2, 2}},
                                     {"one matrix for a batch", {3, 2}, {2, 3, 1}},
                                     {"empty batch", {0, 3, 2}, {0, 3, 1}}};
  Operator least = row(
      "lstsq", "The X that makes |A X - B| smallest, of several the shortest; A has full rank.",
      [](const Values& v) { return Results{lstsq(v.tensor("a"), v.tensor("b"))}; }, systems, spread, false, small);
  least.golden = {{"hand calculation: a mean",
                   {{"a", matrix({1, 1, 1}, 3, 1)}, {"b", matrix({1, 2, 6}, 3, 1)}},
                   {matrix({3}, 1, 1)},
                   1e-14}};
  Operator pseudo = row(
      "pinv", "The pseudoinverse.", [](const Values& v) { return Results{pinv(v.tensor("a"), v.number("rtol"))}; },
      rectangles(), spread, false);
  pseudo.arguments.push_back(
      {.name = "rtol",
       .kind = Kind::number,
       .doc = "of the largest singular value; smaller ones are zero. Below 0: max(m, n) roundings",
       .otherwise = "-1"});
  pseudo.golden = {
      {"a singular matrix", {{"a", matrix({1, 1, 1, 1}, 2, 2)}}, {matrix({0.25, 0.25, 0.25, 0.25}, 2, 2)}, 1e-14}};
  Operator exponential = row(
      "matrix_exp", "e^A.", [](const Values& v) { return Results{matrix_exp(v.tensor("a"))}; }, squares(), small, true);
  exponential.golden = {
      {"a rotation by one radian",
       {{"a", matrix({0, -1, 1, 0}, 2, 2)}},
       {matrix({0.54030230586813971740, -0.84147098480789650665, 0.84147098480789650665, 0.54030230586813971740}, 2,
               2)},
       1e-14}};
  return {determinant, logarithm, least, pseudo, exponential};
}

}  // namespace

std::vector<Operator> decompositions() {
  std::vector<Operator> all;
  for (auto part : {triangular(), factors(), functions()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace lumigrad::rows
