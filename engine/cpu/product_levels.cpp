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

// Four numbers of four rows, from column p on, as columns `row` apart.
template <class T>
LUMIGRAD_SIMD void turn_square(const T* const* from, std::int64_t p, T* to, std::int64_t row) {
  typedef T Four __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
  const auto read = [&](int r) __attribute__((always_inline)) { return *reinterpret_cast<const Four*>(from[r] + p); };
  const auto write = [&](int c, Four v) __attribute__((always_inline)) { *reinterpret_cast<Four*>(to + c * row) = v; };
  const Four a = read(0), b = read(1), c = read(2), d = read(3);
  const Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four ef = __builtin_shufflevector(a, b, 2, 6, 3, 7), gh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  write(0, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
  write(1, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
  write(2, __builtin_shufflevector(ef, gh, 0, 1, 4, 5));
  write(3, __builtin_shufflevector(ef, gh, 2, 3, 6, 7));
}

// The same of eight rows; r + 4 lies beside r in a register, so that no shuffle crosses its middle.
template <class T>
LUMIGRAD_SIMD void turn_eight(const T* const* from, std::int64_t p, T* to, std::int64_t row) {
  typedef T Four __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
  typedef T Eight __attribute__((vector_size(8 * sizeof(T)), aligned(sizeof(T)), may_alias));
  const auto read = [&](int r) __attribute__((always_inline)) {
    return __builtin_shufflevector(*reinterpret_cast<const Four*>(from[r] + p),
                                   *reinterpret_cast<const Four*>(from[r + 4] + p), 0, 1, 2, 3, 4, 5, 6, 7);
  };
  const auto write = [&](int c, Eight v) __attribute__((always_inline)) {
    *reinterpret_cast<Eight*>(to + c * row) = v;
  };
  const Eight a = read(0), b = read(1), c = read(2), d = read(3);
  const Eight ab = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13),
              cd = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13),
              ef = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15),
              gh = __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
  write(0, __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13));
  write(1, __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15));
  write(2, __builtin_shufflevector(ef, gh, 0, 1, 8, 9, 4, 5, 12, 13));
  write(3, __builtin_shufflevector(ef, gh, 2, 3, 10, 11, 6, 7, 14, 15));
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
  std::int64_t p = 0;
  if (block.a.row == 1 && rows == R)
    for (; p < block.steps; ++p) __builtin_memcpy(block.panel + p * R, from[0] + p * block.a.column, R * sizeof(T));
  if constexpr (R % 4 == 0)
    if (block.a.column == 1)
      for (; p + 4 <= block.steps; p += 4)
#pragma GCC unroll 3
        for (int r = 0; r < R; r += 4) turn_square(&from[r], p, block.panel + p * R + r, R);
  for (; p < block.steps; ++p)
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
      const int whole = b.row == 1 ? some / 4 * 4 : 0;  // columns that lie in memory as rows do, turned by fours
      const std::int64_t square = whole > 0 ? steps / 4 * 4 : 0;
      for (int c = 0; c < whole; c += 4) {
        const T* rows[4];
        for (int r = 0; r < 4; ++r) rows[r] = from + (c + r) * b.column;
        for (std::int64_t p = 0; p < square; p += 4) {
          turn_square(rows, p, to + p * C + c, C);
        }
      }
      for (int c = 0; c < C; ++c)
        for (std::int64_t p = c < whole ? square : 0; p < steps; ++p)
          to[p * C + c] = c < some ? from[p * b.row + c * b.column] : T(0);
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

// K registers of a row of y, with `steps` more members of their chains.
template <class T, int K>
LUMIGRAD_SIMD Vec<T, K> longer_chains(const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, int steps,
                                      const T* y, bool first) {
  Vec<T, K> sum = first ? Vec<T, K>(0) : Vec<T, K>::load(y);
  for (int p = 0; p < steps; ++p) sum = fma(Vec<T, K>::splat(a[p * a_step]), Vec<T, K>::load(b + p * b_step), sum);
  return sum;
}

// Few rows by rows of b as they lie, without panels: a block of b is read from memory once and stays in the first-level
// cache for all rows. n is at least a register; the last one overlaps the one before and is written behind it.
template <class T>
void multiply_rows(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> y, std::int64_t m, std::int64_t k,
                   std::int64_t n) {
  constexpr int width = Vec<T>::width, depth = 8;
  constexpr std::int64_t most = 2048 / std::int64_t(sizeof(T));
  for (std::int64_t j = 0; j < n;) {
    const std::int64_t columns = n - j < most + width ? n - j : most;
    for (std::int64_t p = 0; p < k; p += depth) {
      const int steps = k - p < depth ? static_cast<int>(k - p) : depth;
      const T* from = b.at + p * b.row + j;
      for (std::int64_t i = 0; i < m; ++i) {
        const T* by = a.at + i * a.row + p * a.column;
        T* to = y.at + i * y.row + j;
        const auto chains = [&](auto registers, std::int64_t c) __attribute__((always_inline)) {
          return longer_chains<T, registers>(by, a.column, from + c, b.row, steps, to + c, p == 0);
        };
        using One = std::integral_constant<int, 1>;
        using Four = std::integral_constant<int, 4>;
        const bool overlaps = columns % width != 0;
        const Vec<T> last = overlaps ? chains(One(), columns - width) : Vec<T>(0);
        std::int64_t c = 0;
        for (; c + 4 * width <= columns; c += 4 * width) chains(Four(), c).store(to + c);
        for (; c + width <= columns; c += width) chains(One(), c).store(to + c);
        if (overlaps) last.store(to + columns - width);
      }
    }
    j += columns;
  }
}

// One row by columns of b that lie in memory as rows do: turned, a stretch of some columns at a time. (Of too short a
// stretch, what was stored in parts would be loaded whole before it has left for the cache.)
template <class T>
void multiply_row_turned(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> y, std::int64_t k,
                         std::int64_t n) {
  constexpr int C = 128 / int(sizeof(T)), line = 64 / int(sizeof(T)), depth = 4 * line, width = Vec<T>::width;
  T block[depth * C] = {};
  for (std::int64_t j = 0; j < n; j += C) {
    const int some = n - j < C ? static_cast<int>(n - j) : C;
    T sums[C] = {};
    for (std::int64_t p = 0; p < k; p += depth) {
      const int steps = k - p < depth ? static_cast<int>(k - p) : depth;
      for (int c = 0; c < some; c += 8) {
        const T* rows[8];
        for (int r = 0; r < 8; ++r) rows[r] = b.at + (j + (c + r < some ? c + r : 0)) * b.column + p;
        int q = 0;
        for (; q + line <= steps; q += line) {
          for (int r = 0; r < 8; ++r) __builtin_prefetch(rows[r] + q + depth);  // more rows than a processor foresees
#pragma GCC unroll 4
          for (int i = 0; i < line; i += 4) turn_eight(rows, q + i, block + (q + i) * C + c, C);
        }
        for (; q < steps; ++q)
          for (int r = 0; r < 8; ++r) block[q * C + c + r] = rows[r][q];
      }
      for (int c = 0; c < some; c += 2 * width)
        longer_chains<T, 2>(a.at + p * a.column, a.column, block + c, C, steps, sums + c, false).store(sums + c);
    }
    for (int c = 0; c < some; ++c) y.at[(j + c) * y.column] = sums[c];
  }
}

template <class T>
LUMIGRAD_SIMD std::int64_t whole_panels(std::int64_t columns) {
  return (columns + tile_columns<T> - 1) / tile_columns<T> * tile_columns<T>;
}

template <class T>
void write_panels(PanelSource<T> b, std::int64_t p, std::int64_t k, std::int64_t n, T* ready) {
  const std::int64_t steps = k - p < product_depth ? k - p : product_depth;
  b.fill(b.matrix, p, steps, 0, n, tile_columns<T>, ready + whole_panels<T>(n) * p);
}

template <class T>
void multiply_panels(MatrixView<const T> a, PanelSource<T> b, MatrixView<T> y, std::int64_t m, std::int64_t k,
                     std::int64_t n, T* room) {
  for (std::int64_t j = 0; j < n; j += product_columns<T>)
    for (std::int64_t p = 0; p < k; p += product_depth) {
      const std::int64_t columns = n - j < product_columns<T> ? n - j : product_columns<T>;
      const std::int64_t steps = k - p < product_depth ? k - p : product_depth;
      const std::int64_t padded = whole_panels<T>(columns);
      if (!b.ready) b.fill(b.matrix, p, steps, j, columns, tile_columns<T>, room);
      T* panel = room + padded * steps;
      const Block<T> block{{a.at + p * a.column, a.row, a.column},
                           {y.at + j * y.column, y.row, y.column},
                           b.ready ? b.ready + padded * p : room,
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
  const bool few = m <= 8 || k * n <= 512;
  if (few && b.column == 1 && y.column == 1 && n >= Vec<T>::width) return multiply_rows(a, b, y, m, k, n);
  if (m == 1 && b.row == 1 && n >= 16) return multiply_row_turned(a, b, y, k, n);
  multiply_panels<T>(a, {copy_panels<T>, &b}, y, m, k, n, room);
}

}  // namespace

extern const ProductKernels products = {{multiply<float>, multiply_panels<float>, write_panels<float>},
                                        {multiply<double>, multiply_panels<double>, write_panels<double>}};

}  // namespace lumigrad::LUMIGRAD_LEVEL
