// SPDX-License-Identifier: Apache-2.0
// The vocabulary of formulas.
//
// A formula (formula.h) is arithmetic written once for any number type V: a float, a vector of floats, a dual number, a
// vector of dual numbers, or a symbol that only writes down what was done. It may use
//
//     + - * /    < <= > >= == !=    & | !  (on the results of comparisons)
//     fma select min max largest smallest clamp abs floor sqrt cbrt hypot exp log pow positive_pow sin cos atan2
//
// and nothing else: no `if` on data, integers bare (`6 * x`), every other constant as `V(0.5)`. This file says what the
// names mean for the plain scalars float and double, on the host and on CUDA devices; cpu/simd.h, dual.h and recorded.h
// say it for the other number types, always with the same values and the same agreed slopes:
//
//     name           at                    value          slope
//     max(a, b)      a == b                a              the first argument takes all of it
//     min(a, b)      a == b                a              the first argument takes all of it
//     max, min       a NaN in a (in b)     NaN (a)        to a
//     largest(a,b,c) some are equal        the largest    shared out evenly among those that are largest; of NaN: 0
//     smallest(..)   some are equal        the smallest   shared out evenly among those that are smallest; of NaN: 0
//     clamp(x,l,h)   x == l or x == h      x              1: the slope is 1 on the closed interval
//     abs(x)         x == 0                0              0
//     floor(x)       anywhere              floor          0, also at the jumps
//     sqrt(x)        x == 0                0              0 (the limit is infinite)
//     cbrt(x)        x == 0                0              0 (the limit is infinite)
//     pow(x, p)      x == 0                0^p            in x: 1 if p == 1, 0 otherwise; in p: 0
//     pow(x, p)      x < 0                 p integer      in x: p x^(p-1); in p: 0 (NaN value for other p)
//     atan2(y, x)    y == x == 0           0              0 in both
//     hypot(x, y)    x == y == 0           0              0 in both (a cone has none)
//     select(m,a,b)  anywhere              a or b         of the chosen one alone: a NaN in the other never leaks
//
// `max` and `min` hold a number against a bound, and the number comes first. `largest` and `smallest` choose among
// equals, such as the channels of a pixel, and prefer none of them: were the red of a grey pixel its largest channel,
// gradients would colour what is grey.
//
// positive_pow(x, 2.4) is pow with a constant exponent for x > 0, at half the price: it is right where x and the power
// are ordinary numbers (2^-126 to 2^126), and anything at all elsewhere, which a formula must not choose.
//
// Slopes that a limit does not fix are zero rather than infinite because 0 * infinity would poison every gradient that
// passes through the same pixel.
#pragma once
#include <cmath>

#if defined(__CUDACC__)
#define LUMIGRAD_INLINE __host__ __device__ __forceinline__
#else
#define LUMIGRAD_INLINE __attribute__((always_inline)) inline
#endif
/// On every formula and on everything a formula calls: host and device code, usable in constant expressions, and always
/// inlined (a nested dual number that is not inlined costs five times as much).
#define LUMIGRAD_HD LUMIGRAD_INLINE constexpr

namespace lumigrad {

inline constexpr double pi = 3.141592653589793238462643383279502884;

LUMIGRAD_HD float select(bool m, float a, float b) { return m ? a : b; }
LUMIGRAD_HD double select(bool m, double a, double b) { return m ? a : b; }
LUMIGRAD_HD float max(float a, float b) { return b > a ? b : a; }
LUMIGRAD_HD double max(double a, double b) { return b > a ? b : a; }
LUMIGRAD_HD float min(float a, float b) { return b < a ? b : a; }
LUMIGRAD_HD double min(double a, double b) { return b < a ? b : a; }
LUMIGRAD_HD float largest(float a, float b, float c) { return max(max(a, b), c); }
LUMIGRAD_HD double largest(double a, double b, double c) { return max(max(a, b), c); }
LUMIGRAD_HD float smallest(float a, float b, float c) { return min(min(a, b), c); }
LUMIGRAD_HD double smallest(double a, double b, double c) { return min(min(a, b), c); }
LUMIGRAD_HD float clamp(float x, float lo, float hi) { return min(max(x, lo), hi); }
LUMIGRAD_HD double clamp(double x, double lo, double hi) { return min(max(x, lo), hi); }
LUMIGRAD_INLINE float abs(float x) { return std::fabs(x); }
LUMIGRAD_INLINE double abs(double x) { return std::fabs(x); }

// a b + c, rounded once where the target has the instruction (the compiler, which has none, rounds twice).
#if defined(__CUDA_ARCH__) || defined(__FMA__) || defined(__aarch64__)
LUMIGRAD_HD float fma(float a, float b, float c) {
  return __builtin_is_constant_evaluated() ? a * b + c : std::fma(a, b, c);
}
LUMIGRAD_HD double fma(double a, double b, double c) {
  return __builtin_is_constant_evaluated() ? a * b + c : std::fma(a, b, c);
}
#else
LUMIGRAD_HD float fma(float a, float b, float c) { return a * b + c; }
LUMIGRAD_HD double fma(double a, double b, double c) { return a * b + c; }
#endif

LUMIGRAD_INLINE float floor(float x) { return std::floor(x); }
LUMIGRAD_INLINE double floor(double x) { return std::floor(x); }
LUMIGRAD_INLINE float sqrt(float x) { return std::sqrt(x); }
LUMIGRAD_INLINE double sqrt(double x) { return std::sqrt(x); }
LUMIGRAD_INLINE float cbrt(float x) { return std::cbrt(x); }
LUMIGRAD_INLINE double cbrt(double x) { return std::cbrt(x); }
LUMIGRAD_INLINE float exp(float x) { return std::exp(x); }
LUMIGRAD_INLINE double exp(double x) { return std::exp(x); }
LUMIGRAD_INLINE float log(float x) { return std::log(x); }
LUMIGRAD_INLINE double log(double x) { return std::log(x); }
LUMIGRAD_INLINE float pow(float x, float p) { return std::pow(x, p); }
LUMIGRAD_INLINE double pow(double x, double p) { return std::pow(x, p); }
#if defined(__CUDA_ARCH__)  // sin and cos: angle.h
LUMIGRAD_INLINE float positive_pow(float x, double p) { return exp2f(static_cast<float>(p) * log2f(x)); }
#else
LUMIGRAD_INLINE float positive_pow(float x, double p) { return std::pow(x, static_cast<float>(p)); }
LUMIGRAD_INLINE float sin(float x) { return std::sin(x); }
LUMIGRAD_INLINE double sin(double x) { return std::sin(x); }
LUMIGRAD_INLINE float cos(float x) { return std::cos(x); }
LUMIGRAD_INLINE double cos(double x) { return std::cos(x); }
#endif
LUMIGRAD_INLINE double positive_pow(double x, double p) { return std::pow(x, p); }
// sqrt(x^2 + y^2). Squares leave the range of numbers long before their root does. A factor s takes x and y back to
// where squares live, and 1/s undoes it: sqrt((s x)^2 + (s y)^2) / s. It is chosen by magnitude from powers of two: it
// costs no bit and is 1 for ordinary numbers. The outer bounds 2^500 and 2^-500 are infinite and 0 in float, where no
// number lies beyond them, so that one formula serves both, and vectors of them.
template <class V>
LUMIGRAD_HD V fifth_power(V base) {
  return base * base * base * base * base;
}
template <class V>
LUMIGRAD_HD V by_magnitude(V size, V huge, V large, V small, V tiny) {
  const V outer = select(size > fifth_power(V(0x1p100)), huge, large),
          inner = select(size < fifth_power(V(0x1p-100)), tiny, small);
  return select(size > V(0x1p62), outer, select(size < V(0x1p-62), inner, V(1)));
}
template <class V>
LUMIGRAD_INLINE V plain_hypot(V x, V y) {
  const V size = max(abs(x), abs(y));
  const V s = by_magnitude(size, fifth_power(V(0x1p-106)), V(0x1p-65), V(0x1p100),
                           fifth_power(V(0x1p100)) * fifth_power(V(0x1p100)));
  const V back = by_magnitude(size, fifth_power(V(0x1p106)), V(0x1p65), V(0x1p-100),
                              fifth_power(V(0x1p-100)) * fifth_power(V(0x1p-100)));
  const V a = s * x, b = s * y;
  return sqrt(fma(a, a, b * b)) * back;
}
LUMIGRAD_INLINE float hypot(float x, float y) { return plain_hypot(x, y); }
LUMIGRAD_INLINE double hypot(double x, double y) { return plain_hypot(x, y); }
LUMIGRAD_INLINE float atan2(float y, float x) { return std::atan2(y, x); }
LUMIGRAD_INLINE double atan2(double y, double x) { return std::atan2(y, x); }

}  // namespace lumigrad

#if defined(__CUDACC__)
#include <lumigrad/engine/angle.h>
#endif

/// Brings the vocabulary into a program's own namespace (or into one function), where `using namespace lumigrad` would
/// leave `floor(double)` ambiguous with the C library's: `namespace mine { LUMIGRAD_WORDS; struct MyFormula ... }`.
#define LUMIGRAD_WORDS                                                                                                 \
  using lumigrad::abs, lumigrad::atan2, lumigrad::cbrt, lumigrad::clamp, lumigrad::cos, lumigrad::exp,                 \
      lumigrad::floor, lumigrad::fma, lumigrad::hypot, lumigrad::largest, lumigrad::log, lumigrad::max, lumigrad::min, \
      lumigrad::pi, lumigrad::pow, lumigrad::positive_pow, lumigrad::select, lumigrad::sin, lumigrad::smallest,        \
      lumigrad::sqrt
