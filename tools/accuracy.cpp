// SPDX-License-Identifier: Apache-2.0
#include "tools/accuracy.h"
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>

namespace lumigrad {
namespace {

using namespace lumigrad::test;
using Arguments = std::vector<long double>;
using Exact = std::function<long double(const Arguments&)>;

struct Range {
  double low, high;
  bool any() const { return low == high; }  // every bit pattern
};
constexpr Range any{0, 0};

template <class T>
std::vector<T> draw(Range range, std::size_t n, unsigned seed) {
  using Limits = std::numeric_limits<T>;
  std::mt19937_64 random(seed);
  std::vector<T> x(n);
  for (T& v : x) {
    if (range.any()) {
      using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
      const Bits bits = static_cast<Bits>(random());
      std::memcpy(&v, &bits, sizeof v);
    } else {
      v = static_cast<T>(range.low + (range.high - range.low) * std::uniform_real_distribution<double>()(random));
    }
  }
  std::vector<T> special = {T(0), -T(0), T(1), T(-1), T(0.5), T(2)};
  if (range.any())
    for (const T v : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(), Limits::denorm_min(), Limits::min(),
                      Limits::max(), -Limits::max()})
      special.push_back(v);
  else
    special = {static_cast<T>(range.low), static_cast<T>(range.high)};
  // Different strides for different arguments: special numbers meet ordinary ones and one another.
  for (std::size_t k = 0; k < special.size() * special.size(); ++k)
    x[(k * 97) % n] = special[seed % 2 ? k % special.size() : k / special.size()];
  return x;
}

template <class T>
double worst_of(const PixelKernels& kernels, const Exact& exact, const std::vector<Range>& ranges,
                const std::vector<double>& params, std::size_t output, std::size_t n) {
  Lanes<T> x;
  for (std::size_t i = 0; i < ranges.size(); ++i) x.push_back(draw<T>(ranges[i], n, static_cast<unsigned>(i) + 1));
  const std::vector<T> p(params.begin(), params.end());
  const Lanes<T> y = run_forward<T>(kernels, x, p);
  double found = 0;
  Arguments at(ranges.size() + p.size());
  for (std::size_t k = 0; k < p.size(); ++k) at[ranges.size() + k] = p[k];
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < ranges.size(); ++k) at[k] = x[k][i];
    found = std::max(found, ulps<T>(y[output][i], exact(at)));
  }
  return found;
}

std::string text(const std::vector<Range>& ranges) {
  std::string all;
  for (const Range& r : ranges) {
    char one[64] = "any";
    if (!r.any()) std::snprintf(one, sizeof one, "[%g, %g]", r.low, r.high);
    all += (all.empty() ? "" : ", ") + std::string(one);
  }
  return all;
}

template <class F>
AccuracyRow row(const char* word, F formula, std::vector<Range> ranges, Exact exact, const char* why = "",
                std::vector<double> params = {}, std::size_t output = 0) {
  return {word, text(ranges), why, [=](Level level, bool wide, std::size_t samples) {
            const PixelKernels& kernels = kernels_at(level, formula);
            if (wide ? !kernels.f64.forward : !kernels.f32.forward) return -1.0;
            return wide ? worst_of<double>(kernels, exact, ranges, params, output, samples)
                        : worst_of<float>(kernels, exact, ranges, params, output, samples);
          }};
}

// a > b ? a : b as the vocabulary has it: a NaN in the first argument stays, one in the second is dropped
long double larger(long double a, long double b) { return b > a ? b : a; }
long double smaller(long double a, long double b) { return b < a ? b : a; }

}  // namespace

const std::vector<AccuracyRow>& accuracy_rows() {
#define ONE(expression) [](const Arguments& a) -> long double { return std::expression(a[0]); }
#define TWO(expression) [](const Arguments& a) -> long double { return std::expression(a[0], a[1]); }
#define OF(expression) [](const Arguments& a) -> long double { return expression; }
  static const std::vector<AccuracyRow> rows = {
      row("a + b", Add{}, {{-2, 2}, {-2, 2}}, OF(a[0] + a[1])),
      row("a + b", Add{}, {any, any}, OF(a[0] + a[1])),
      row("a - b", Sub{}, {any, any}, OF(a[0] - a[1])),
      row("a * b", Mul{}, {any, any}, OF(a[0] * a[1])),
      row("a / b", Div{}, {any, any}, OF(a[0] / a[1])),
      row("fma(a, b, c)", enhance::Denormalize{}, {{-2, 2}}, OF(a[0] * a[2] + a[1]),
          "no fused multiply-add at the baseline: the product is rounded, and the sum may cancel to it",
          {-0.75, 1.0 / 3}),
      row("select(m, a, b)", Where{}, {{0, 1}, any, any}, OF(a[0] != 0 ? a[1] : a[2])),
      row("min(a, b)", Minimum{}, {any, any}, OF(smaller(a[0], a[1]))),
      row("max(a, b)", Maximum{}, {any, any}, OF(larger(a[0], a[1]))),
      row("largest(a, b, c), in rgb_to_hsv", color::RgbToHsv{}, {any, any, any}, OF(larger(larger(a[0], a[1]), a[2])),
          "", {0}, 2),
      row("(largest + smallest) / 2, in rgb_to_hls", color::RgbToHls{}, {{-2, 2}, {-2, 2}, {-2, 2}},
          OF((larger(larger(a[0], a[1]), a[2]) + smaller(smaller(a[0], a[1]), a[2])) / 2), "", {0}, 1),
      row("clamp(x, lo, hi)", Clamp{}, {any}, OF(smaller(larger(a[0], a[1]), a[2])), "", {-0.5, 0.75}),
      row("abs(x)", Abs{}, {any}, ONE(fabs)),
      row("floor(x)", Floor{}, {any}, ONE(floor)),
      row("floor(x)", Floor{}, {{-9, 9}}, ONE(floor)),
      row("sqrt(x)", Sqrt{}, {any}, ONE(sqrt)),
      row("cbrt(x)", Cbrt{}, {any}, ONE(cbrt), "double: what the C library gives"),
      row("cbrt(x)", Cbrt{}, {{-2, 2}}, ONE(cbrt), "double: what the C library gives"),
      row("hypot(x, y)", Hypot{}, {any, any}, TWO(hypot), "one square, the sum and the root round"),
      row("exp(x)", Exp{}, {any}, ONE(exp), "the polynomial and the scaling round once each"),
      row("exp(x)", Exp{}, {{-103, 88.7}}, ONE(exp), "the same"),
      row("log(x)", Log{}, {any}, ONE(log)),
      row("log(x)", Log{}, {{0.9, 1.1}}, ONE(log)),
      row("pow(x, p)", Pow{}, {{0, 4}, {-1, 1}}, TWO(pow), "p log2 x keeps a few bits more than the result"),
      row("pow(x, p)", Pow{}, {{0, 4}, {-10, 10}}, TWO(pow), "its rounding is multiplied by the size of p log2 x"),
      row("pow(x, p)", Pow{}, {{0.5, 2}, {-100, 100}}, TWO(pow), "its rounding is multiplied by the size of p log2 x"),
      row("positive_pow(x, 2.4), in to_linear", color::ToLinear{}, {{0.05, 8}},
          OF(std::pow((a[0] + 0.055L) / 1.055L, 2.4L)),
          "half the price of pow: p log2 x is rounded in the result's own type, and so are the argument and quotient"),
      row("positive_pow(x, 1/2.4), in from_linear", color::FromLinear{}, {{0.004, 8}},
          OF(1.055L * std::pow(a[0], 1 / 2.4L) - 0.055L), "the same, and a product and a difference"),
      row("sin(x)", Sin{}, {{-3.2, 3.2}}, ONE(sin), "the polynomial's last step and the reduction round"),
      row("sin(x)", Sin{}, {{-100, 100}}, ONE(sin), "baseline: the reduction takes products that are rounded"),
      row("sin(x)", Sin{}, {{-8192, 8192}}, ONE(sin),
          "the reduction has three parts of pi / 2; near whole multiples "
          "of pi their rounding shows"),
      row("sin(x)", Sin{}, {any}, ONE(sin), "beyond 8192 the C library takes over"),
      row("cos(x)", Cos{}, {{-3.2, 3.2}}, ONE(cos), "as sin"),
      row("cos(x)", Cos{}, {{-100, 100}}, ONE(cos), "as sin"),
      row("cos(x)", Cos{}, {{-8192, 8192}}, ONE(cos), "as sin"),
      row("cos(x)", Cos{}, {any}, ONE(cos), "as sin"),
      row("atan2(y, x)", Atan2{}, {{-3, 3}, {-3, 3}}, TWO(atan2), "quotient, polynomial and quadrant round"),
      row("atan2(y, x)", Atan2{}, {any, any}, TWO(atan2), "the same"),
  };
  return rows;
}

}  // namespace lumigrad
