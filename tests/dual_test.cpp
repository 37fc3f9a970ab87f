// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <lumigrad/engine/formula.h>

#include <cmath>

using namespace lumigrad;

namespace {

using D = Dual<double, 1>;
using Twice = Dual<Dual<double, 1>, 1>;

D at(double x) { return D::variable(x, 0); }

/// x as a dual number of a dual number: f's second derivative comes out in tangent[0].tangent[0].
Twice twice(double x) {
  Twice r = Twice::variable(D::variable(x, 0), 0);
  return r;
}

template <class Function>
void rule(const char* name, Function f, double x) {
  const double h = 1e-5, slope = (f(at(x + h)).value - f(at(x - h)).value) / (2 * h);
  const double curvature = (f(at(x + h)).tangent[0] - f(at(x - h)).tangent[0]) / (2 * h);
  CAPTURE(name);
  CHECK(f(at(x)).tangent[0] == doctest::Approx(slope).epsilon(1e-8));
  CHECK(f(twice(x)).tangent[0].tangent[0] == doctest::Approx(curvature).epsilon(1e-7));
  CHECK(f(twice(x)).value.value == f(at(x)).value);
}

}  // namespace

TEST_CASE("every rule agrees with finite differences, and so does the rule of the rule") {
  for (double x : {0.3, 0.9, 1.7}) {
    CAPTURE(x);
    rule(
        "sum", [](auto v) { return v + v + 3; }, x);
    rule(
        "difference", [](auto v) { return 5 - v * v; }, x);
    rule(
        "product", [](auto v) { return v * v * v; }, x);
    rule(
        "quotient", [](auto v) { return (v * v + 1) / (v + 2); }, x);
    rule(
        "negative", [](auto v) { return -(v * v); }, x);
    rule(
        "fma", [](auto v) { return fma(v, v, v); }, x);
    rule(
        "abs", [](auto v) { return abs(v * v - 10); }, x);
    rule(
        "sqrt", [](auto v) { return sqrt(v); }, x);
    rule(
        "cbrt", [](auto v) { return cbrt(v); }, x);
    rule(
        "exp", [](auto v) { return exp(v * v); }, x);
    rule(
        "log", [](auto v) { return log(v); }, x);
    rule(
        "sin", [](auto v) { return sin(2 * v); }, x);
    rule(
        "cos", [](auto v) { return cos(v * v); }, x);
    rule(
        "pow in the base", [](auto v) { return pow(v, decltype(v)(2.4)); }, x);
    rule(
        "pow in the exponent", [](auto v) { return pow(decltype(v)(1.7), v); }, x);
    rule(
        "pow in both", [](auto v) { return pow(v, v); }, x);
    rule(
        "atan2", [](auto v) { return atan2(v, v * v + 1); }, x);
    rule(
        "hypot", [](auto v) { return hypot(v, v * v + 1); }, x);
    rule(
        "choices", [](auto v) { return select(v > 1, v * v, min(v, 2) + max(v * v * v, 0)); }, x);
    rule(
        "equals", [](auto v) { return largest(v, v * v, decltype(v)(1.5)) * smallest(v * v * v, v, v + 1); }, x);
    rule(
        "clamp", [](auto v) { return clamp(v * v, 0, 2) * v; }, x);
  }
}

TEST_CASE("the second derivative of x^2 at 0 is 2, through pow too") {
  CHECK(pow(twice(0), 2).tangent[0].tangent[0] == 2);
  CHECK(pow(twice(0), 3).tangent[0].tangent[0] == 0);
}

TEST_CASE("several directions give a whole gradient") {
  using D3 = Dual<double, 3>;
  const D3 y = D3::variable(2, 0) * D3::variable(3, 1) + sin(D3::variable(0, 2));
  CHECK(y.value == 6);
  CHECK(y.tangent[0] == 3);
  CHECK(y.tangent[1] == 2);
  CHECK(y.tangent[2] == 1);
}

TEST_CASE("a dual number can be computed by the compiler") {
  constexpr double slope = [] {
    const D x = D::variable(3, 0);
    return (x * x + 4 / x).tangent[0];
  }();
  static_assert(slope > 5.55 && slope < 5.56);
}
