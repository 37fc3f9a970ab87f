// SPDX-License-Identifier: Apache-2.0
// Adding numbers up, compiled per instruction level.
#pragma once
#include <lumigrad/engine/cpu/kernels.h>
#include <cstddef>

namespace lumigrad {

/// Sums over contiguous numbers. Lanes of one vector are added in T, then together in double, in order.
template <class T>
struct SumKernel {
  /// The sum of at most 1024 numbers.
  double (*block)(const T* x, std::size_t n);
  /// sums[i] += x[i]
  void (*accumulate)(const T* x, double* sums, std::size_t n);
};
struct SumKernels {
  SumKernel<float> f32;
  SumKernel<double> f64;
};

/// The kernels of the level in use.
const SumKernels& sum_kernels();

}  // namespace lumigrad
