// SPDX-License-Identifier: Apache-2.0
// Moving numbers between layouts and dtypes: the one place that knows how an f16, a byte or a strided view becomes the
// number a kernel works with (the conversion seam).
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// Values to the target: same shape, any strides and dtypes. To an integer type values are rounded to nearest-even and
/// clamped to its range (NaN becomes 0); to bool they become value != 0. The version is not raised.
void copy_values(const Tensor& source, const Tensor& target);

// The same between and on devices; copy_values calls it where one of the two is not on the CPU.
void copy_across(const Tensor& source, const Tensor& target);
/// Every element of a tensor on a device becomes `value`; elements along its one axis become 0, 1, 2, ...
void fill_values(const Tensor& target, double value);
void count_up(const Tensor& target);

/// Reads `count` elements that lie `stride` apart, as float or double, times `scale`.
void load_elements(const void* source, DType dtype, std::int64_t stride, std::int64_t count, double scale, float* to);
void load_elements(const void* source, DType dtype, std::int64_t stride, std::int64_t count, double scale, double* to);
/// Writes `count` numbers `stride` apart, converted as copy_values does.
void store_elements(const float* from, std::int64_t count, void* target, DType dtype, std::int64_t stride);
void store_elements(const double* from, std::int64_t count, void* target, DType dtype, std::int64_t stride);

}  // namespace lumigrad
