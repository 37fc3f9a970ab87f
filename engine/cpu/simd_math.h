// SPDX-License-Identifier: Apache-2.0
// exp, log, pow, cbrt, sin, cos and atan2 of vectors.
//
// In single precision each is a range reduction that is exact or nearly so, and a polynomial found by a weighted
// minimax fit of the *relative* error of the whole function, its coefficients rounded to float one after the other with
// the rest fitted again. The fit's own error stands beside each polynomial; the error of the function as computed, at
// every level, is the table in tests/math_accuracy.cpp. Infinities, zeros, subnormal numbers and NaN follow C's
// Annex F except that no exception flags are promised.
//
// In double precision they call the C library once a lane: these kernels serve gradient checks, not images.
//
// Everything is written for `Vec<T, K>`: with K = 2, two independent chains of a polynomial run side by side, and the
// latency of a chain, which is what such a function costs, is paid once for both.
#pragma once
#include <cmath>

#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {

template <int K>
using Floats = Vec<float, K>;
template <int K>
using FloatBits = Int<float, K>;

/// c0 + x (c1 + x (c2 + ...)), by Horner's rule.
template <int K, class... C>
LUMIGRAD_SIMD Floats<K> polynomial(const Floats<K>& x, float c0, C... rest) {
  if constexpr (sizeof...(rest) == 0) {
    return Floats<K>(c0);
  } else {
    return fma(polynomial(x, rest...), x, Floats<K>(c0));
  }
}

/// The nearest integer, ties to even, for |x| < 2^22.
template <int K>
LUMIGRAD_SIMD Floats<K> nearest(const Floats<K>& x) {
  const Floats<K> big(0x1.8p23f);
  return (x + big) - big;
}

/// x 2^n for |n| <= 252: two factors, so that the result may be subnormal or infinite.
template <int K>
LUMIGRAD_SIMD Floats<K> times_power_of_two(const Floats<K>& x, const FloatBits<K>& n) {
  const FloatBits<K> half = n >> 1, rest = n - half;
  return x * Floats<K>::from_bits((half + 127) << 23) * Floats<K>::from_bits((rest + 127) << 23);
}

// e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln 2 / 2 (ln 2 in two parts), e^r = 1 + r + r^2 q(r); fit 2^-28.
template <int K>
LUMIGRAD_SIMD Floats<K> vector_exp(const Floats<K>& x) {
  using V = Floats<K>;
  const V bounded = clamp(x, V(-104.0f), V(89.0f));  // e^-104 rounds to 0, e^89 to infinity
  const V n = nearest(bounded * V(1.44269504f));
  const V r = fma(n, V(-1.42860677e-6f), fma(n, V(-0.693145752f), bounded));
  const V q = polynomial(r, 0.49999994f, 0.166665211f, 0.0416682921f, 0.00836872123f, 0.00138187385f);
  return times_power_of_two(fma(r * r, q, r) + 1, to_int(n));
}

/// x = m 2^e with sqrt(1/2) <= m < sqrt(2), for finite x > 0, also subnormal.
template <int K>
struct Split {
  Floats<K> m, e;
};
template <int K>
LUMIGRAD_SIMD Split<K> split(const Floats<K>& x) {
  using V = Floats<K>;
  const auto small = x < V(0x1p-126f);
  const V scaled = select(small, x * V(0x1p23f), x);
  const FloatBits<K> e = (bits(scaled) - 0x3f3504f3) >> 23;  // bits of sqrt(1/2)
  return {V::from_bits(bits(scaled) - (e << 23)), V::from_int(e) - select(small, V(23), V(0))};
}

// log(1 + f) = f - f^2/2 + f^3 P(f) for sqrt(1/2) <= 1 + f < sqrt(2); fit 2^-30. This is the part after f.
template <int K>
LUMIGRAD_SIMD Floats<K> log_tail(const Floats<K>& f) {
  const Floats<K> p = polynomial(f, 0.333333135f, -0.250000089f, 0.20002073f, -0.166679919f, 0.142203107f,
                                 -0.124061145f, 0.118838735f, -0.116711758f, 0.0674985722f);
  return f * f * fma(f, p, Floats<K>(-0.5f));
}

// log x = e ln 2 + log m, ln 2 in two parts of which e times the first is exact.
template <int K>
LUMIGRAD_SIMD Floats<K> vector_log(const Floats<K>& x) {
  using V = Floats<K>;
  const Split<K> s = split(x);
  const V f = s.m - 1;
  const V y = fma(s.e, V(0.693359375f), f + fma(s.e, V(-2.12194440e-4f), log_tail(f)));
  const V special = select(x == 0, V(-HUGE_VALF), select(x < 0, V(__builtin_nanf("")), x));
  return select((x > 0) & (x < V(HUGE_VALF)), y, special);
}

// x^p = 2^(p log2 x) for x > 0. With log2 x = e + l, |l| <= 1/2, the product p e is where digits would be lost: the
// leading 12 bits of p times e are exact, so p e - n (n the nearest integer to p log2 x) is too, and what is left is
// small. The relative error is about |p| 2^-26 for moderate p, not |p log x| 2^-24. 2^r = 1 + r q(r); fit 2^-28.
// Negative x: (-1)^p for integer p, NaN otherwise.
template <int K>
LUMIGRAD_SIMD Floats<K> vector_pow(const Floats<K>& x, const Floats<K>& p) {
  using V = Floats<K>;
  const V size = abs(x);
  const Split<K> s = split(size);
  const V f = s.m - 1, tail = log_tail(f);
  const V log2e_hi(1.4423828125f), log2e_lo(3.12228213e-4f);
  const V l = fma(f, log2e_hi, fma(f, log2e_lo, tail * V(1.44269504f)));
  const V bounded_p = clamp(p, V(-0x1p30f), V(0x1p30f));
  const V p_hi = V::from_bits(bits(bounded_p) & ~0xfff), p_lo = bounded_p - p_hi;
  const V low = fma(p_lo, s.e, bounded_p * l);
  const V n = nearest(clamp(fma(p_hi, s.e, low), V(-252), V(252)));
  const V r = clamp((p_hi * s.e - n) + low, V(-252), V(252));
  const V q = polynomial(r, 0.693147182f, 0.240226477f, 0.0555035919f, 0.00961850118f, 0.00133912079f, 0.000153288216f);
  const V power = times_power_of_two(fma(r, q, V(1)), to_int(n));
  // 0 and infinity, to a positive or negative power; then the sign of a negative base.
  const V infinity(HUGE_VALF);
  const V end = select((size == 0) ^ (p < 0), V(0), infinity);
  const V y = select((size > 0) & (size < infinity), power, select(size == size, end, size));
  const V half = p * V(0.5f);
  const auto integer = floor(p) == p, odd = integer & (floor(half) != half);
  const V signed_y = select(x < 0, select(odd, -y, select(integer, y, V(__builtin_nanf("")))), y);
  return select((p == 0) | (x == 1), V(1), select(p == p, signed_y, p));
}

// The same for x and x^p well inside the range of ordinary numbers, nothing else. log2 (1 + f) = f l(f), fit 2^-24;
// what fma leaves of p log2 x after rounding to the nearest integer n is exact. Adding 1.5 2^23 does that rounding, and
// n stands in the lowest bits of the sum. 2^r fit 2^-23. The relative error is about (1 + |p log2 x| / 2) 2^-23, at the
// baseline half as much again.
template <int K>
LUMIGRAD_SIMD Floats<K> vector_positive_pow(const Floats<K>& x, const Floats<K>& p) {
  using V = Floats<K>;
  const FloatBits<K> e = (bits(x) - 0x3f3504f3) >> 23;
  const V f = V::from_bits(bits(x) - (e << 23)) - 1;
  const V l = polynomial(f, 1.44269478f, -0.721357107f, 0.480938911f, -0.360088199f, 0.286716163f, -0.250067204f,
                         0.236843258f, -0.145700216f);
  const V log2 = fma(f, l, V::from_int(e)), big(0x1.8p23f), shifted = fma(log2, p, big);
  const V r = fma(log2, p, big - shifted);
  const V power = polynomial(r, 1.0f, 0.693147004f, 0.240222454f, 0.0555071086f, 0.00967139378f, 0.00132697402f);
  return V::from_bits(bits(power) + (bits(shifted) << 23));
}
template <int K>
LUMIGRAD_SIMD Vec<double, K> vector_positive_pow(const Vec<double, K>& x, const Vec<double, K>& p) {
  return vector_pow(x, p);
}

// Without a division: y = 1 / cbrt(x) roughly, by dividing the exponent by 3; with h = 1 - x y^3, which is small,
// y (1 + h/3 + 2 h^2/9 + 14 h^3/81) repeats the root's series (2^-16). Then c = x y^2 is cbrt(x) to the same digits,
// and one Newton step, c + (x - c^3) / (3 c^2), gives the rest; 1 / c^2 is y^2.
template <int K>
LUMIGRAD_SIMD Floats<K> vector_cbrt(const Floats<K>& x) {
  using V = Floats<K>;
  const V size = abs(x);
  const auto small = size < V(0x1p-100f);  // below, c^3 would lose digits
  const V scaled = select(small, size * V(0x1p24f), size);
  V y = V::from_bits(to_int(fma(V::from_int(bits(scaled)), V(-1.0f / 3), V(1419967116.0f))));
  const V h = fma(scaled * y, -(y * y), V(1));
  y = fma(y * h, polynomial(h, 1.0f / 3, 2.0f / 9, 14.0f / 81), y);
  const V square = y * y, c = scaled * square;
  const V root = fma(fma(c * c, -c, scaled) * V(1.0f / 3), square, c);
  const V unscaled = select(small, root * V(0x1p-8f), root);
  return select(size < V(HUGE_VALF), copysign(unscaled, x), x);
}

// sin r = r + r^3 s(r^2), fit 2^-32;  cos r = 1 - r^2/2 + r^4 c(r^2), fit 2^-33;  |r| <= pi/4.
template <int K>
LUMIGRAD_SIMD Floats<K> sin_part(const Floats<K>& r) {
  const Floats<K> z = r * r;
  return fma(r * z, polynomial(z, -0.166666672f, 0.00833338033f, -0.000198534704f, 2.83668373e-06f), r);
}
template <int K>
LUMIGRAD_SIMD Floats<K> cos_part(const Floats<K>& r) {
  const Floats<K> z = r * r;
  return fma(z * z, polynomial(z, 0.0416666456f, -0.00138873071f, 2.44318762e-05f),
             fma(z, Floats<K>(-0.5f), Floats<K>(1)));
}

/// Beyond this, the reduction by multiples of pi/2 in four parts loses digits and the C library takes over.
inline constexpr float quick_angle = 8192.0f;

// The C library, lane by lane, in double. Not inlined: one loop a function, whatever the formulas.
namespace {
template <class T, class Function>
[[gnu::noinline]] void each_lane_in_memory(T* a, const T* b, int width, Function function) {
  for (int i = 0; i < width; ++i) a[i] = static_cast<T>(function(static_cast<double>(a[i]), static_cast<double>(b[i])));
}
template <class T, int K, class Function>
LUMIGRAD_SIMD Vec<T, K> each_lane(const Vec<T, K>& a, const Vec<T, K>& b, Function function) {
  T as[Vec<T, K>::width], bs[Vec<T, K>::width];
  a.store(as);
  b.store(bs);
  each_lane_in_memory(as, bs, Vec<T, K>::width, function);
  return Vec<T, K>::load(as);
}
}  // namespace

// x = n pi/2 + r; quadrant n mod 4 says which of sin r, cos r, -sin r, -cos r. cos x is sin x one quadrant on.
template <int Quarter, int K>
LUMIGRAD_SIMD Floats<K> sine_shifted(const Floats<K>& x) {
  using V = Floats<K>;
  const V n = nearest(x * V(0.636619772f));
  const V coarse = fma(n, V(-4.83751297e-4f), fma(n, V(-1.5703125f), x));  // parts of 11 bits: the products are exact
  const V r = fma(n, V(-2.56334407e-12f), fma(n, V(-7.54953362e-8f), coarse));
  const FloatBits<K> quadrant = to_int(n) + Quarter;
  const V size = select((quadrant & 1) == 1, cos_part(r), sin_part(r));
  return V::from_bits(bits(size) ^ ((quadrant & 2) << 30));
}
template <int K>
LUMIGRAD_SIMD Floats<K> vector_sin(const Floats<K>& x) {
  if (__builtin_expect(any(!(abs(x) <= Floats<K>(quick_angle))), 0))
    return each_lane(x, x, [](double a, double) { return ::sin(a); });
  return sine_shifted<0>(x);
}
template <int K>
LUMIGRAD_SIMD Floats<K> vector_cos(const Floats<K>& x) {
  if (__builtin_expect(any(!(abs(x) <= Floats<K>(quick_angle))), 0))
    return each_lane(x, x, [](double a, double) { return ::cos(a); });
  return sine_shifted<1>(x);
}

// With t = smaller / larger of |x|, |y|: atan t = t + t^3 a(t^2), fit 2^-28; reflected at the diagonal and the axes.
template <int K>
LUMIGRAD_SIMD Floats<K> vector_atan2(const Floats<K>& y, const Floats<K>& x) {
  using V = Floats<K>;
  const V ax = abs(x), ay = abs(y), infinity(HUGE_VALF);
  const V lower = min(ax, ay), upper = max(ax, ay);
  const V ratio = lower / upper;
  const V t = select(upper == 0, V(0), select(lower == infinity, V(1), ratio));  // 0/0 and inf/inf have a direction too
  const V z = t * t;
  const V a = fma(t * z,
                  polynomial(z, -0.333332986f, 0.199985296f, -0.142640159f, 0.109508805f, -0.0839930549f, 0.0578813329f,
                             -0.0310968421f, 0.0108685335f, -0.00178276387f),
                  t);
  const V octant = select(ay > ax, V(1.57079633f) - (a + V(4.37113883e-8f)), a);
  const auto left = bits(x) < FloatBits<K>(0);  // also for x = -0
  const V quadrant = select(left, V(3.14159274f) - (octant + V(8.74227766e-8f)), octant);
  return select((x == x) & (y == y), copysign(quadrant, y), x + y);
}

// ---- double precision: the C library, lane by lane ------------------------------------------------------------------

#define LUMIGRAD_BY_LANE(name)                                          \
  template <int K>                                                      \
  LUMIGRAD_SIMD Vec<double, K> vector_##name(const Vec<double, K>& a) { \
    return each_lane(a, a, [](double s, double) { return ::name(s); }); \
  }
#define LUMIGRAD_BY_LANES(name)                                                                  \
  template <int K>                                                                               \
  LUMIGRAD_SIMD Vec<double, K> vector_##name(const Vec<double, K>& a, const Vec<double, K>& b) { \
    return each_lane(a, b, [](double s, double t) { return ::name(s, t); });                     \
  }
LUMIGRAD_BY_LANE(exp)
LUMIGRAD_BY_LANE(log)
LUMIGRAD_BY_LANE(cbrt)
LUMIGRAD_BY_LANE(sin)
LUMIGRAD_BY_LANE(cos)
LUMIGRAD_BY_LANES(pow)
LUMIGRAD_BY_LANES(atan2)
#undef LUMIGRAD_BY_LANE
#undef LUMIGRAD_BY_LANES

}  // namespace lumigrad::LUMIGRAD_LEVEL
