// SPDX-License-Identifier: Apache-2.0
// Number types of tensors. f32 and f64 are differentiable; the others hold data (images, masks, labels, indices).
#pragma once
#include <lumigrad/engine/error.h>
#include <cstddef>
#include <cstdint>

namespace lumigrad {

/// f16 and bf16 are storage only: kernels load and store them through the conversion seam (engine/convert.h).
enum class DType : std::uint8_t { f32, f64, f16, bf16, u8, u16, i32, i64, boolean };
inline constexpr int dtype_count = 9;

/// Bytes of one element.
constexpr std::size_t size_of(DType dtype) {
  constexpr std::size_t sizes[dtype_count] = {4, 8, 2, 2, 1, 2, 4, 8, 1};
  return sizes[static_cast<int>(dtype)];
}
/// True for the differentiable types f32 and f64.
constexpr bool is_differentiable(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }
/// True for f32, f64, f16 and bf16.
constexpr bool is_floating(DType dtype) { return static_cast<int>(dtype) <= static_cast<int>(DType::bf16); }

/// "f32", "u8", ... as users and files spell it.
LUMIGRAD_API std::string to_string(DType dtype);
/// The inverse of to_string; throws DTypeError for an unknown name.
LUMIGRAD_API DType parse_dtype(std::string_view name);

template <class T>
struct dtype_of_type;
template <>
struct dtype_of_type<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct dtype_of_type<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct dtype_of_type<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct dtype_of_type<std::uint16_t> {
  static constexpr DType value = DType::u16;
};
template <>
struct dtype_of_type<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct dtype_of_type<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct dtype_of_type<bool> {
  static constexpr DType value = DType::boolean;
};
/// The DType of a C++ number type.
template <class T>
inline constexpr DType dtype_of = dtype_of_type<T>::value;

}  // namespace lumigrad
