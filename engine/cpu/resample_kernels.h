// SPDX-License-Identifier: Apache-2.0
// The seam to weighted sums along one axis (families/resample.h).
#pragma once
#include <lumigrad/engine/cpu/level_table.h>

#include <cstdint>

namespace lumigrad {

template <class T>
struct ResampleKernels {
  /// A line of the result is a weighted sum of lines: y[j] = sum over k of weight[k] x[source[k] count + j].
  void (*lines)(const T* x, T* y, std::int64_t count, const std::int32_t* source, const T* weight, int taps);
  /// Along the line itself: y[i] = sum over k < taps of weight[k count + i] x[source[k count + i]]; source -1: no term.
  void (*along)(const T* x, T* y, std::int64_t count, const std::int32_t* source, const T* weight, int taps);
};

struct ResampleTable {
  ResampleKernels<float> f32;
  ResampleKernels<double> f64;
};

LUMIGRAD_LEVEL_TABLE(ResampleTable, resample_table)
inline const ResampleTable& resample_kernels(Level level) { return LUMIGRAD_AT(level, resample_table); }

}  // namespace lumigrad
