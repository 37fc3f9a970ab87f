// SPDX-License-Identifier: Apache-2.0
// Random numbers as a pure function: Philox4x32-10 turns a counter and a key into four words that pass every known test
// of randomness (Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011). There is no state
// to carry, lock or seed apart: who needs the draw number 17 of sample 3 computes it, on a CPU thread or a GPU, and
// always gets the same.
//
// Everything here is host and device code, and made only of integer operations, + - * / and sqrt, each rounded once in
// IEEE arithmetic, so that both agree in every bit. A host file that includes this must be compiled with
// -ffp-contract=off (the library is; Stream in random.h calls into it). On devices the rounding intrinsics forbid
// contraction.
#pragma once
#include <lumigrad/engine/math.h>
#include <bit>
#include <cmath>
#include <cstdint>

namespace lumigrad {

struct Words4 {
  std::uint32_t word[4];
};

LUMIGRAD_HD std::uint64_t wide_product(std::uint32_t a, std::uint32_t b) { return std::uint64_t{a} * b; }

/// The four random words of a counter under a key.
LUMIGRAD_HD Words4 philox(std::uint64_t key, Words4 counter) {
  auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  std::uint32_t c0 = counter.word[0], c1 = counter.word[1], c2 = counter.word[2], c3 = counter.word[3];
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = wide_product(0xD2511F53u, c0), p1 = wide_product(0xCD9E8D57u, c2);
    const auto high0 = static_cast<std::uint32_t>(p0 >> 32), high1 = static_cast<std::uint32_t>(p1 >> 32);
    c0 = high1 ^ c1 ^ k0;
    c2 = high0 ^ c3 ^ k1;
    c1 = static_cast<std::uint32_t>(p1);
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9u;  // the golden ratio
    k1 += 0xBB67AE85u;  // sqrt(3) - 1
  }
  return {{c0, c1, c2, c3}};
}

/// Whose draws: what a Stream (random.h) holds.
struct DrawKey {
  std::uint64_t seed, sample;
  std::uint32_t operation;
};
LUMIGRAD_HD Words4 draw_block(const DrawKey& key, std::uint64_t block) {
  return philox(key.seed, {{static_cast<std::uint32_t>(block), key.operation, static_cast<std::uint32_t>(key.sample),
                            static_cast<std::uint32_t>(key.sample >> 32)}});
}
LUMIGRAD_HD std::uint64_t half_of(const Words4& words, std::uint64_t half) {
  return half == 0 ? words.word[0] | std::uint64_t{words.word[1]} << 32
                   : words.word[2] | std::uint64_t{words.word[3]} << 32;
}
/// Draw i as 32 or 64 random bits.
LUMIGRAD_HD std::uint32_t draw_word(const DrawKey& key, std::uint64_t i) {
  const Words4 words = draw_block(key, i / 4);
  const std::uint64_t k = i % 4;
  return k < 2 ? (k == 0 ? words.word[0] : words.word[1]) : (k == 2 ? words.word[2] : words.word[3]);
}
LUMIGRAD_HD std::uint64_t draw_word64(const DrawKey& key, std::uint64_t i) {
  return half_of(draw_block(key, i / 2), i % 2);
}
/// Draw i in [0, n), n > 0, every value equally likely: the high half of bits * n is the result, and 2^64 mod n values
/// of the low half are refused (Lemire, "Fast Random Integer Generation in an Interval", ACM TOMACS 29, 2019). A
/// refused block is the counter of the next attempt, so that the draw stays a function of i.
LUMIGRAD_INLINE std::uint64_t draw_below(const DrawKey& key, std::uint64_t n, std::uint64_t i) {
  __extension__ using Wide = unsigned __int128;
  Words4 words = draw_block(key, i / 2);
  const std::uint64_t refused = (0 - n) % n;
  for (;;) {
    const Wide product = static_cast<Wide>(half_of(words, i % 2)) * n;
    if (static_cast<std::uint64_t>(product) >= refused) return static_cast<std::uint64_t>(product >> 64);
    words = philox(key.seed, words);
  }
}

/// A multiple of 2^-24 in [0, 1).
LUMIGRAD_HD float unit_float(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }
/// A multiple of 2^-53 in [0, 1).
LUMIGRAD_HD double unit_double(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

/// Arithmetic that no compiler may merge into a fused multiply-add.
namespace exact {
#if defined(__CUDA_ARCH__)
__device__ __forceinline__ float add(float a, float b) { return __fadd_rn(a, b); }
__device__ __forceinline__ float mul(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ float div(float a, float b) { return __fdiv_rn(a, b); }
__device__ __forceinline__ float root(float a) { return __fsqrt_rn(a); }
__device__ __forceinline__ double add(double a, double b) { return __dadd_rn(a, b); }
__device__ __forceinline__ double mul(double a, double b) { return __dmul_rn(a, b); }
__device__ __forceinline__ double div(double a, double b) { return __ddiv_rn(a, b); }
__device__ __forceinline__ double root(double a) { return __dsqrt_rn(a); }
#else
template <class T>
LUMIGRAD_INLINE T add(T a, T b) {
  return a + b;
}
template <class T>
LUMIGRAD_INLINE T mul(T a, T b) {
  return a * b;
}
template <class T>
LUMIGRAD_INLINE T div(T a, T b) {
  return a / b;
}
template <class T>
LUMIGRAD_INLINE T root(T a) {
  return std::sqrt(a);
}
#endif

/// c[0] + c[1] x + ... by Horner's rule.
template <class T>
LUMIGRAD_INLINE T series(T, T last) {
  return last;
}
template <class T, class... Rest>
LUMIGRAD_INLINE T series(T x, T first, Rest... rest) {
  return add(first, mul(x, series(x, rest...)));
}

/// log x of a positive normal number. With x = 2^e m, sqrt(1/2) <= m < sqrt(2), and s = (m - 1) / (m + 1),
/// log m = 2 artanh s = 2 (s + s^3/3 + s^5/5 + ...), |s| < 0.172.
LUMIGRAD_INLINE float log(float x) {
  const std::int32_t bits = std::bit_cast<std::int32_t>(x) - 0x3F3504F3;  // less sqrt(1/2): the exponent of x / m
  const std::int32_t e = bits >> 23;
  const float m = std::bit_cast<float>((bits & 0x7FFFFF) + 0x3F3504F3);
  const float s = div(add(m, -1.0f), add(m, 1.0f)), q = mul(s, s);
  const float tail = series(q, 1.0f / 3, 1.0f / 5, 1.0f / 7, 1.0f / 9, 1.0f / 11);
  const float log_m = mul(2.0f, add(s, mul(s, mul(q, tail))));
  return add(mul(static_cast<float>(e), 0.693147180559945309f), log_m);
}
LUMIGRAD_INLINE double log(double x) {
  const std::int64_t bits = std::bit_cast<std::int64_t>(x) - 0x3FE6A09E667F3BCD;
  const std::int64_t e = bits >> 52;
  const double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD);
  const double s = div(add(m, -1.0), add(m, 1.0)), q = mul(s, s);
  const double tail = series(q, 1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19,
                             1.0 / 21, 1.0 / 23);
  const double log_m = mul(2.0, add(s, mul(s, mul(q, tail))));
  return add(mul(static_cast<double>(e), 0.693147180559945309), log_m);
}

}  // namespace exact

// The quantile of the normal distribution by rational approximations in two regions and a third for the far tail:
// Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988), with the
// coefficients of its 7-digit (float) and 16-digit (double) versions. p in (0, 1/2] is the probability of the tail; the
// result is at most 0. Taking the tail instead of its complement keeps full precision far out.

LUMIGRAD_INLINE float normal_quantile_below(float p) {
  using namespace exact;
  const float q = add(p, -0.5f);
  if (q >= -0.425f) {
    const float r = add(0.180625f, -mul(q, q));
    return mul(q, div(series(r, 3.3871327179f, 50.434271938f, 159.29113202f, 59.109374720f),
                      series(r, 1.0f, 17.895169469f, 78.757757664f, 67.187563600f)));
  }
  const float distance = root(-exact::log(p));
  if (distance <= 5) {
    const float r = add(distance, -1.6f);
    return -div(series(r, 1.4234372777f, 2.7568153900f, 1.3067284816f, 0.17023821103f),
                series(r, 1.0f, 0.73700164250f, 0.12021132975f));
  }
  const float r = add(distance, -5.0f);
  return -div(series(r, 6.6579051150f, 3.0812263860f, 0.42868294337f, 0.017337203997f),
              series(r, 1.0f, 0.24197894225f, 0.012258202635f));
}

LUMIGRAD_INLINE double normal_quantile_below(double p) {
  using namespace exact;
  const double q = add(p, -0.5);
  if (q >= -0.425) {
    const double r = add(0.180625, -mul(q, q));
    return mul(q,
               div(series(r, 3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
                          45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727),
                   series(r, 1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077,
                          21213.794301586595867, 39307.895800092710610, 28729.085735721942674, 5226.4952788528545610)));
  }
  const double distance = root(-exact::log(p));
  if (distance <= 5) {
    const double r = add(distance, -1.6);
    return -div(
        series(r, 1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
               1.27045825245236838258, 0.241780725177450611770, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
        series(r, 1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550, 0.148103976427480074590,
               1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9));
  }
  const double r = add(distance, -5.0);
  return -div(series(r, 6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 0.296560571828504891230,
                     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5,
                     2.01033439929228813265e-7),
              series(r, 1.0, 0.599832206555887937690, 0.136929880922735805310, 1.48753612908506148525e-2,
                     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
                     2.04426310338993978564e-15));
}

/// A standard normal number from 32 random bits: the top bit is the sign, the others say how far out. |z| <= 6.3.
LUMIGRAD_INLINE float normal_from(std::uint32_t bits) {
  const auto rank = static_cast<float>(bits & 0x7FFFFFFFu);
  const float z = normal_quantile_below(exact::mul(exact::add(rank, 0.5f), 0x1p-32f));
  return bits >> 31 ? -z : z;
}
/// A standard normal number from 64 random bits. |z| <= 9.2.
LUMIGRAD_INLINE double normal_from(std::uint64_t bits) {
  const auto rank = static_cast<double>(bits & 0x7FFFFFFFFFFFFFFFu);
  const double z = normal_quantile_below(exact::mul(exact::add(rank, 0.5), 0x1p-64));
  return bits >> 63 ? -z : z;
}

}  // namespace lumigrad
