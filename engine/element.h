// SPDX-License-Identifier: Apache-2.0
// How each dtype is stored and what an element of it means, on the host and on CUDA devices: the conversion seam's one
// formula.
#pragma once
#include <lumigrad/engine/dtype.h>
#include <lumigrad/engine/math.h>
#include <bit>
#include <cmath>
#include <limits>

namespace lumigrad {

// IEEE half and bfloat16 storage, to and from float, round to nearest even.
LUMIGRAD_INLINE float float_from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

LUMIGRAD_INLINE std::uint16_t bfloat16_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

LUMIGRAD_INLINE float float_from_half(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 31u, mantissa = bits & 1023u;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
  const float tiny = static_cast<float>(mantissa) * 0x1p-24f;  // subnormal: mantissa * 2^-24, exact
  return sign ? -tiny : tiny;
}

LUMIGRAD_INLINE std::uint16_t half_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00u);
  if (magnitude >= 65520.0f) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x1p-14f)  // subnormal: adding 2^-1 aligns the units to 2^-24 and rounds to even
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(magnitude + 0.5f) - 0x3f000000u));
  const std::uint32_t m = bits & 0x7fffffffu;
  return static_cast<std::uint16_t>(sign | ((m + 0xfffu + ((m >> 13) & 1u) - (112u << 23)) >> 13));
}

/// Rounded to nearest even and clamped to the range of I; NaN becomes 0.
template <class I>
LUMIGRAD_INLINE I rounded(double value) {
  if (std::isnan(value)) return 0;
  const double r = std::nearbyint(value);
  // 2^63 itself does not fit i64, and max() rounds up to it
  if (r >= static_cast<double>(std::numeric_limits<I>::max())) return std::numeric_limits<I>::max();
  if (r <= static_cast<double>(std::numeric_limits<I>::lowest())) return std::numeric_limits<I>::lowest();
  return static_cast<I>(r);
}

// How each dtype is stored, and what an element of it means.
template <DType D>
struct Element;
#define LUMIGRAD_ELEMENT(D, S, LOAD, STORE) \
  template <>                               \
  struct Element<DType::D> {                \
    using Storage = S;                      \
    template <class T>                      \
    static LUMIGRAD_INLINE T load(S s) {    \
      return static_cast<T>(LOAD);          \
    }                                       \
    template <class T>                      \
    static LUMIGRAD_INLINE S store(T v) {   \
      return STORE;                         \
    }                                       \
  };
LUMIGRAD_ELEMENT(f32, float, s, static_cast<float>(v))
LUMIGRAD_ELEMENT(f64, double, s, static_cast<double>(v))
LUMIGRAD_ELEMENT(f16, std::uint16_t, float_from_half(s), half_from_float(static_cast<float>(v)))
LUMIGRAD_ELEMENT(bf16, std::uint16_t, float_from_bfloat16(s), bfloat16_from_float(static_cast<float>(v)))
LUMIGRAD_ELEMENT(u8, std::uint8_t, s, rounded<std::uint8_t>(static_cast<double>(v)))
LUMIGRAD_ELEMENT(u16, std::uint16_t, s, rounded<std::uint16_t>(static_cast<double>(v)))
LUMIGRAD_ELEMENT(i32, std::int32_t, s, rounded<std::int32_t>(static_cast<double>(v)))
LUMIGRAD_ELEMENT(i64, std::int64_t, s, rounded<std::int64_t>(static_cast<double>(v)))
LUMIGRAD_ELEMENT(boolean, std::uint8_t, s != 0, static_cast<std::uint8_t>(v != T{0}))
#undef LUMIGRAD_ELEMENT

/// Calls f with the Element of a dtype.
template <class F>
LUMIGRAD_INLINE void with_element(DType dtype, const F& f) {
  switch (dtype) {
    case DType::f32:
      return f(Element<DType::f32>());
    case DType::f64:
      return f(Element<DType::f64>());
    case DType::f16:
      return f(Element<DType::f16>());
    case DType::bf16:
      return f(Element<DType::bf16>());
    case DType::u8:
      return f(Element<DType::u8>());
    case DType::u16:
      return f(Element<DType::u16>());
    case DType::i32:
      return f(Element<DType::i32>());
    case DType::i64:
      return f(Element<DType::i64>());
    case DType::boolean:
      return f(Element<DType::boolean>());
  }
}

}  // namespace lumigrad
