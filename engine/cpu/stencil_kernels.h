// SPDX-License-Identifier: Apache-2.0
// The seam to stencils (families/stencil.h): the windows of an image as a matrix that is never stored.
#pragma once
#include <lumigrad/engine/cpu/level_table.h>

#include <cstdint>

namespace lumigrad {

/// Element (r, j) is source[row[r] + start(j)]: row r is one tap of one channel, column j = (i0, i1, i2, i3) one
/// result, which starts at i0 stride[0] + i1 stride[1] + i2 stride[2] + i3. Every element lies inside the source.
template <class T>
struct Windows {
  const T* source;
  const std::int64_t* row;
  std::int64_t extent[4];
  std::int64_t stride[3];
};

/// dots() takes so many rows of b at a time.
inline constexpr std::int64_t dot_rows = 6;

template <class T>
struct StencilKernel {
  /// The `fill` of a PanelSource (product_kernels.h) whose matrix is a Windows<T>.
  void (*fill)(const void* windows, std::int64_t p, std::int64_t steps, std::int64_t j, std::int64_t columns,
               std::int64_t width, T* to);
  /// y[j] = sum over the first `rows` rows r of weight[r] (r, first + j), for j < count: the chain of multiply-adds of
  /// a product with one row.
  void (*weigh)(const Windows<T>& windows, const T* weight, std::int64_t rows, std::int64_t first, std::int64_t count,
                T* y);
  /// to[i to_row + j to_step] = from[i from_row + j from_step] for i < rows, j < n; one of the steps is 1.
  void (*copy_rows)(const T* from, std::int64_t from_row, std::int64_t from_step, T* to, std::int64_t to_row,
                    std::int64_t to_step, std::int64_t rows, std::int64_t n);
  /// sums[i n + j] += sum over p < count of a[i a_row + p] b[j b_row + p], i < m, j < n; n is a multiple of dot_rows.
  /// Lanes are added in T, which count bounds, and what they make to the sums in double.
  void (*dots)(const T* a, std::int64_t a_row, std::int64_t m, const T* b, std::int64_t b_row, std::int64_t n,
               std::int64_t count, double* sums);
};
struct StencilKernels {
  StencilKernel<float> f32;
  StencilKernel<double> f64;
};

LUMIGRAD_LEVEL_TABLE(StencilKernels, stencils)
/// The kernels of the level in use for number type T.
template <class T>
const StencilKernel<T>& stencil_kernel() {
  const StencilKernels& all = LUMIGRAD_AT(simd_level(), stencils);
  if constexpr (sizeof(T) == sizeof(float))
    return all.f32;
  else
    return all.f64;
}

}  // namespace lumigrad
