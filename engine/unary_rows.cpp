// SPDX-License-Identifier: Apache-2.0
// Rows of operators with one tensor argument.
#include <lumigrad/engine/activation_forms.h>
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/option_rows.h>
#include <algorithm>
#include <cmath>
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

// round has an option: how many decimals stay.
void with_decimals(Operator& op) {
  op.arguments.push_back({.name = "decimals",
                          .kind = Argument::Kind::integer,
                          .doc = "decimals that stay; -1 rounds to tens",
                          .otherwise = "0"});
  op.call = [](const Values& v) { return std::vector{round(v.tensor("x"), static_cast<int>(v.integer("decimals")))}; };
  op.golden.push_back({"definition", {{"x", number(0.125)}, {"decimals", std::int64_t{2}}}, {number(0.12)}, 1e-15});
  op.golden.push_back({"definition", {{"x", number(-1250)}, {"decimals", std::int64_t{-2}}}, {number(-1200)}, 0});
}

// softplus may be sharper, and ends where it is its asymptote.
void with_beta(Operator& op) {
  op.arguments.push_back(tensor("beta", "sharpness", exact, "not 0", "1"));
  op.arguments.push_back(option("threshold", "of beta x: beyond it the result is x", "20"));
  op.call = [](const Values& v) {
    return std::vector{softplus(v.tensor("x"), v.tensor("beta"), v.number("threshold"))};
  };
  op.samples = [plain = op.samples](std::uint64_t seed) {
    std::vector<Sample> samples = plain(seed);
    for (std::size_t i = 0; i < samples.size(); ++i)
      if (i % 2) samples[i].values.set("beta", number(0.5 * static_cast<double>(i)));
    samples[4].values.set("threshold", -1000.0);
    return samples;
  };
  op.golden.push_back({"closed form", {{"x", number(0)}, {"beta", number(2)}}, {number(std::numbers::ln2 / 2)}, 1e-14});
  op.golden.push_back({"beyond the threshold", {{"x", number(3)}, {"threshold", 2.0}}, {number(3)}, 0});
}

// gelu has an older form that needs no error function.
void with_approximation(Operator& op) {
  op.arguments.push_back({.name = "approximate",
                          .kind = Argument::Kind::choice,
                          .doc = "Phi itself, or a hyperbolic tangent in its place",
                          .otherwise = "\"none\"",
                          .choices = {"none", "tanh"}});
  op.call = [](const Values& v) {
    return std::vector{v.choice("approximate") == "tanh" ? gelu_tanh(v.tensor("x")) : gelu(v.tensor("x"))};
  };
  op.samples = [plain = op.samples](std::uint64_t seed) {
    std::vector<Sample> samples = plain(seed);
    for (std::size_t i = 1; i < samples.size(); i += 2) samples[i].values.set("approximate", std::string("tanh"));
    return samples;
  };
  const double inner = std::sqrt(2 / pi) * 1.044715;
  op.golden.push_back({"closed form",
                       {{"x", number(1)}, {"approximate", std::string("tanh")}},
                       {number((1 + std::tanh(inner)) / 2)},
                       1e-14});
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
      {"log2", "The logarithm to the base 2.", log2, 0.2, 4, {{8, 3}, {0.25, -2}}, {}, {}, "> 0"},
      {"log10", "The logarithm to the base 10.", log10, 0.2, 4, {{100, 2}, {0.1, -1}}, {}, {}, "> 0"},
      {"lgamma",
       "log |Gamma(x)|",
       lgamma,
       -3,
       12,
       {{0.5, std::log(pi) / 2},
        {1, 0},
        {2, 0},
        {5, std::log(24)},
        {11, std::log(3628800)},
        {-0.5, std::log(4 * pi) / 2}},
       {-3, -2, -1, 0},
       {},
       "not 0, -1, -2, ..."},
      {"digamma",
       "The derivative of log |Gamma(x)|.",
       digamma,
       -3,
       12,
       {{1, -std::numbers::egamma},
        {2, 1 - std::numbers::egamma},
        {0.5, -std::numbers::egamma - 2 * std::numbers::ln2},
        {-0.5, 2 - std::numbers::egamma - 2 * std::numbers::ln2}},
       {-3, -2, -1, 0},
       {},
       "not 0, -1, -2, ..."},
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
      {"softsign",
       "x / (1 + |x|); its second derivative at 0 is 0.",
       softsign,
       -3,
       3,
       {{-3, -0.75}, {1, 0.5}},
       {0},
       {{0, 1}}},
      {"logsigmoid", "log(1 / (1 + e^-x))", logsigmoid, -3, 3, {{0, -std::numbers::ln2}, {-800, -800}}},
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
      {"ceil",
       "The smallest integer that is not below x; slope 0.",
       ceil,
       -3,
       3,
       {{-1.5, -1}, {1.25, 2}},
       {-3, -2, -1, 0, 1, 2, 3},
       {{1, 0}}},
      {"trunc",
       "The integer next to x towards zero; slope 0.",
       trunc,
       -3,
       3,
       {{-1.5, -1}, {1.75, 1}},
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
  const auto find = [&](const char* name) -> Operator& {
    return *std::find_if(all.begin(), all.end(), [&](const Operator& op) { return op.name == name; });
  };
  with_decimals(find("engine.round"));
  with_beta(find("engine.softplus"));
  with_approximation(find("engine.gelu"));
  return all;
}

}  // namespace lumigrad::rows
