// SPDX-License-Identifier: Apache-2.0
// One number for many, compiled per instruction level.
#pragma once
#include <lumigrad/engine/cpu/level_table.h>
#include <cstddef>

namespace lumigrad {

/// Sums over contiguous numbers. Lanes of one vector are added in T, then together in double, in order.
template <class T>
struct SumKernel {
  /// The sum of at most 1024 numbers.
  double (*block)(const T* x, std::size_t n);
  /// sums[i] += x[i]
  void (*accumulate)(const T* x, double* sums, std::size_t n);
  /// The largest (smallest) of n >= 1 numbers; NaN where one of them is.
  T (*largest)(const T* x, std::size_t n);
  T (*smallest)(const T* x, std::size_t n);
};
struct SumKernels {
  SumKernel<float> f32;
  SumKernel<double> f64;
};

LUMIGRAD_LEVEL_TABLE(SumKernels, sums)
/// The kernels of the level in use.
inline const SumKernels& sum_kernels() { return LUMIGRAD_AT(simd_level(), sums); }

}  // namespace lumigrad
