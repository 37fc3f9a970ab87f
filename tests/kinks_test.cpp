// SPDX-License-Identifier: Apache-2.0
// The kink table of engine/math.h, line by line: dual numbers, the recorded reverse and every compiled kernel agree.
#include <doctest/doctest.h>

#include <lumigrad/engine/derivatives.h>

#include <cmath>
#include <limits>

#include "tools/compiled_formulas.h"

using namespace lumigrad;
using namespace lumigrad::test;

namespace {

struct Guarded {  // the square root's infinite slope at 0 is in the branch that is not taken
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return select(x > 0, sqrt(x), 3 * x);
  }
};

struct Widest {  // two largest and one smallest, so that each counts
  template <class V>
  LUMIGRAD_HD V operator()(V x, V y, V z) const {
    return 6 * largest(x, y, z) - 12 * smallest(x, y, z);
  }
};

/// The slopes of F at x by the two engines, which must agree; returns them.
template <class F>
std::vector<double> slopes(F, std::vector<double> x, std::vector<double> p = {0}) {
  const double w[1] = {1};
  std::vector<double> dual(x.size()), recorded(x.size()), none(p.size() + 1);
  dual_vjp<F, false>(x.data(), p.data(), w, dual.data(), none.data());
  recorded_vjp<F, false>(x.data(), p.data(), w, recorded.data(), none.data());
  CHECK(dual == recorded);
  return dual;
}

template <class F>
void kink(const char* what, F formula, std::vector<double> x, std::vector<double> expected,
          std::vector<float> p = {0, 1}) {
  INFO(what);
  CHECK(slopes(formula, x, std::vector<double>(p.begin(), p.end())) == expected);
  for (Level level : levels()) {
    INFO("float kernel at " << std::string(name(level)));
    Lanes<float> lanes;
    for (double v : x) lanes.push_back({static_cast<float>(v)});
    const Lanes<float> g = run_vjp<float>(kernels_at(level, formula), lanes, p, {{1.0f}});
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(g[i][0] == static_cast<float>(expected[i]));
  }
}

}  // namespace

TEST_CASE("at a tie the first argument takes all of the slope") {
  kink("max", Maximum{}, {2, 2}, {1, 0});
  kink("min", Minimum{}, {2, 2}, {1, 0});
  kink("max of -0 and 0", Maximum{}, {-0.0, 0.0}, {1, 0});
}

TEST_CASE("equal channels share the slope of the largest and of the smallest") {
  using Slopes = std::vector<double>;
  CHECK(slopes(Widest{}, {3, 1, 2}) == Slopes{6, -12, 0});
  CHECK(slopes(Widest{}, {3, 1, 3}) == Slopes{3, -12, 3});
  CHECK(slopes(Widest{}, {1, 3, 3}) == Slopes{-12, 3, 3});
  CHECK(slopes(Widest{}, {3, 3, 1}) == Slopes{3, 3, -12});
  CHECK(slopes(Widest{}, {1, 1, 3}) == Slopes{-6, -6, 6});
  CHECK(slopes(Widest{}, {1, 3, 1}) == Slopes{-6, 6, -6});
  CHECK(slopes(Widest{}, {3, 1, 1}) == Slopes{6, -6, -6});
  CHECK(slopes(Widest{}, {2, 2, 2}) == Slopes{-2, -2, -2});
  for (Level level : levels()) {
    INFO(name(level));
    const auto value = [&](float r, float g, float b) {
      const Lanes<float> x = {{r}, {g}, {b}};
      const auto slope = run_vjp<float>(kernels_at(level, color::RgbToHsv{}), x, {0}, {{0.0f}, {0.0f}, {6.0f}});
      return std::vector<float>{slope[0][0], slope[1][0], slope[2][0]};
    };
    CHECK(value(0.4f, 0.2f, 0.4f) == std::vector<float>{3, 0, 3});
    CHECK(value(0.4f, 0.4f, 0.4f) == std::vector<float>{2, 2, 2});
  }
}

TEST_CASE("every hue is a colour, also just under a whole turn and far out") {
  std::vector<float> hues = {31.4159241f, 207.345108f, 1e8f, -1e8f, 1e20f, -1e20f};
  for (int turns = -300; turns <= 300; ++turns) {
    float hue = std::nextafter(static_cast<float>(2 * pi * turns), -1e9f);
    for (int i = 0; i < 3; ++i, hue = std::nextafter(hue, 1e9f)) hues.push_back(hue);
  }
  const std::vector<float> one(hues.size(), 1.0f), half(hues.size(), 0.5f);
  for (Level level : levels()) {
    INFO(name(level));
    std::vector<Lanes<float>> images = {run_forward<float>(kernels_at(level, color::HsvToRgb{}), {hues, one, one}),
                                        run_forward<float>(kernels_at(level, color::HlsToRgb{}), {hues, half, one})};
    for (const float hue : hues) {  // turns of red and of a blue whose own place is not whole
      const Lanes<float> colours = {{1, 0.1f}, {0, 0.3f}, {0, 1}};
      images.push_back(run_forward<float>(kernels_at(level, enhance::TurnHue{}), colours, {hue}));
      images.push_back(run_forward<float>(kernels_at(level, enhance::ColorJitter<enhance::HueTurn::hexagon>{}), colours,
                                          {1, 1, 0, 1, hue}));
    }
    for (const Lanes<float>& image : images)
      for (const std::vector<float>& channel : image)
        for (const float x : channel) REQUIRE((x >= 0 && x <= 1));
  }
}

TEST_CASE("a hue keeps its sign where whole turns are taken off, also just under them") {
  std::vector<float> hues;
  for (int turns = -100; turns <= 100; ++turns) {
    float hue = std::nextafter(static_cast<float>(2 * pi * turns), -1e9f);
    for (int i = 0; i < 3; ++i, hue = std::nextafter(hue, 1e9f)) hues.push_back(hue);
  }
  const std::vector<float> one(hues.size(), 1.0f);
  for (Level level : levels()) {
    INFO(name(level));
    const Lanes<float> turned = run_forward<float>(kernels_at(level, enhance::TurnHueRaw{}), {hues, one, one}, {0.0f});
    for (std::size_t i = 0; i < hues.size(); ++i) {
      CAPTURE(hues[i]);
      CHECK(turned[0][i] * hues[i] >= 0);
      CHECK(std::fabs(turned[0][i]) < 6.2832f);  // at the baseline a product is rounded first
      CHECK(std::fabs(std::remainder(static_cast<double>(hues[i]) - static_cast<double>(turned[0][i]), 2 * pi)) < 1e-4);
    }
  }
}

TEST_CASE("clamp has slope 1 on the closed interval and 0 outside") {
  kink("lower end", Clamp{}, {0}, {1});
  kink("upper end", Clamp{}, {1}, {1});
  kink("inside", Clamp{}, {0.5}, {1});
  kink("below", Clamp{}, {-1e-30}, {0});
  kink("above", Clamp{}, {1.0000002}, {0});
}

TEST_CASE("slopes that no limit fixes are 0") {
  kink("abs", Abs{}, {0}, {0});
  kink("sqrt", Sqrt{}, {0}, {0});
  kink("cbrt", Cbrt{}, {0}, {0});
  kink("hypot", Hypot{}, {0, 0}, {0, 0});
  kink("atan2", Atan2{}, {0, 0}, {0, 0});
  kink("floor at a jump", Floor{}, {2}, {0});
  kink("round at a half", Round{}, {2.5}, {0});
  kink("sign", Sign{}, {0}, {0});
  kink("relu", Relu{}, {0}, {0});
}

TEST_CASE("powers of zero and of negative numbers have finite slopes") {
  kink("0^0.5", Pow{}, {0, 0.5}, {0, 0});
  kink("0^1", Pow{}, {0, 1}, {1, 0});
  kink("0^2", Pow{}, {0, 2}, {0, 0});
  kink("0^0", Pow{}, {0, 0}, {0, 0});
  kink("(-2)^2", Pow{}, {-2, 2}, {-4, 0});
}

TEST_CASE("smooth functions written in two halves are smooth where the halves meet") {
  kink("sigmoid", Sigmoid{}, {0}, {0.25});
  kink("softplus", Softplus{}, {0}, {0.5});
  kink("silu", Silu{}, {0}, {0.5});
  kink("tanh", Tanh{}, {0}, {1});
  kink("expm1", Expm1{}, {0}, {1});
  kink("log1p", Log1p{}, {0}, {1});
  kink("sinh", Sinh{}, {0}, {1});
}

TEST_CASE("gradients far out are finite") {
  for (double x : {-1e4, -200.0, -90.0, 90.0, 200.0, 1e4}) {
    CAPTURE(x);
    CHECK(std::isfinite(slopes(Sigmoid{}, {x})[0]));
    CHECK(std::isfinite(slopes(Softplus{}, {x})[0]));
    CHECK(std::isfinite(slopes(Silu{}, {x})[0]));
    CHECK(std::isfinite(slopes(Tanh{}, {x})[0]));
    CHECK(std::isfinite(slopes(Gelu{}, {x})[0]));
    CHECK(std::isfinite(slopes(Erf{}, {x})[0]));
  }
}

TEST_CASE("at infinity activations have the values and slopes of their limits") {
  const double far = std::numeric_limits<double>::infinity();
  kink("erf, right", Erf{}, {far}, {0});
  kink("erf, left", Erf{}, {-far}, {0});
  kink("silu, right", Silu{}, {far}, {1});
  kink("silu, left", Silu{}, {-far}, {0});
  kink("gelu, right", Gelu{}, {far}, {1});
  kink("gelu, left", Gelu{}, {-far}, {0});
  kink("sigmoid, left", Sigmoid{}, {-far}, {0});
  kink("softplus, right", Softplus{}, {far}, {1});
  kink("tanh, left", Tanh{}, {-far}, {0});
  const auto infinity = static_cast<float>(far), nan = std::numeric_limits<float>::quiet_NaN();
  for (Level level : levels()) {
    INFO(name(level));
    const auto values = [&](auto formula) {
      return run_forward<float>(kernels_at(level, formula), {{-infinity, infinity, nan}})[0];
    };
    for (const auto& y : {values(Silu{}), values(Gelu{})}) {
      CHECK(y[0] == 0);
      CHECK(y[1] == infinity);
      CHECK(std::isnan(y[2]));
    }
    CHECK(std::isnan(values(Erf{})[2]));
  }
}

TEST_CASE("the branch not taken leaves nothing behind") {
  CHECK(slopes(Guarded{}, {0.0}) == std::vector<double>{3});
  CHECK(slopes(Guarded{}, {-1.0}) == std::vector<double>{3});
  CHECK(slopes(Guarded{}, {4.0}) == std::vector<double>{0.25});
}

TEST_CASE("a NaN in the first argument of max stays, in the second it is dropped") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (Level level : levels()) {
    const Lanes<float> y = run_forward<float>(kernels_at(level, Maximum{}), {{nan, 1, 2}, {1, nan, 3}});
    CHECK(std::isnan(y[0][0]));
    CHECK(y[0][1] == 1);
    CHECK(y[0][2] == 3);
  }
}

TEST_CASE("a length neither overflows nor vanishes before its end, nor does its slope") {
  // On both sides of each bound of by_magnitude, and near the ends of the range.
  for (const int power : {-1074, -1020, -501, -499, -140, -63, -61, 0, 61, 63, 140, 499, 501, 1020}) {
    CAPTURE(power);
    const double u = std::ldexp(1.0, power);
    const std::vector<double> g = slopes(Hypot{}, {3 * u, -4 * u});
    CHECK(g[0] == doctest::Approx(0.6).epsilon(1e-15));
    CHECK(g[1] == doctest::Approx(-0.8).epsilon(1e-15));
    for (Level level : levels())
      if (const PixelKernels& kernels = kernels_at(level, Hypot{}); kernels.f64.forward)
        CHECK(run_forward<double>(kernels, {{3 * u}, {-4 * u}})[0][0] == 5 * u);
  }
  for (const int power : {-149, -120, -100, -63, -61, 0, 61, 63, 100, 124}) {
    CAPTURE(power);
    const float u = std::ldexp(1.0f, power);
    for (Level level : levels()) {
      CHECK(run_forward<float>(kernels_at(level, Hypot{}), {{3 * u}, {-4 * u}})[0][0] == 5 * u);
      const Lanes<float> g = run_vjp<float>(kernels_at(level, Hypot{}), {{3 * u}, {-4 * u}}, {}, {{1.0f}});
      CHECK(g[0][0] == doctest::Approx(0.6f));
      CHECK(g[1][0] == doctest::Approx(-0.8f));
    }
  }
  const float infinity = std::numeric_limits<float>::infinity();
  for (Level level : levels())
    CHECK(run_forward<float>(kernels_at(level, Hypot{}), {{-infinity, 1}, {1, infinity}})[0] ==
          std::vector<float>{infinity, infinity});
}
