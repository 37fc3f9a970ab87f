// SPDX-License-Identifier: Apache-2.0
// Rows of operators with one tensor argument.
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/ops.h>
#include <numbers>

namespace lumigrad::rows {
namespace {

constexpr auto exact = Differentiability::exact;
constexpr auto almost = Differentiability::almost_everywhere;
constexpr double pi = std::numbers::pi, e = std::numbers::e, root_two = std::numbers::sqrt2;

struct Points {
  double x, y;
};

struct Unary {
  const char* name;
  const char* doc;
  Tensor (*call)(const Tensor&, Here);
  double low, high;  // of the samples
  std::vector<Points> known;
  std::vector<double> avoid = {};  // where finite differences would meet a kink
  std::vector<Points> kinks = {};  // {x, agreed slope}
  const char* range = "";
  bool linear = false;
};

Operator row(const Unary& u) {
  const std::string name = u.name;
  Operator op;
  op.name = "engine." + name;
  op.doc = u.doc;
  op.arguments = {tensor("x", "any shape, f32 or f64", u.avoid.empty() ? exact : almost, u.range)};
  op.linear = u.linear;
  op.call = [call = u.call](const Values& v) { return std::vector{call(v.tensor("x"), {})}; };
  op.samples = [name, low = u.low, high = u.high, avoid = u.avoid](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [label, shape] : shapes()) {
      const Generator generator{seed, operation_id(name), samples.size()};
      samples.push_back({label, {{"x", numbers(generator, 0, shape, low, high, avoid)}}});
    }
    return samples;
  };
  op.refusals = {{"integers", {{"x", Tensor::zeros({3}, DType::i64)}}, name + ": expected"}};
  for (const Points& kink : u.kinks)
    op.kinks.push_back({message("at ", kink.x), {{"x", number(kink.x)}}, number(1), "x", number(kink.y)});
  for (const Points& point : u.known)
    op.golden.push_back({"closed form", {{"x", number(point.x)}}, {number(point.y)}, 1e-14});
  op.bench = [low = u.low, high = u.high](const Shape& shape, DType dtype) {
    return Values{{"x", uniform({7, 1}, shape, low, high, dtype)}};
  };
  op.bench_bytes = elementwise_bytes(1);
  return op;
}

}  // namespace

std::vector<Operator> unary() {
  const std::vector<Unary> table = {
      {"neg", "-x", neg, -2, 2, {{1.5, -1.5}}, {}, {}, "", true},
      {"abs", "|x|; slope 0 at 0.", abs, -2, 2, {{-2.5, 2.5}}, {0}, {{0, 0}}},
      {"square", "x^2", square, -2, 2, {{-3, 9}}},
      {"sqrt", "The square root; slope 0 at 0.", sqrt, 0.1, 4, {{2, root_two}, {0, 0}}, {0}, {{0, 0}}, ">= 0"},
      {"rsqrt", "1 / sqrt(x)", rsqrt, 0.2, 4, {{2, 1 / root_two}}, {}, {}, "> 0"},
      {"reciprocal", "1 / x", reciprocal, 0.4, 3, {{-4, -0.25}}, {}, {}, "not 0"},
      {"exp", "e^x", exp, -2, 2, {{1, e}, {0, 1}}},
      {"expm1", "e^x - 1 without cancellation near 0.", expm1, -2, 2, {{1, e - 1}, {1e-12, 1e-12 + 5e-25}}},
      {"log", "The natural logarithm.", log, 0.2, 4, {{e, 1}, {1, 0}}, {}, {}, "> 0"},
      {"log1p",
       "log(1 + x) without cancellation near 0.",
       log1p,
       -0.7,
       3,
       {{e - 1, 1}, {1e-12, 1e-12 - 5e-25}},
       {},
       {},
       "> -1"},
      {"sin", "The sine of x radians.", sin, -4, 4, {{pi / 6, 0.5}}},
      {"cos", "The cosine of x radians.", cos, -4, 4, {{pi / 3, 0.5}}},
      {"tan", "The tangent of x radians.", tan, -1.2, 1.2, {{pi / 4, 1}}},
      {"asin", "The angle in [-pi/2, pi/2] whose sine is x.", asin, -0.9, 0.9, {{0.5, pi / 6}}, {}, {}, "[-1, 1]"},
      {"acos", "The angle in [0, pi] whose cosine is x.", acos, -0.9, 0.9, {{0.5, pi / 3}}, {}, {}, "[-1, 1]"},
      {"atan", "The angle in (-pi/2, pi/2) whose tangent is x.", atan, -3, 3, {{1, pi / 4}}},
      {"sinh", "(e^x - e^-x) / 2", sinh, -2, 2, {{1, (e - 1 / e) / 2}}},
      {"cosh", "(e^x + e^-x) / 2", cosh, -2, 2, {{1, (e + 1 / e) / 2}}},
      {"tanh", "(e^2x - 1) / (e^2x + 1)", tanh, -2, 2, {{1, (e - 1 / e) / (e + 1 / e)}}},
      {"sigmoid", "1 / (1 + e^-x)", sigmoid, -3, 3, {{0, 0.5}, {1, 1 / (1 + 1 / e)}}},
      {"softplus", "log(1 + e^x)", softplus, -3, 3, {{0, std::numbers::ln2}}},
      {"relu", "max(x, 0); slope 0 at 0.", relu, -2, 2, {{-1, 0}, {1.5, 1.5}}, {0}, {{0, 0}}},
      {"silu", "x sigmoid(x)", silu, -3, 3, {{1, 1 / (1 + 1 / e)}}},
      {"gelu", "x Phi(x), with Phi the normal distribution function.", gelu, -3, 3, {{0, 0}, {1, 0.8413447460685429}}},
      {"erf", "The error function.", erf, -2, 2, {{1, 0.8427007929497149}, {-0.5, -0.5204998778130465}}},
      {"floor",
       "The largest integer that is not above x; slope 0.",
       floor,
       -3,
       3,
       {{-1.5, -2}},
       {-3, -2, -1, 0, 1, 2, 3},
       {{1, 0}}},
      {"round",
       "The nearest integer, halves to the even one; slope 0.",
       round,
       -3,
       3,
       {{2.5, 2}, {-1.5, -2}},
       {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5},
       {{0.5, 0}}},
      {"sign", "-1, 0 or 1; slope 0.", sign, -2, 2, {{-0.5, -1}, {0, 0}}, {0}, {{0, 0}}},
  };
  std::vector<Operator> all;
  for (const Unary& entry : table) all.push_back(row(entry));
  return all;
}

}  // namespace lumigrad::rows
