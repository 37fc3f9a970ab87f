// SPDX-License-Identifier: Apache-2.0
// Products of matrices, compiled per instruction level.
//
// Every element of a product is one chain of multiply-adds over k, in order, that starts at 0. So its bits depend on
// its row and column alone: not on how large the matrices are, how they lie in memory, or what is computed beside it.
#pragma once
#include <lumigrad/engine/cpu/level_table.h>

#include <cstdint>

namespace lumigrad {

/// A matrix with any strides: element (i, j) is at[i * row + j * column].
template <class T>
struct MatrixView {
  T* at;
  std::int64_t row, column;
};

/// A matrix that need not exist: whoever multiplies by it asks for a block at a time.
template <class T>
struct PanelSource {
  /// Writes rows [p, p + steps) of columns [j, j + columns) as panels of `width` columns, row by row, one panel behind
  /// the other; what is missing of the last panel is 0.
  void (*fill)(const void* matrix, std::int64_t p, std::int64_t steps, std::int64_t j, std::int64_t columns,
               std::int64_t width, T* to);
  const void* matrix;
  /// Panels that were written beforehand, by write_panels, for several products with one b; or null.
  const T* ready = nullptr;
};

template <class T>
struct ProductKernel {
  /// y [m, n] = a [m, k] b [k, n]. `room` holds product_room<T> numbers. y may not overlap the others.
  void (*multiply)(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> y, std::int64_t m, std::int64_t k,
                   std::int64_t n, T* room);
  /// The same, bit for bit, with b handed over in panels.
  void (*multiply_panels)(MatrixView<const T> a, PanelSource<T> b, MatrixView<T> y, std::int64_t m, std::int64_t k,
                          std::int64_t n, T* room);
  /// Writes rows [p, p + product_depth) of b [k, n], where they are, into ready_panels<T> numbers; p is a multiple of
  /// product_depth, n at most product_columns<T>.
  void (*write_panels)(PanelSource<T> b, std::int64_t p, std::int64_t k, std::int64_t n, T* ready);
};
struct ProductKernels {
  ProductKernel<float> f32;
  ProductKernel<double> f64;
};

/// Extents of the blocks that are copied together before they are multiplied: `product_depth` of k, and so many columns
/// that a block of b fills half of a usual second-level cache.
inline constexpr std::int64_t product_depth = 128;
template <class T>
inline constexpr std::int64_t product_columns = 3072 / static_cast<std::int64_t>(sizeof(T));
/// Numbers that all panels of a b [k, n] have.
template <class T>
std::int64_t ready_panels(std::int64_t k, std::int64_t n) {
  constexpr std::int64_t widest = 128 / static_cast<std::int64_t>(sizeof(T));  // two registers of 64 bytes
  return k * ((n + widest - 1) / widest * widest);
}
/// Numbers a call needs for its copies: a block of b, a panel of at most 12 rows of a, and one tile of y.
template <class T>
std::int64_t product_room(std::int64_t k, std::int64_t n, std::int64_t m) {
  const std::int64_t depth = k < product_depth ? k : product_depth, narrow = n < m ? n : m, wide = n < m ? m : n;
  const std::int64_t widest = 128 / static_cast<std::int64_t>(sizeof(T));  // two registers of 64 bytes
  const std::int64_t most = narrow < widest / 2 ? wide : n;                // see multiply: a narrow product is turned
  const std::int64_t columns = most < product_columns<T> ? (most + widest - 1) / widest * widest : product_columns<T>;
  return depth * (columns + 12) + 12 * widest;
}

LUMIGRAD_LEVEL_TABLE(ProductKernels, products)
/// The kernels of the level in use.
inline const ProductKernels& product_kernels() { return LUMIGRAD_AT(simd_level(), products); }
/// Those for number type T.
template <class T>
const ProductKernel<T>& product_kernel() {
  if constexpr (sizeof(T) == sizeof(float))
    return product_kernels().f32;
  else
    return product_kernels().f64;
}

}  // namespace lumigrad
