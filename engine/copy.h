// SPDX-License-Identifier: Apache-2.0
// Moving numbers between layouts and dtypes: the one place that knows how an f16, a byte or a strided view becomes the
// number a kernel works with (the conversion seam).
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// Values to the target: same shape, any strides and dtypes. To an integer type values are rounded to nearest-even and
/// clamped to its range (NaN becomes 0); to bool they become value != 0. The version is not raised.
void copy_values(const Tensor& source, const Tensor& target);

/// Reads `count` elements that lie `stride` apart, as float or double, times `scale`.
void load_elements(const void* source, DType dtype, std::int64_t stride, std::int64_t count, double scale, float* to);
void load_elements(const void* source, DType dtype, std::int64_t stride, std::int64_t count, double scale, double* to);
/// Writes `count` numbers `stride` apart, converted as copy_values does.
void store_elements(const float* from, std::int64_t count, void* target, DType dtype, std::int64_t stride);
void store_elements(const double* from, std::int64_t count, void* target, DType dtype, std::int64_t stride);

/// IEEE half and bfloat16 storage, to and from float, round to nearest even.
float float_from_half(std::uint16_t bits);
std::uint16_t half_from_float(float value);
float float_from_bfloat16(std::uint16_t bits);
std::uint16_t bfloat16_from_float(float value);

}  // namespace lumigrad
