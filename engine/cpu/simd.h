// SPDX-License-Identifier: Apache-2.0
// Numbers that are several numbers: a thin layer over the compilers' vector extensions.
//
// `Vec<T, K>` is K machine registers of T (float or double) that go through every operation in lock-step. K = 1 is the
// usual vector; K = 2 hides the latency of long polynomials, because two independent chains are interleaved in program
// order. A formula written for V = float runs unchanged on it: the names are those of engine/math.h.
//
// Included only by level sources. Everything stands in `namespace lumigrad::LUMIGRAD_LEVEL` and is always inlined, so
// that objects of different instruction levels share no function. `Mask` has no conversion to bool: a formula that
// branches on data does not compile.
//
// Agreed values: `max(a, b)` is `b > a ? b : a` and `min(a, b)` is `b < a ? b : a`. So a tie, signed zeros included,
// gives the first argument, a NaN in the first argument stays, a NaN in the second is dropped. `fma` rounds once where
// the level has the instruction (v3, v4, NEON); at the x86 baseline it is a product and a sum.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#if defined(__x86_64__)
// GCC's own AVX-512 header reads an undefined vector on purpose (_mm512_max_ps and others) and warns of it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#pragma GCC diagnostic pop
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include <lumigrad/engine/math.h>

#ifndef LUMIGRAD_LEVEL
#define LUMIGRAD_LEVEL baseline
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define LUMIGRAD_VECTOR_BYTES 64
#define LUMIGRAD_X86(name) _mm512_##name
#elif defined(__AVX2__) && defined(__FMA__)
#define LUMIGRAD_VECTOR_BYTES 32
#define LUMIGRAD_X86(name) _mm256_##name
#else
#define LUMIGRAD_VECTOR_BYTES 16
#define LUMIGRAD_X86(name) _mm_##name
#endif

#define LUMIGRAD_SIMD __attribute__((always_inline)) inline

/// The statement for each register k of K. One and two are written out: a loop would have to be unrolled anew in each
/// of the thousand places where an operation is inlined, which took half of the time that kernels take to compile.
#define LUMIGRAD_REGISTERS(statement) \
  {                                   \
    constexpr int k = 0;              \
    statement;                        \
  }                                   \
  if constexpr (K > 1) {              \
    constexpr int k = 1;              \
    statement;                        \
  }                                   \
  if constexpr (K > 2) {              \
    for (int k = 2; k < K; ++k) {     \
      statement;                      \
    }                                 \
  }

namespace lumigrad::LUMIGRAD_LEVEL {

/// Bytes of one machine register at this level.
inline constexpr int vector_bytes = LUMIGRAD_VECTOR_BYTES;

// The machine types of one register: floating-point lanes, and integer lanes of the same width (also comparison masks).
template <class T>
struct Register;
template <>
struct Register<float> {
  using Integer = std::int32_t;
  typedef float Real __attribute__((vector_size(LUMIGRAD_VECTOR_BYTES)));
  typedef std::int32_t Bits __attribute__((vector_size(LUMIGRAD_VECTOR_BYTES)));
  typedef std::uint32_t Unsigned __attribute__((vector_size(LUMIGRAD_VECTOR_BYTES)));
  typedef float Unaligned __attribute__((vector_size(LUMIGRAD_VECTOR_BYTES), aligned(4), may_alias));
};
template <>
struct Register<double> {
  using Integer = std::int64_t;
  typedef double Real __attribute__((vector_size(LUMIGRAD_VECTOR_BYTES)));
  typedef std::int64_t Bits __attribute__((vector_size(LUMIGRAD_VECTOR_BYTES)));
  typedef std::uint64_t Unsigned __attribute__((vector_size(LUMIGRAD_VECTOR_BYTES)));
  typedef double Unaligned __attribute__((vector_size(LUMIGRAD_VECTOR_BYTES), aligned(8), may_alias));
};

// ---- one register: what the extensions cannot say, per instruction set ----------------------------------------------

namespace native {
using F = Register<float>::Real;
using D = Register<double>::Real;
using FBits = Register<float>::Bits;
using DBits = Register<double>::Bits;

#if defined(__x86_64__)
LUMIGRAD_SIMD F max(F a, F b) { return F(LUMIGRAD_X86(max_ps)(b, a)); }  // maxps gives its second operand on a tie
LUMIGRAD_SIMD D max(D a, D b) { return D(LUMIGRAD_X86(max_pd)(b, a)); }
LUMIGRAD_SIMD F min(F a, F b) { return F(LUMIGRAD_X86(min_ps)(b, a)); }
LUMIGRAD_SIMD D min(D a, D b) { return D(LUMIGRAD_X86(min_pd)(b, a)); }
LUMIGRAD_SIMD F sqrt(F a) { return F(LUMIGRAD_X86(sqrt_ps)(a)); }
LUMIGRAD_SIMD D sqrt(D a) { return D(LUMIGRAD_X86(sqrt_pd)(a)); }
LUMIGRAD_SIMD void stream(float* to, F a) { LUMIGRAD_X86(stream_ps)(to, a); }
LUMIGRAD_SIMD void stream(double* to, D a) { LUMIGRAD_X86(stream_pd)(to, a); }
LUMIGRAD_SIMD void fence() { _mm_sfence(); }
#if LUMIGRAD_VECTOR_BYTES == 64
LUMIGRAD_SIMD unsigned signs(FBits m) { return _mm512_movepi32_mask(__m512i(m)); }
LUMIGRAD_SIMD unsigned signs(DBits m) { return _mm512_movepi64_mask(__m512i(m)); }
#else
LUMIGRAD_SIMD unsigned signs(FBits m) { return static_cast<unsigned>(LUMIGRAD_X86(movemask_ps)(F(m))); }
LUMIGRAD_SIMD unsigned signs(DBits m) { return static_cast<unsigned>(LUMIGRAD_X86(movemask_pd)(D(m))); }
#endif
#if LUMIGRAD_VECTOR_BYTES >= 32
LUMIGRAD_SIMD F fma(F a, F b, F c) { return F(LUMIGRAD_X86(fmadd_ps)(a, b, c)); }
LUMIGRAD_SIMD D fma(D a, D b, D c) { return D(LUMIGRAD_X86(fmadd_pd)(a, b, c)); }
LUMIGRAD_SIMD F floor(F a) { return F(LUMIGRAD_X86(floor_ps)(a)); }
LUMIGRAD_SIMD D floor(D a) { return D(LUMIGRAD_X86(floor_pd)(a)); }
#else
LUMIGRAD_SIMD F fma(F a, F b, F c) { return a * b + c; }
LUMIGRAD_SIMD D fma(D a, D b, D c) { return a * b + c; }
// Adding and subtracting 2^23 (2^52) to |a| rounds it to an integer; where that went up, one is taken off. Larger
// magnitudes are integers already. The sign of a is put back, so that floor(-0) = -0.
LUMIGRAD_SIMD F floor(F a) {
  const F sign = F(FBits(a) & INT32_MIN), size = F(FBits(a) & INT32_MAX);
  const F whole = F(FBits((size + 0x1p23f) - 0x1p23f) | FBits(sign));
  return size < 0x1p23f ? F(FBits(whole - (whole > a ? F{} + 1.0f : F{})) | FBits(sign)) : a;
}
LUMIGRAD_SIMD D floor(D a) {
  const D sign = D(DBits(a) & INT64_MIN), size = D(DBits(a) & INT64_MAX);
  const D whole = D(DBits((size + 0x1p52) - 0x1p52) | DBits(sign));
  return size < 0x1p52 ? D(DBits(whole - (whole > a ? D{} + 1.0 : D{})) | DBits(sign)) : a;
}
#endif
#elif defined(__aarch64__)
LUMIGRAD_SIMD F max(F a, F b) { return b > a ? b : a; }
LUMIGRAD_SIMD D max(D a, D b) { return b > a ? b : a; }
LUMIGRAD_SIMD F min(F a, F b) { return b < a ? b : a; }
LUMIGRAD_SIMD D min(D a, D b) { return b < a ? b : a; }
LUMIGRAD_SIMD F sqrt(F a) { return F(vsqrtq_f32(float32x4_t(a))); }
LUMIGRAD_SIMD D sqrt(D a) { return D(vsqrtq_f64(float64x2_t(a))); }
LUMIGRAD_SIMD F fma(F a, F b, F c) { return F(vfmaq_f32(float32x4_t(c), float32x4_t(a), float32x4_t(b))); }
LUMIGRAD_SIMD D fma(D a, D b, D c) { return D(vfmaq_f64(float64x2_t(c), float64x2_t(a), float64x2_t(b))); }
LUMIGRAD_SIMD F floor(F a) { return F(vrndmq_f32(float32x4_t(a))); }
LUMIGRAD_SIMD D floor(D a) { return D(vrndmq_f64(float64x2_t(a))); }
LUMIGRAD_SIMD void stream(float* to, F a) { vst1q_f32(to, float32x4_t(a)); }
LUMIGRAD_SIMD void stream(double* to, D a) { vst1q_f64(to, float64x2_t(a)); }
LUMIGRAD_SIMD void fence() {}
LUMIGRAD_SIMD unsigned signs(FBits m) {
  return unsigned(m[0] < 0) | unsigned(m[1] < 0) << 1 | unsigned(m[2] < 0) << 2 | unsigned(m[3] < 0) << 3;
}
LUMIGRAD_SIMD unsigned signs(DBits m) { return unsigned(m[0] < 0) | unsigned(m[1] < 0) << 1; }
#else
#error "lumigrad: vector kernels exist for x86-64 and aarch64"
#endif
}  // namespace native

// ---- K registers in lock-step: truth values, integers, numbers ------------------------------------------------------

/// One truth value a lane (all bits of the lane set, or none).
template <class T, int K = 1>
struct Mask {
  using Bits = typename Register<T>::Bits;
  Bits raw[K];

  template <class B>
  explicit operator B() const {
    static_assert(sizeof(B) == 0, "lumigrad: a formula may not branch on data; write select(condition, a, b)");
    return B();
  }
#define LUMIGRAD_EACH(expression)           \
  Mask r;                                   \
  LUMIGRAD_REGISTERS(r.raw[k] = expression) \
  return r
  friend LUMIGRAD_SIMD Mask operator&(const Mask& a, const Mask& b) { LUMIGRAD_EACH(a.raw[k] & b.raw[k]); }
  friend LUMIGRAD_SIMD Mask operator|(const Mask& a, const Mask& b) { LUMIGRAD_EACH(a.raw[k] | b.raw[k]); }
  friend LUMIGRAD_SIMD Mask operator^(const Mask& a, const Mask& b) { LUMIGRAD_EACH(a.raw[k] ^ b.raw[k]); }
  friend LUMIGRAD_SIMD Mask operator!(const Mask& a) { LUMIGRAD_EACH(~a.raw[k]); }
#undef LUMIGRAD_EACH
  /// One bit a lane, lane 0 lowest, of register k.
  LUMIGRAD_SIMD unsigned bits(int k = 0) const { return native::signs(raw[k]); }
  friend LUMIGRAD_SIMD bool any(const Mask& m) {
    unsigned found = 0;
    LUMIGRAD_REGISTERS(found |= m.bits(k))
    return found != 0;
  }
  friend LUMIGRAD_SIMD bool all(const Mask& m) { return !any(!m); }
};

/// Integers as wide as T, one a lane. Shifts to the right keep the sign.
template <class T, int K = 1>
struct Int {
  using Integer = typename Register<T>::Integer;
  using Bits = typename Register<T>::Bits;
  Bits raw[K];

  LUMIGRAD_SIMD Int() {}
  LUMIGRAD_SIMD Int(Integer s) { LUMIGRAD_REGISTERS(raw[k] = Bits{} + s) }
#define LUMIGRAD_EACH(Result, expression)   \
  Result r;                                 \
  LUMIGRAD_REGISTERS(r.raw[k] = expression) \
  return r
  friend LUMIGRAD_SIMD Int operator+(const Int& a, const Int& b) { LUMIGRAD_EACH(Int, a.raw[k] + b.raw[k]); }
  friend LUMIGRAD_SIMD Int operator-(const Int& a, const Int& b) { LUMIGRAD_EACH(Int, a.raw[k] - b.raw[k]); }
  friend LUMIGRAD_SIMD Int operator*(const Int& a, const Int& b) { LUMIGRAD_EACH(Int, a.raw[k] * b.raw[k]); }
  friend LUMIGRAD_SIMD Int operator&(const Int& a, const Int& b) { LUMIGRAD_EACH(Int, a.raw[k] & b.raw[k]); }
  friend LUMIGRAD_SIMD Int operator|(const Int& a, const Int& b) { LUMIGRAD_EACH(Int, a.raw[k] | b.raw[k]); }
  friend LUMIGRAD_SIMD Int operator^(const Int& a, const Int& b) { LUMIGRAD_EACH(Int, a.raw[k] ^ b.raw[k]); }
  friend LUMIGRAD_SIMD Int operator<<(const Int& a, int n) {
    using Unsigned = typename Register<T>::Unsigned;
    LUMIGRAD_EACH(Int, Bits(Unsigned(a.raw[k]) << n));
  }
  friend LUMIGRAD_SIMD Int operator>>(const Int& a, int n) { LUMIGRAD_EACH(Int, a.raw[k] >> n); }
  friend LUMIGRAD_SIMD Mask<T, K> operator==(const Int& a, const Int& b) {
    using M = Mask<T, K>;
    LUMIGRAD_EACH(M, a.raw[k] == b.raw[k]);
  }
  friend LUMIGRAD_SIMD Mask<T, K> operator<(const Int& a, const Int& b) {
    using M = Mask<T, K>;
    LUMIGRAD_EACH(M, a.raw[k] < b.raw[k]);
  }
  friend LUMIGRAD_SIMD Mask<T, K> operator>(const Int& a, const Int& b) { return b < a; }
  friend LUMIGRAD_SIMD Int select(const Mask<T, K>& m, const Int& a, const Int& b) {
    LUMIGRAD_EACH(Int, m.raw[k] ? a.raw[k] : b.raw[k]);
  }
#undef LUMIGRAD_EACH
  /// Reads whole registers from (writes them to) memory of any alignment.
  static LUMIGRAD_SIMD Int load(const Integer* from) {
    Int r;
    LUMIGRAD_REGISTERS(__builtin_memcpy(&r.raw[k], from + k * (vector_bytes / sizeof(T)), sizeof(Bits)))
    return r;
  }
  LUMIGRAD_SIMD void store(Integer* to) const {
    LUMIGRAD_REGISTERS(__builtin_memcpy(to + k * (vector_bytes / sizeof(T)), &raw[k], sizeof(Bits)))
  }
};

/// Floating-point numbers, `width` of them.
template <class T, int K = 1>
struct Vec {
  using Scalar = T;
  using Real = typename Register<T>::Real;
  using Bits = typename Register<T>::Bits;
  static constexpr int width = K * vector_bytes / int(sizeof(T));
  static constexpr int register_width = vector_bytes / int(sizeof(T));
  Real raw[K];

  LUMIGRAD_SIMD Vec() {}
  /// The same number in every lane: implicit from integers, `V(0.5)` otherwise.
  template <class S, std::enable_if_t<std::is_integral_v<S>, int> = 0>
  LUMIGRAD_SIMD Vec(S s) : Vec(splat(static_cast<T>(s))) {}
  template <class S, std::enable_if_t<std::is_floating_point_v<S>, long> = 0>
  LUMIGRAD_SIMD explicit Vec(S s) : Vec(splat(static_cast<T>(s))) {}

  static LUMIGRAD_SIMD Vec splat(T s) {
    Vec r;
    LUMIGRAD_REGISTERS(r.raw[k] = s - Real{})  // s - 0 keeps -0, which s + 0 does not
    return r;
  }
  /// 0, 1, 2, ... over the lanes.
  static LUMIGRAD_SIMD Vec ramp() {
    Vec r;
    for (int i = 0; i < width; ++i) r.raw[i / register_width][i % register_width] = static_cast<T>(i);
    return r;
  }
  static LUMIGRAD_SIMD Vec load(const T* from) {
    Vec r;
    using Unaligned = typename Register<T>::Unaligned;
    LUMIGRAD_REGISTERS(r.raw[k] = *reinterpret_cast<const Unaligned*>(from + k * register_width))
    return r;
  }
  LUMIGRAD_SIMD void store(T* to) const {
    using Unaligned = typename Register<T>::Unaligned;
    LUMIGRAD_REGISTERS(*reinterpret_cast<Unaligned*>(to + k * register_width) = raw[k])
  }
  /// Writes past the caches; `to` must be aligned to `vector_bytes`. Call fence() after the last one.
  LUMIGRAD_SIMD void stream(T* to) const { LUMIGRAD_REGISTERS(native::stream(to + k * register_width, raw[k])) }

#define LUMIGRAD_EACH(Result, expression)   \
  Result r;                                 \
  LUMIGRAD_REGISTERS(r.raw[k] = expression) \
  return r
  friend LUMIGRAD_SIMD Vec operator+(const Vec& a, const Vec& b) { LUMIGRAD_EACH(Vec, a.raw[k] + b.raw[k]); }
  friend LUMIGRAD_SIMD Vec operator-(const Vec& a, const Vec& b) { LUMIGRAD_EACH(Vec, a.raw[k] - b.raw[k]); }
  friend LUMIGRAD_SIMD Vec operator*(const Vec& a, const Vec& b) { LUMIGRAD_EACH(Vec, a.raw[k] * b.raw[k]); }
  friend LUMIGRAD_SIMD Vec operator/(const Vec& a, const Vec& b) { LUMIGRAD_EACH(Vec, a.raw[k] / b.raw[k]); }
  friend LUMIGRAD_SIMD Vec operator-(const Vec& a) { LUMIGRAD_EACH(Vec, -a.raw[k]); }
  LUMIGRAD_SIMD Vec& operator+=(const Vec& b) { return *this = *this + b; }
  LUMIGRAD_SIMD Vec& operator-=(const Vec& b) { return *this = *this - b; }
  LUMIGRAD_SIMD Vec& operator*=(const Vec& b) { return *this = *this * b; }
  LUMIGRAD_SIMD Vec& operator/=(const Vec& b) { return *this = *this / b; }

  using M = Mask<T, K>;
  friend LUMIGRAD_SIMD M operator<(const Vec& a, const Vec& b) { LUMIGRAD_EACH(M, a.raw[k] < b.raw[k]); }
  friend LUMIGRAD_SIMD M operator>(const Vec& a, const Vec& b) { LUMIGRAD_EACH(M, a.raw[k] > b.raw[k]); }
  friend LUMIGRAD_SIMD M operator<=(const Vec& a, const Vec& b) { LUMIGRAD_EACH(M, a.raw[k] <= b.raw[k]); }
  friend LUMIGRAD_SIMD M operator>=(const Vec& a, const Vec& b) { LUMIGRAD_EACH(M, a.raw[k] >= b.raw[k]); }
  friend LUMIGRAD_SIMD M operator==(const Vec& a, const Vec& b) { LUMIGRAD_EACH(M, a.raw[k] == b.raw[k]); }
  friend LUMIGRAD_SIMD M operator!=(const Vec& a, const Vec& b) { LUMIGRAD_EACH(M, a.raw[k] != b.raw[k]); }

  friend LUMIGRAD_SIMD Vec select(const M& m, const Vec& a, const Vec& b) {
    LUMIGRAD_EACH(Vec, m.raw[k] ? a.raw[k] : b.raw[k]);
  }
  friend LUMIGRAD_SIMD Vec max(const Vec& a, const Vec& b) { LUMIGRAD_EACH(Vec, native::max(a.raw[k], b.raw[k])); }
  friend LUMIGRAD_SIMD Vec min(const Vec& a, const Vec& b) { LUMIGRAD_EACH(Vec, native::min(a.raw[k], b.raw[k])); }
  friend LUMIGRAD_SIMD Vec largest(const Vec& a, const Vec& b, const Vec& c) { return max(max(a, b), c); }
  friend LUMIGRAD_SIMD Vec smallest(const Vec& a, const Vec& b, const Vec& c) { return min(min(a, b), c); }
  friend LUMIGRAD_SIMD Vec clamp(const Vec& x, const Vec& lo, const Vec& hi) { return min(max(x, lo), hi); }
  friend LUMIGRAD_SIMD Vec fma(const Vec& a, const Vec& b, const Vec& c) {
    LUMIGRAD_EACH(Vec, native::fma(a.raw[k], b.raw[k], c.raw[k]));
  }
  friend LUMIGRAD_SIMD Vec sqrt(const Vec& a) { LUMIGRAD_EACH(Vec, native::sqrt(a.raw[k])); }
  friend LUMIGRAD_SIMD Vec floor(const Vec& a) { LUMIGRAD_EACH(Vec, native::floor(a.raw[k])); }
  friend LUMIGRAD_SIMD Vec abs(const Vec& a) { return from_bits(bits(a) & Int<T, K>(~sign_bit)); }
  // Long functions stand in cpu/simd_math.h.
  friend LUMIGRAD_SIMD Vec exp(const Vec& a) { return vector_exp(a); }
  friend LUMIGRAD_SIMD Vec log(const Vec& a) { return vector_log(a); }
  friend LUMIGRAD_SIMD Vec cbrt(const Vec& a) { return vector_cbrt(a); }
  friend LUMIGRAD_SIMD Vec sin(const Vec& a) { return vector_sin(a); }
  friend LUMIGRAD_SIMD Vec cos(const Vec& a) { return vector_cos(a); }
  friend LUMIGRAD_SIMD Vec pow(const Vec& x, const Vec& p) { return vector_pow(x, p); }
  friend LUMIGRAD_SIMD Vec positive_pow(const Vec& x, double p) { return vector_positive_pow(x, Vec(p)); }
  friend LUMIGRAD_SIMD Vec hypot(const Vec& x, const Vec& y) { return plain_hypot(x, y); }
  friend LUMIGRAD_SIMD Vec atan2(const Vec& y, const Vec& x) { return vector_atan2(y, x); }

  static constexpr typename Register<T>::Integer sign_bit = std::numeric_limits<typename Register<T>::Integer>::min();
  /// The magnitude of a with the sign of b.
  friend LUMIGRAD_SIMD Vec copysign(const Vec& a, const Vec& b) {
    return from_bits((bits(a) & Int<T, K>(~sign_bit)) | (bits(b) & Int<T, K>(sign_bit)));
  }
  /// The lanes' bit patterns as integers, and back.
  friend LUMIGRAD_SIMD Int<T, K> bits(const Vec& a) {
    using I = Int<T, K>;
    LUMIGRAD_EACH(I, Bits(a.raw[k]));
  }
  static LUMIGRAD_SIMD Vec from_bits(const Int<T, K>& i) { LUMIGRAD_EACH(Vec, Real(i.raw[k])); }
  /// Conversion to integers (towards zero; the value must fit) and back.
  friend LUMIGRAD_SIMD Int<T, K> to_int(const Vec& a) {
    using I = Int<T, K>;
    LUMIGRAD_EACH(I, __builtin_convertvector(a.raw[k], Bits));
  }
  static LUMIGRAD_SIMD Vec from_int(const Int<T, K>& i) { LUMIGRAD_EACH(Vec, __builtin_convertvector(i.raw[k], Real)); }
#undef LUMIGRAD_EACH
};

/// The lanes added in double, from the first to the last.
template <class T, int K>
LUMIGRAD_SIMD double sum_lanes(const Vec<T, K>& v) {
  double sum = 0;
  for (int k = 0; k < K; ++k) {
    for (int i = 0; i < Vec<T, K>::register_width; ++i) sum += static_cast<double>(v.raw[k][i]);
  }
  return sum;
}

/// Makes streamed stores visible in order before later ones.
LUMIGRAD_SIMD void fence() { native::fence(); }

}  // namespace lumigrad::LUMIGRAD_LEVEL
