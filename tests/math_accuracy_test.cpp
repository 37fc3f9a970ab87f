// SPDX-License-Identifier: Apache-2.0
// The code is held to tools/accuracy.md, the table of every word of the vocabulary, for float at each level and for
// double; and to bounds of its own for functions that are made of several words.
//
// The error is in units in the last place of the exact result, against long double. Bounds are what was found over the
// range, rounded up.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <random>
#include <string>

#include "tools/accuracy.h"

using namespace lumigrad;
using namespace lumigrad::test;

namespace {

using Exact = std::function<long double(long double, long double)>;

struct Range {
  double low, high;
};
constexpr Range any{0, 0};  // every bit pattern: zeros, subnormal numbers, infinities, NaN

template <class T>
std::vector<T> draw(Range range, std::size_t n, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<T> x(n);
  for (T& v : x) {
    if (range.low == range.high) {
      using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
      const Bits bits = static_cast<Bits>(random());
      std::memcpy(&v, &bits, sizeof v);
    } else {
      v = static_cast<T>(range.low + (range.high - range.low) * std::uniform_real_distribution<double>()(random));
    }
  }
  if (range.low == range.high) {
    const T special[] = {T(0),
                         -T(0),
                         T(1),
                         T(-1),
                         std::numeric_limits<T>::infinity(),
                         -std::numeric_limits<T>::infinity(),
                         std::numeric_limits<T>::quiet_NaN(),
                         std::numeric_limits<T>::denorm_min(),
                         std::numeric_limits<T>::max()};
    for (std::size_t i = 0; i < n && i < 9; ++i) x[(i * 7919) % n] = special[i];
  }
  return x;
}

template <class T, class F>
double worst(Level level, F formula, const Exact& exact, Range first, Range second, double& at, double& at2) {
  constexpr std::size_t n = 100003;  // odd: the incomplete batch is measured too
  Lanes<T> x{draw<T>(first, n, 1)};
  if (inputs_of<F> == 2) x.push_back(draw<T>(second, n, 2));
  const Lanes<T> y = run_forward<T>(kernels_at(level, formula), x);
  double found = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const T b = x.size() == 2 ? x[1][i] : T(0);
    const double error = ulps(y[0][i], exact(x[0][i], b));
    if (error > found) {
      found = error;
      at = static_cast<double>(x[0][i]);
      at2 = static_cast<double>(b);
    }
  }
  return found;
}

/// Checks float at every level (bound `f32`, or `f32_baseline` without fused multiply-add) and double (bound `f64`).
template <class F>
void accurate(const char* name, F formula, const Exact& exact, Range first, double f32, double f32_baseline, double f64,
              Range second = {0.5, 1}) {
  for (Level level : levels()) {
    if (!kernels_at(level, formula).f32.forward) continue;
    double at = 0, at2 = 0;
    const double error = worst<float>(level, formula, exact, first, second, at, at2);
    INFO(std::string(name) << " of float at " << lumigrad::name(level) << ": " << error << " ulp at " << at << ", "
                           << at2);
    CHECK(error <= (level == Level::baseline ? f32_baseline : f32));
    if (!kernels_at(level, formula).f64.forward) continue;
    const double wide = worst<double>(level, formula, exact, first, second, at, at2);
    INFO(std::string(name) << " of double at " << lumigrad::name(level) << ": " << wide << " ulp at " << at << ", "
                           << at2);
    CHECK(wide <= f64);
  }
}

#define UNARY(function) [](long double x, long double) { return std::function(x); }

}  // namespace

TEST_CASE("the words of the vocabulary are as accurate as tools/accuracy.md says") {
  // | word | range | v4 | v3 | baseline | double | why |
  std::map<std::string, std::vector<std::string>> table;
  std::ifstream file(std::string(LUMIGRAD_TEST_DIR) + "/../tools/accuracy.md");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    for (std::size_t from = 2, to; (to = line.find(" | ", from)) != std::string::npos; from = to + 3)
      cells.push_back(line.substr(from, to - from));
    REQUIRE(cells.size() >= 6);
    table[cells[0] + " " + cells[1]] = cells;
  }
  CHECK(table.size() == accuracy_rows().size());
  for (const AccuracyRow& row : accuracy_rows()) {
    const auto found = table.find("`" + row.word + "` " + row.range);
    INFO(row.word << " over " << row.range << ": print the table again with build/tools/accuracy_table");
    REQUIRE(found != table.end());
    const std::vector<std::string>& cells = found->second;
    for (const Level level : levels()) {
      const std::string& bound = cells[level == Level::v4 ? 2 : level == Level::v3 ? 3 : 4];
      if (bound == "-") continue;  // written on a machine without the level
      INFO("float at " << std::string(name(level)));
      CHECK(row.worst(level, false, 100003) <= std::stod(bound));
    }
    INFO("double");
    CHECK(row.worst(Level::baseline, true, 100003) <= std::stod(cells[5]));
  }
}

TEST_CASE("every name of engine/math.h that computes has a row in the table") {
  std::string words;
  for (const AccuracyRow& row : accuracy_rows()) words += row.word + " ";
  for (const char* word :
       {"+",     "-",     "*",    "/",    "fma(", "select(",       "min(", "max(", "clamp(", "abs(",  "floor(",
        "sqrt(", "cbrt(", "exp(", "log(", "pow(", "positive_pow(", "sin(", "cos(", "atan2(", "hypot("})
    CHECK_MESSAGE(words.find(word) != std::string::npos, word);
}

TEST_CASE("rounding to integers is exact") {
  accurate("ceil", Ceil{}, UNARY(ceil), any, 0, 0, 0);
  accurate("round", Round{}, UNARY(nearbyint), {-9, 9}, 0, 0, 0);
  accurate("round", Round{}, UNARY(nearbyint), {-2e7, 2e7}, 0, 0, 0);
  accurate("trunc", Trunc{}, UNARY(trunc), any, 0, 0, 0);
}

TEST_CASE("the logarithm of the gamma function keeps its digits at its zeros too") {
  accurate("lgamma", LogGamma{}, UNARY(lgamma), {1e-6, 0.5}, 5, 5, 4);
  accurate("lgamma", LogGamma{}, UNARY(lgamma), {0.5, 3}, 7, 7, 7);  // between its zeros, where log and series cancel
  accurate("lgamma", LogGamma{}, UNARY(lgamma), {3, 8}, 2, 2, 2);
  accurate("lgamma", LogGamma{}, UNARY(lgamma), {8, 1000}, 2.3, 2.3, 2.3);
}

TEST_CASE("powers at the ends: zeros, infinities, negative bases, integer exponents") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> base = {0, -0.0f, 1, -1, 2, -2, 0.5f, inf, -inf, nan, 1e-40f, -3},
                           power = {0, 1, -1, 2, 3, -2, -3, 0.5f, -0.5f, inf, -inf, nan};
  for (float b : base) {
    for (float p : power) {
      for (Level level : levels()) {
        const float got = run_forward<float>(kernels_at(level, Pow{}), {{b}, {p}})[0][0];
        const float want = static_cast<float>(std::pow(static_cast<double>(b), static_cast<double>(p)));
        INFO(b << " ^ " << p << " at " << name(level) << ": " << got << ", C says " << want);
        // Not kept of Annex F: (-1)^inf = 1, (-0)^-1 = -inf, and (-inf)^p for a p that is no integer (NaN here).
        const bool integer = std::isinf(p) || std::floor(p) == p;
        if ((b == -1 && std::isinf(p)) || (b == 0 && std::signbit(b)) || (b == -inf && !integer)) continue;
        CHECK((ulps<float>(got, want) <= 2.0));
      }
    }
  }
}

TEST_CASE("composed functions keep their digits near zero") {
  accurate("expm1", Expm1{}, UNARY(expm1), {-1e-3, 1e-3}, 2, 2, 3);
  accurate("expm1", Expm1{}, UNARY(expm1), {-5, 5}, 5, 5, 6);  // cancellation just outside |x| = 1
  accurate("log1p", Log1p{}, UNARY(log1p), {-1e-3, 1e-3}, 2, 2, 2);
  accurate("log1p", Log1p{}, UNARY(log1p), {-0.9, 5}, 2, 2, 3);
  accurate("tanh", Tanh{}, UNARY(tanh), {-1e-2, 1e-2}, 4, 4, 4);
  accurate("tanh", Tanh{}, UNARY(tanh), {-9, 9}, 6, 6, 6);
  accurate("sinh", Sinh{}, UNARY(sinh), {-1e-2, 1e-2}, 4, 4, 4);
  accurate("sinh", Sinh{}, UNARY(sinh), {-5, 5}, 6, 6, 6);
  accurate("erf", Erf{}, UNARY(erf), {-6, 6}, 6, 6, 6);
  accurate("asin", Asin{}, UNARY(asin), {-1, 1}, 4, 4, 4);
  accurate("atan", Atan{}, UNARY(atan), any, 2, 2, 1);
}
