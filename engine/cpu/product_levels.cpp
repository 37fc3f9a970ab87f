// SPDX-License-Identifier: Apache-2.0
// The classic order of a product: a block of b that stays in the second-level cache is copied into panels two vectors
// wide, a few rows of a into another panel, and a tile of y that fits into the registers runs over both. K. Goto and
// R. van de Geijn, Anatomy of high-performance matrix multiplication, ACM TOMS 34 (3), 2008.
#include <lumigrad/engine/cpu/product_kernels.h>
#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

// Rows of a tile: two accumulators a row, two vectors of b and one number of a must fit into the registers.
constexpr int tile_rows = vector_bytes == 64 ? 12 : 6;
template <class T>
constexpr int tile_columns = 2 * Vec<T>::width;

// GCC 12 would read one of them from memory again for every row, a quarter of the time.
template <class R>
LUMIGRAD_SIMD void stay_in_registers(R& u, R& v) {
#if defined(__x86_64__)
  asm("" : "+v"(u), "+v"(v));
#else
  asm("" : "+w"(u), "+w"(v));
#endif
}

// y (R rows of W vectors) += panels of a and b, R and tile_columns numbers a step; the first time y starts at 0.
template <class T, int R, int W>
LUMIGRAD_SIMD void add_tile(const T* a, const T* b, std::int64_t steps, T* y, std::int64_t row, bool first) {
  constexpr int width = Vec<T>::width;
  Vec<T> left[R], right[R];
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) {
    left[r] = first ? Vec<T>(0) : Vec<T>::load(y + r * row);
    if (W == 2) right[r] = first ? Vec<T>(0) : Vec<T>::load(y + r * row + width);
  }
  for (std::int64_t p = 0; p < steps; ++p) {
    Vec<T> u = Vec<T>::load(b), v = W == 2 ? Vec<T>::load(b + width) : u;
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      stay_in_registers(u.raw[0], v.raw[0]);
      const Vec<T> s = Vec<T>::splat(a[r]);
      left[r] = fma(s, u, left[r]);
      if (W == 2) right[r] = fma(s, v, right[r]);
    }
    a += R;
    b += 2 * width;
  }
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) {
    left[r].store(y + r * row);
    if (W == 2) right[r].store(y + r * row + width);
  }
}

template <class T>
struct Block {
  MatrixView<const T> a;  // `steps` columns of it
  MatrixView<T> y;
  const T* b;  // panels
  std::int64_t steps, columns;
  bool first;  // y is not there yet
  T *panel, *tile;
};

// R rows of y from row i on, of which the last may be missing: those are computed into a tile that is thrown away.
template <class T, int R>
void add_rows(const Block<T>& block, std::int64_t i, int rows) {
  constexpr int C = tile_columns<T>;
  const T* from[R];
  for (int r = 0; r < R; ++r) from[r] = block.a.at + (i + (r < rows ? r : 0)) * block.a.row;
  for (std::int64_t p = 0; p < block.steps; ++p)
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) block.panel[p * R + r] = from[r][p * block.a.column];
  for (std::int64_t j = 0; j < block.columns; j += C) {
    const int some = block.columns - j < C ? static_cast<int>(block.columns - j) : C;
    T* y = block.y.at + i * block.y.row + j * block.y.column;
    const T* b = block.b + j * block.steps;
    if (rows == R && some == C && block.y.column == 1) {
      add_tile<T, R, 2>(block.panel, b, block.steps, y, block.y.row, block.first);
      continue;
    }
    if (!block.first)
      for (int r = 0; r < R; ++r)
        for (int c = 0; c < C; ++c)
          block.tile[r * C + c] = r >= rows || c >= some ? T(0) : y[r * block.y.row + c * block.y.column];
    if (some > Vec<T>::width)
      add_tile<T, R, 2>(block.panel, b, block.steps, block.tile, C, block.first);
    else
      add_tile<T, R, 1>(block.panel, b, block.steps, block.tile, C, block.first);
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < some; ++c) y[r * block.y.row + c * block.y.column] = block.tile[r * C + c];
  }
}

// The panels of a matrix in memory, tile_columns wide.
template <class T>
void copy_panels(const void* matrix, std::int64_t first, std::int64_t steps, std::int64_t column, std::int64_t columns,
                 std::int64_t, T* to) {
  constexpr int C = tile_columns<T>, width = Vec<T>::width;
  const auto& b = *static_cast<const MatrixView<const T>*>(matrix);
  for (std::int64_t j = 0; j < columns; j += C, to += C * steps) {
    const T* from = b.at + first * b.row + (column + j) * b.column;
    const int some = columns - j < C ? static_cast<int>(columns - j) : C;
    if (some == C && b.column == 1) {
      for (std::int64_t p = 0; p < steps; ++p)
        for (int c = 0; c < C; c += width) Vec<T>::load(from + p * b.row + c).store(to + p * C + c);
    } else {
      for (int c = 0; c < C; ++c)
        for (std::int64_t p = 0; p < steps; ++p) to[p * C + c] = c < some ? from[p * b.row + c * b.column] : T(0);
    }
  }
}

// The same chain for each element, without copies: worth it for a few elements or steps.
template <class T>
void multiply_small(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> y, std::int64_t m, std::int64_t k,
                    std::int64_t n) {
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      Vec<T> sum(0);
      for (std::int64_t p = 0; p < k; ++p)
        sum = fma(Vec<T>::splat(a.at[i * a.row + p * a.column]), Vec<T>::splat(b.at[p * b.row + j * b.column]), sum);
      y.at[i * y.row + j * y.column] = sum.raw[0][0];
    }
}

template <class T>
void multiply_panels(MatrixView<const T> a, PanelSource<T> b, MatrixView<T> y, std::int64_t m, std::int64_t k,
                     std::int64_t n, T* room) {
  for (std::int64_t j = 0; j < n; j += product_columns<T>)
    for (std::int64_t p = 0; p < k; p += product_depth) {
      const std::int64_t columns = n - j < product_columns<T> ? n - j : product_columns<T>;
      const std::int64_t steps = k - p < product_depth ? k - p : product_depth;
      const std::int64_t padded = (columns + tile_columns<T> - 1) / tile_columns<T> * tile_columns<T>;
      b.fill(b.matrix, p, steps, j, columns, tile_columns<T>, room);
      T* panel = room + padded * steps;
      const Block<T> block{{a.at + p * a.column, a.row, a.column},
                           {y.at + j * y.column, y.row, y.column},
                           room,
                           steps,
                           columns,
                           p == 0,
                           panel,
                           panel + tile_rows * steps};
      std::int64_t i = 0;
      for (; i + tile_rows <= m; i += tile_rows) add_rows<T, tile_rows>(block, i, tile_rows);
      const int left = static_cast<int>(m - i);
      if (left > tile_rows / 2) {
        add_rows<T, tile_rows>(block, i, left);
      } else if (left > 1) {
        add_rows<T, tile_rows / 2>(block, i, left);
      } else if (left == 1) {
        add_rows<T, 1>(block, i, left);
      }
    }
}

template <class T>
void multiply(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> y, std::int64_t m, std::int64_t k,
              std::int64_t n, T* room) {
  if (m * n * k <= 256 || k == 0) return multiply_small(a, b, y, m, k, n);
  if (n < m && n < Vec<T>::width) {  // y' = b' a' has long rows
    const MatrixView<const T> first = a;
    a = {b.at, b.column, b.row};
    b = {first.at, first.column, first.row};
    y = {y.at, y.column, y.row};
    const std::int64_t rows = m;
    m = n;
    n = rows;
  }
  multiply_panels<T>(a, {copy_panels<T>, &b}, y, m, k, n, room);
}

}  // namespace

extern const ProductKernels products = {{multiply<float>, multiply_panels<float>},
                                        {multiply<double>, multiply_panels<double>}};

}  // namespace lumigrad::LUMIGRAD_LEVEL
