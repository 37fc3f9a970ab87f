// SPDX-License-Identifier: Apache-2.0
// sin and cos of math.h for CUDA devices.
//
// The C library's reduce a large angle with a little array in memory, and on a GPU memory that belongs to one thread is
// slow, also for the threads that never need it. Here everything stays in registers. x = n pi/2 + r with |r| <= pi/4:
//
//  - up to a bound, n is the nearest integer to x 2/pi, and r = ((x - n p1) - n p2) - n p3 with pi/2 in three parts;
//    the first difference is exact, since fma rounds once and near a multiple of p1 nothing is left to round;
//  - beyond it x = m 2^k with an integer m. Of 2/pi only those bits matter that do not make m 2^k 2/pi a multiple of 4;
//    the product of m with the next two or three words of them, modulo their length, holds the quadrant in its first
//    two bits and the rest of the angle, in quadrants, behind (Payne and Hanek, 1983).
//
// Then sin r and cos r are their power series, which ends early: r^11/11! is 2^-29 of r, r^19/19! is 2^-63.
#pragma once
#include <lumigrad/engine/math.h>
#include <bit>
#include <cmath>
#include <cstdint>

namespace lumigrad::angle {

/// An angle: n quarters of a turn (modulo 4), and the rest.
template <class T>
struct Reduced {
  int quadrant;
  T rest;
};

/// The i-th 64 bits of 2/pi after the point; zeros before the first.
LUMIGRAD_INLINE std::uint64_t two_over_pi(int i) {
  static const std::uint64_t words[] = {0,
                                        0xa2f9836e4e441529u,
                                        0xfc2757d1f534ddc0u,
                                        0xdb6295993c439041u,
                                        0xfe5163abdebbc561u,
                                        0xb7246e3a424dd2e0u,
                                        0x06492eea09d1921cu,
                                        0xfe1deb1cb129a73eu,
                                        0xe88235f52ebb4484u,
                                        0xe99c7026b45f7e41u,
                                        0x3991d639835339f4u,
                                        0x9c845f8bbdf9283bu,
                                        0x1ff897ffde05980fu,
                                        0xef2f118b5a0a6d1fu,
                                        0x6d367ecf27cb09b7u,
                                        0x4f463f669e5fea2du,
                                        0x7527bac7ebe5f17bu,
                                        0x3d0739f78a5292eau,
                                        0x6bfb5fb11f8d5d08u,
                                        0x56033046fc7b6babu};
  return words[i + 1];
}
/// 64 bits of 2/pi from bit `first` on (0: the bit after the point), first >= -64.
LUMIGRAD_INLINE std::uint64_t bits_from(int first) {
  const int word = (first + 64) / 64 - 1, shift = (first + 64) % 64;
  const std::uint64_t high = two_over_pi(word), low = two_over_pi(word + 1);
  return shift == 0 ? high : (high << shift) | (low >> (64 - shift));
}
LUMIGRAD_INLINE std::uint64_t high_product(std::uint64_t a, std::uint64_t b) {
#if defined(__CUDA_ARCH__)
  return __umul64hi(a, b);
#else
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(a) * b) >> 64);
#endif
}

/// From the angle's first 128 bits in units of 2^-126 of a quadrant: what is more than half a quadrant counts back.
template <class T>
LUMIGRAD_INLINE Reduced<T> from_bits(std::uint64_t high, std::uint64_t low) {
  const int quadrant = static_cast<int>(high >> 62);
  const auto part = static_cast<std::int64_t>((high << 2) | (low >> 62));  // of a quadrant, in 2^-64, signed
  T rest = static_cast<T>(part);
  if (sizeof(T) == 8) rest += static_cast<T>(low << 2) * T(0x1p-64);
  return {quadrant + (part < 0 ? 1 : 0), rest * (T(1.57079632679489661923) * T(0x1p-64))};
}

LUMIGRAD_INLINE Reduced<float> reduce(float x) {
  if (std::fabs(x) < 65536.0f) {
    const float n = std::rint(x * 0x1.45f306p-1f);
    const float near = std::fma(n, -0x1.921fb6p+0f, x);
    return {static_cast<int>(n), std::fma(n, 0x1.ee59dap-50f, std::fma(n, 0x1.777a5cp-25f, near))};
  }
  // m has 24 bits and stands before 128 bits of 2/pi: their first is worth 2 quadrants times 2^-k, k >= -7.
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const int k = static_cast<int>((bits >> 23) & 255) - 150;
  const std::uint64_t m = (bits & 0x7fffff) | 0x800000;
  const std::uint64_t w0 = bits_from(k - 2), w1 = bits_from(k + 62);
  Reduced<float> r = from_bits<float>(m * w0 + high_product(m, w1), m * w1);
  if ((bits & 0x7f800000) == 0x7f800000) r.rest = x - x;  // no angle: NaN
  return std::signbit(x) ? Reduced<float>{-r.quadrant, -r.rest} : r;
}

LUMIGRAD_INLINE Reduced<double> reduce(double x) {
  if (std::fabs(x) < 0x1p30) {
    const double n = std::rint(x * 0x1.45f306dc9c883p-1);
    const double near = std::fma(n, -0x1.921fb54442d18p+0, x);
    return {static_cast<int>(n), std::fma(n, 0x1.f1976b7ed8fbcp-110, std::fma(n, -0x1.1a62633145c07p-54, near))};
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const int k = static_cast<int>((bits >> 52) & 2047) - 1075;
  const std::uint64_t m = (bits & 0xfffffffffffffu) | 0x10000000000000u;
  const std::uint64_t w0 = bits_from(k - 2), w1 = bits_from(k + 62), w2 = bits_from(k + 126);
  // (m w0 2^128 + m w1 2^64 + m w2) modulo 2^192, without its last word
  const std::uint64_t third = m * w1, low = third + high_product(m, w2);
  Reduced<double> r = from_bits<double>(m * w0 + high_product(m, w1) + (low < third ? 1 : 0), low);
  if (((bits >> 52) & 2047) == 2047) r.rest = x - x;
  return std::signbit(x) ? Reduced<double>{-r.quadrant, -r.rest} : r;
}

/// c0 + z (c1 + z (c2 + ...))
template <class T, class... C>
LUMIGRAD_INLINE T series(T z, double c0, C... rest) {
  if constexpr (sizeof...(rest) == 0) {
    return T(c0);
  } else {
    return std::fma(series(z, rest...), z, T(c0));
  }
}

/// sin of the angle `quarters` quadrants on.
template <class T>
LUMIGRAD_INLINE T sine(T x, int quarters) {
  const Reduced<T> r = reduce(x);
  const T z = r.rest * r.rest;
  T s, c;
  if constexpr (sizeof(T) == 4) {
    s = series(z, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880);
    c = series(z, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800);
  } else {
    s = series(z, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800, 1.0 / 6227020800,
               -1.0 / 1307674368000, 1.0 / 355687428096000);
    c = series(z, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200,
               1.0 / 20922789888000, -1.0 / 6402373705728000);
  }
  s = std::fma(r.rest * z, s, r.rest);
  // 1 - z/2 rounded, and what was lost by it
  const T half = z * T(0.5), one = T(1) - half;
  c = one + (((T(1) - one) - half) + z * z * c);
  const int quadrant = r.quadrant + quarters;
  const T size = (quadrant & 1) ? c : s;
  return (quadrant & 2) ? -size : size;
}

}  // namespace lumigrad::angle

#if defined(__CUDA_ARCH__)
namespace lumigrad {
LUMIGRAD_INLINE float sin(float x) { return angle::sine(x, 0); }
LUMIGRAD_INLINE double sin(double x) { return angle::sine(x, 0); }
LUMIGRAD_INLINE float cos(float x) { return angle::sine(x, 1); }
LUMIGRAD_INLINE double cos(double x) { return angle::sine(x, 1); }
}  // namespace lumigrad
#endif
