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
  /// Adds x[0][i], x[1][i], ... of `count` rows to sums[i], or to 0 where they are the first. With y the sum ends here:
  /// y[i] = scale sums[i], which are not written.
  void (*accumulate)(const T* const* x, int count, double* sums, bool first, T* y, double scale, std::size_t n);
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
