// SPDX-License-Identifier: Apache-2.0
// Rows of elementwise operators with two or more tensor arguments.
#include <lumigrad/engine/activation_forms.h>
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/ops.h>
#include <numbers>

namespace lumigrad::rows {
namespace {

constexpr auto exact = Differentiability::exact;
constexpr auto almost = Differentiability::almost_everywhere;
constexpr auto none = Differentiability::none;

struct Range {
  double low, high;
};

// Shapes of two operands: equal, broadcast either way, scalar, batch of one and two, empty.
const std::vector<std::tuple<const char*, Shape, Shape>>& pairs() {
  static const std::vector<std::tuple<const char*, Shape, Shape>> all = {
      {"scalars", {}, {}},
      {"equal odd", {5}, {5}},
      {"equal batch of two", {2, 3, 4, 5}, {2, 3, 4, 5}},
      {"equal one row", {1, 9}, {1, 9}},
      {"second broadcast", {2, 3, 5}, {5}},
      {"both broadcast", {4, 1, 3}, {2, 1}},
      {"first a scalar", {}, {3, 4}},
      {"second a scalar", {1, 7}, {}},
      {"first broadcast over a batch", {1, 3, 1, 1}, {2, 3, 4, 6}},
      {"empty", {0, 3}, {3}}};
  return all;
}

// A row over pairs of operands; `apart` keeps them from meeting (where equality is a kink).
Operator pair_row(const char* name, const char* doc, Tensor (*call)(const Tensor&, const Tensor&, Here),
                  const char* first, const char* second, Range a, Range b, Differentiability gradient, bool apart) {
  const std::string label = name, x = first, y = second;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {tensor(first, "any shape; broadcasts", gradient), tensor(second, "any shape; broadcasts", gradient)};
  op.call = [=](const Values& v) { return std::vector{call(v.tensor(x), v.tensor(y), {})}; };
  op.samples = [=](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, left, right] : pairs()) {
      const Generator generator{seed, operation_id(label), samples.size()};
      Tensor p = numbers(generator, 0, left, a.low, a.high), q = numbers(generator, 1, right, b.low, b.high);
      if (apart) {  // multiples of 1/4 against the same shifted by 1/8
        p = mul(floor(mul(p, 4)), 0.25);
        q = add(mul(floor(mul(q, 4)), 0.25), 0.125);
      }
      samples.push_back({what, {{x, p}, {y, q}}});
    }
    return samples;
  };
  op.refusals = {
      {"shapes that do not broadcast",
       {{x, Tensor::ones({2, 3}, DType::f64)}, {y, Tensor::ones({2, 4}, DType::f64)}},
       label + ": expected"},
      {"different dtypes",
       {{x, Tensor::ones({2}, DType::f64)}, {y, Tensor::ones({2}, DType::f32)}},
       label + ": expected"},
      {"integers", {{x, Tensor::ones({2}, DType::i64)}, {y, Tensor::ones({2}, DType::i64)}}, label + ": expected"}};
  op.bench = [=](const Shape& shape, DType dtype) {
    return Values{{x, uniform({7, 1}, shape, a.low, a.high, dtype)}, {y, uniform({7, 2}, shape, b.low, b.high, dtype)}};
  };
  op.bench_bytes = elementwise_bytes(2);
  return op;
}

void known(Operator& op, double a, double b, double y) {
  op.golden.push_back(
      {"closed form", {{op.arguments[0].name, number(a)}, {op.arguments[1].name, number(b)}}, {number(y)}, 1e-14});
}
void kink(Operator& op, const char* what, double a, double b, double slope_a, double slope_b) {
  const Values at = {{op.arguments[0].name, number(a)}, {op.arguments[1].name, number(b)}};
  op.kinks.push_back({what, at, number(1), op.arguments[0].name, number(slope_a)});
  op.kinks.push_back({what, at, number(1), op.arguments[1].name, number(slope_b)});
}

// remainder and fmod: quotients stay a tenth away from whole numbers, where both jump.
std::vector<Operator> rest_rows() {
  std::vector<Operator> all;
  const auto rest = [&](const char* name, const char* doc, Tensor (*call)(const Tensor&, const Tensor&, Here),
                        double of_negative, double by_negative) {
    Operator op = pair_row(name, doc, call, "a", "b", {-4, 4}, {2, 2.01}, almost, false);
    op.samples = [draw = op.samples](std::uint64_t seed) {
      std::vector<Sample> samples = draw(seed);
      for (std::size_t i = 0; i < samples.size(); ++i) {
        Values& values = samples[i].values;
        const Tensor quotient = values.tensor("a"), whole = floor(quotient);
        values.set("a", mul(add(whole, add(mul(sub(quotient, whole), 0.8), 0.1)), 2.005));
        if (i % 2) values.set("b", neg(values.tensor("b")));
      }
      return samples;
    };
    known(op, 7.5, 2, 1.5);
    known(op, -7.5, 2, of_negative);
    known(op, 7.5, -2, by_negative);
    known(op, -6, -3, 0);
    kink(op, "at a jump", 6, 3, 1, -2);
    all.push_back(op);
  };
  rest("remainder", "What is left of a after whole multiples of b, with the sign of b.", remainder, 0.5, -0.5);
  rest("fmod", "What is left of a after whole multiples of b, with the sign of a.", fmod, -1.5, 1.5);
  return all;
}

// A quotient may be a whole number; in samples it is the fraction.
void with_rounding(Operator& op) {
  op.arguments.push_back({.name = "rounding",
                          .kind = Argument::Kind::choice,
                          .doc = "to a whole number, with slope 0",
                          .otherwise = "\"none\"",
                          .choices = {"none", "floor", "trunc"}});
  op.linear = true;
  op.call = [](const Values& v) {
    const Tensor a = v.tensor("a"), b = v.tensor("b");
    if (v.choice("rounding") == "none") return std::vector{div(a, b)};
    return std::vector{div(a, b, v.choice("rounding") == "floor" ? Rounding::down : Rounding::towards_zero)};
  };
  for (const auto& [rounding, result] : {std::pair("floor", -4.0), std::pair("trunc", -3.0)})
    op.golden.push_back({"definition",
                         {{"a", number(-7)}, {"b", number(2)}, {"rounding", std::string(rounding)}},
                         {number(result)},
                         0});
}

Operator lerp_row() {
  Operator op;
  op.name = "engine.lerp";
  op.doc = "a + (b - a) t";
  op.arguments = {tensor("a", "any shape; broadcasts"), tensor("b", "any shape; broadcasts"),
                  tensor("t", "any shape; broadcasts")};
  op.call = [](const Values& v) { return std::vector{lerp(v.tensor("a"), v.tensor("b"), v.tensor("t"))}; };
  op.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, left, right] : pairs()) {
      const Generator generator{seed, operation_id("lerp"), samples.size()};
      samples.push_back({what,
                         {{"a", numbers(generator, 0, left, -1, 1)},
                          {"b", numbers(generator, 1, right, -1, 1)},
                          {"t", numbers(generator, 2, samples.size() % 2 ? left : right, 0, 1)}}});
    }
    return samples;
  };
  op.golden = {{"closed form", {{"a", number(2)}, {"b", number(4)}, {"t", number(0.25)}}, {number(2.5)}, 1e-15}};
  op.refusals = {{"shapes that do not broadcast",
                  {{"a", Tensor::ones({2}, DType::f64)}, {"b", Tensor::ones({3}, DType::f64)}, {"t", number(0)}},
                  "lerp: expected"}};
  return op;
}

Operator where_row() {
  Operator op;
  op.name = "engine.where";
  op.doc = "a where the mask is not zero, else b.";
  op.arguments = {tensor("mask", "bool or a number; broadcasts", none), tensor("a", "any shape; broadcasts"),
                  tensor("b", "any shape; broadcasts")};
  op.call = [](const Values& v) { return std::vector{where(v.tensor("mask"), v.tensor("a"), v.tensor("b"))}; };
  op.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, left, right] : pairs()) {
      const Generator generator{seed, operation_id("where"), samples.size()};
      const Tensor coin = integers(generator.then(2), samples.size() % 2 ? left : right, 0, 2);
      samples.push_back({what,
                         {{"mask", coin.to(samples.size() % 3 ? DType::boolean : DType::u8)},
                          {"a", numbers(generator, 0, left, -1, 1)},
                          {"b", numbers(generator, 1, right, -1, 1)}}});
    }
    return samples;
  };
  op.golden = {{"definition",
                {{"mask", Tensor::from(std::vector<std::int64_t>{0, 1, -2}, {3})}, {"a", number(5)}, {"b", number(7)}},
                {Tensor::from(std::vector<double>{7, 5, 5}, {3})},
                0}};
  op.refusals = {{"shapes that do not broadcast",
                  {{"mask", number(1)}, {"a", Tensor::ones({2}, DType::f64)}, {"b", Tensor::ones({3}, DType::f64)}},
                  "where: expected"}};
  return op;
}

Operator clamp_row() {
  Operator op;
  op.name = "engine.clamp";
  op.doc = "x limited to [low, high]; slope 1 on the closed interval.";
  const char* bound = "a number, one an image, or broadcasts from the right";
  op.arguments = {tensor("x", "any shape", almost), tensor("low", bound, almost),
                  tensor("high", bound, almost, ">= low")};
  op.call = [](const Values& v) { return std::vector{clamp(v.tensor("x"), v.tensor("low"), v.tensor("high"))}; };
  op.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, shape] : shapes()) {
      const Generator generator{seed, operation_id("clamp"), samples.size()};
      const bool each = shape.rank() == 4;
      const Tensor low = each ? Tensor::full({shape[0]}, -0.5, DType::f64) : number(-0.5);
      samples.push_back(
          {what, {{"x", numbers(generator, 0, shape, -1.5, 1.5, {-0.5, 0.75})}, {"low", low}, {"high", number(0.75)}}});
    }
    const Tensor bounds = Tensor::from(std::vector<double>{-0.5, 0, 0.5}, {1, 3});
    samples.push_back({"bounds of columns",
                       {{"x", numbers({seed, operation_id("clamp"), 99}, 0, {4, 3}, -1.5, 1.5, {-0.5, 0, 0.5, 0.75})},
                        {"low", bounds},
                        {"high", number(0.75)}}});
    return samples;
  };
  const auto at = [](double x) { return Values{{"x", number(x)}, {"low", number(-1)}, {"high", number(1)}}; };
  op.kinks = {{"at the lower bound", at(-1), number(1), "x", number(1)},
              {"at the upper bound", at(1), number(1), "x", number(1)},
              {"at the lower bound", at(-1), number(1), "low", number(0)},
              {"at the upper bound", at(1), number(1), "high", number(0)}};
  op.golden = {{"definition", at(-3), {number(-1)}, 0},
               {"definition", at(0.25), {number(0.25)}, 0},
               {"bounds of columns",
                {{"x", Tensor::from(std::vector<double>{-1, 2, -1, 2}, {2, 2})},
                 {"low", Tensor::from(std::vector<double>{0, 1}, {1, 2})},
                 {"high", number(1.5)}},
                {Tensor::from(std::vector<double>{0, 1.5, 0, 1.5}, {2, 2})},
                0},
               {"one an image below, bounds of columns above",
                {{"x", Tensor::from(std::vector<double>{-1, 2, -1, 2}, {2, 2})},
                 {"low", Tensor::from(std::vector<double>{0, 1}, {2})},
                 {"high", Tensor::from(std::vector<double>{1, 1.5}, {1, 2})}},
                {Tensor::from(std::vector<double>{0, 1.5, 1, 1.5}, {2, 2})},
                0}};
  op.refusals = {
      {"bounds that do not broadcast",
       {{"x", Tensor::ones({4, 3}, DType::f64)}, {"low", Tensor::zeros({1, 2}, DType::f64)}, {"high", number(2)}},
       "clamp: expected"}};
  op.bench = [](const Shape& shape, DType dtype) {
    return Values{{"x", uniform({7, 1}, shape, -1, 2, dtype)}, {"low", 0.0}, {"high", 1.0}};
  };
  op.bench_bytes = elementwise_bytes(1);
  return op;
}

// x where it is positive, and a parameter's share of something else where it is not.
Operator rectifier_row(const char* name, const char* doc, Tensor (*call)(const Tensor&, const Tensor&, Here),
                       const char* share, const char* usual) {
  const std::string label = name, parameter = share;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {tensor("x", "any shape", almost), tensor(share, "a number, or one an image", exact, "", usual)};
  op.call = [=](const Values& v) { return std::vector{call(v.tensor("x"), v.tensor(parameter), {})}; };
  op.samples = [=](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, shape] : shapes()) {
      const Generator generator{seed, operation_id(label), samples.size()};
      Values values = {{"x", numbers(generator, 0, shape, -2, 2, {0})}};
      if (samples.size() % 2) values.set(parameter, number(0.2));
      if (shape.rank() == 4) values.set(parameter, numbers(generator, 1, {shape[0]}, 0.1, 1));
      samples.push_back({what, values});
    }
    return samples;
  };
  op.refusals = {{"integers", {{"x", Tensor::zeros({3}, DType::i64)}}, label + ": expected"}};
  return op;
}

}  // namespace

std::vector<Operator> several_inputs() {
  std::vector<Operator> all;
  const Range any = {-2, 2}, positive = {0.3, 3};
  const auto take = [&](Operator op) -> Operator& { return all.emplace_back(std::move(op)); };
  known(take(pair_row("add", "a + b", add, "a", "b", any, any, exact, false)), 1.5, 2, 3.5);
  known(take(pair_row("sub", "a - b", sub, "a", "b", any, any, exact, false)), 1.5, 2, -0.5);
  Operator& product = take(pair_row("mul", "a b", mul, "a", "b", any, any, exact, false));
  known(product, 1.5, 2, 3);
  product.linear = true;
  Operator& quotient = take(pair_row("div", "a / b", div, "a", "b", any, positive, exact, false));
  known(quotient, 1.5, 2, 0.75);
  with_rounding(quotient);
  Operator& larger =
      take(pair_row("maximum", "The larger; at a tie the first.", maximum, "a", "b", any, any, almost, true));
  known(larger, 1, 2, 2);
  kink(larger, "at a tie", 1, 1, 1, 0);
  Operator& smaller =
      take(pair_row("minimum", "The smaller; at a tie the first.", minimum, "a", "b", any, any, almost, true));
  known(smaller, 1, 2, 1);
  kink(smaller, "at a tie", 1, 1, 1, 0);
  Operator& power = take(pair_row("pow", "base^exponent; for base < 0 the exponent must be a whole number.", pow,
                                  "base", "exponent", positive, any, exact, false));
  known(power, 2, 0.5, std::numbers::sqrt2);
  known(power, -2, 3, -8);
  power.arguments[0].range = "> 0, or any with a whole exponent";
  Operator& angle = take(pair_row("atan2", "The angle of (x, y) in radians, in [-pi, pi].", atan2, "y", "x", {-2, -0.2},
                                  any, almost, false));
  known(angle, 1, 1, std::numbers::pi / 4);
  known(angle, 1, -1, 3 * std::numbers::pi / 4);
  Operator& length =
      take(pair_row("hypot", "sqrt(a^2 + b^2); slope 0 at the origin.", hypot, "a", "b", {0.2, 2}, any, almost, false));
  known(length, 3, -4, 5);
  kink(length, "at the origin", 0, 0, 0, 0);
  for (Operator& op : rest_rows()) take(op);
  take(lerp_row());
  take(where_row());
  take(clamp_row());
  Operator& leaky = take(rectifier_row("leaky_relu", "x for x > 0, else slope x.", leaky_relu, "slope", "0.01"));
  leaky.kinks = {{"at 0", {{"x", number(0)}, {"slope", number(0.25)}}, number(1), "x", number(0.25)}};
  leaky.golden = {{"definition", {{"x", number(-2)}, {"slope", number(0.25)}}, {number(-0.5)}, 0}};
  Operator& exponential = take(rectifier_row("elu", "x for x > 0, else alpha (e^x - 1).", elu, "alpha", "1"));
  exponential.kinks = {{"at 0", {{"x", number(0)}, {"alpha", number(0.25)}}, number(1), "x", number(0.25)}};
  exponential.golden = {
      {"closed form", {{"x", number(-1)}, {"alpha", number(2)}}, {number(2 / std::numbers::e - 2)}, 1e-14}};
  return all;
}

}  // namespace lumigrad::rows
