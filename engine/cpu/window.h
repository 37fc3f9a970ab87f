// SPDX-License-Identifier: Apache-2.0
// Reading the taps of many pixels with few loads. For level sources only.
//
// A map that turns and scales little sends a vector of adjacent output pixels to positions that lie close together: a
// few image rows, and hardly more columns than there are lanes. One such stretch of a row fits into a register or two,
// and a permutation hands every lane its taps. That replaces a load for each lane by a load for each row. Where the
// positions spread further the readers of sample_cell.h take over; both read the same numbers.
#pragma once
#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

#if LUMIGRAD_VECTOR_BYTES == 64
inline constexpr int window_floats = 32;  ///< how many floats of a row one window reads
#elif LUMIGRAD_VECTOR_BYTES == 32
inline constexpr int window_floats = 9;
#else
inline constexpr int window_floats = 0;  // no permutation by a variable: nothing to gain
#endif
/// How many rows before they are needed rows are asked for. Short stretches of rows lie far apart in memory, where the
/// processor does not look ahead by itself.
inline constexpr int rows_ahead = 4;
inline constexpr int window_rows = 3;  ///< how many rows further down than another lane's a lane's first row may be

/// a[i] = p[column[i]] and b[i] = p[column[i] + 1], for columns in [0, window_floats - 2].
LUMIGRAD_SIMD void pairs_in_window(const float* p, native::FBits column, native::F& a, native::F& b) {
#if LUMIGRAD_VECTOR_BYTES == 64
  __m512 low = _mm512_loadu_ps(p), high = _mm512_loadu_ps(p + 16);
  // Else each of the two permutations would load the table anew, because it overwrites a half of it.
  __asm__("" : "+v"(low), "+v"(high));
  a = native::F(_mm512_permutex2var_ps(low, __m512i(column), high));
  b = native::F(_mm512_permutex2var_ps(low, __m512i(column + 1), high));
#elif LUMIGRAD_VECTOR_BYTES == 32
  a = native::F(_mm256_permutevar8x32_ps(_mm256_loadu_ps(p), __m256i(column)));
  b = native::F(_mm256_permutevar8x32_ps(_mm256_loadu_ps(p + 1), __m256i(column)));
#else
  a = b = p[0] + native::F(column);      // never called
#endif
}

#if LUMIGRAD_VECTOR_BYTES == 64
/// p[column[i]], for columns in [0, window_floats - 1].
LUMIGRAD_SIMD native::F row_in_window(const float* p, native::FBits column) {
  return native::F(_mm512_permutex2var_ps(_mm512_loadu_ps(p), __m512i(column), _mm512_loadu_ps(p + 16)));
}
#endif

/// What windows of one image have in common.
struct WindowFrame {
  int first, furthest;  // columns: a window reads neither before a row nor behind it
  int slant;            // rows to look ahead at least, so that a loop over them has the same length for the next vector
  int bottom;           // the lowest row of a first tap
  int reach;            // the furthest column of a first tap in a window
  int offset;           // from the start of a cache line to column 0
  bool fits;            // rows are as long as windows

  /// `image`, of `width` pixels a row: where columns and rows count from, `origin` pixels behind the start of a row.
  /// `taps`: how many of them follow one another.
  LUMIGRAD_SIMD WindowFrame(const float* image, std::ptrdiff_t origin, std::ptrdiff_t width, int ahead_rows,
                            int last_row, int taps = 2)
      : first(static_cast<int>(-origin)),
        furthest(static_cast<int>(width - window_floats - origin)),
        slant(ahead_rows),
        bottom(last_row),
        reach(window_floats - taps),
        offset(static_cast<int>(reinterpret_cast<std::uintptr_t>(image) / 4 % 16)),
        fits(width >= window_floats) {}
};

/// The corner of a window and its greatest row from there: numbers, or vectors of the numbers of as many windows.
template <class I>
struct WindowPlace {
  I x, y, rows;

  LUMIGRAD_SIMD WindowPlace() {}
  LUMIGRAD_SIMD WindowPlace(I column, I row, I last_row) : x(column), y(row), rows(last_row) {}
  /// By the first taps of a vector's first and last lane. Along a line the map is monotonic, so that they bound the
  /// rest; rounding and foreign grids are checked by Window.
  LUMIGRAD_SIMD WindowPlace(I x0, I x1, I y0, I y1, const WindowFrame& f) : x(x0 < x1 ? x0 : x1), y(y0 < y1 ? y0 : y1) {
    const I drop = (y0 - y) + (y1 - y), ahead_rows = f.bottom - y < f.slant ? f.bottom - y : I{} + f.slant;
    rows = drop > ahead_rows ? drop : ahead_rows;
    if constexpr (vector_bytes == 64) {  // a load within a cache line costs half of one that crosses two
      const I span = (x0 - x) + (x1 - x), ahead = (x + f.offset) & 15;
      const auto possible = (x - ahead >= f.first) & (span + ahead <= f.reach);
      x = possible ? x - ahead : x;
    }
    x = x < f.furthest ? x : I{} + f.furthest;
  }
};

/// Places of N windows, found together.
template <int N>
class WindowPlaces {
 public:
  /// The first taps of a vector of cells.
  LUMIGRAD_SIMD void set_cells(int i, native::FBits left, native::FBits top) {
    x0_[i] = left[0], x1_[i] = left[vector_bytes / 4 - 1], y0_[i] = top[0], y1_[i] = top[vector_bytes / 4 - 1];
  }
  LUMIGRAD_SIMD void place(const WindowFrame& f) {
    using I = Int<float>;
    for (int i = 0; i < N; i += vector_bytes / 4) {
      const auto at = [&](const int* p) __attribute__((always_inline)) { return I::load(p + i).raw[0]; };
      const WindowPlace<native::FBits> found(at(x0_), at(x1_), at(y0_), at(y1_), f);
      __builtin_memcpy(x_ + i, &found.x, sizeof found.x);
      __builtin_memcpy(y_ + i, &found.y, sizeof found.y);
      __builtin_memcpy(rows_ + i, &found.rows, sizeof found.rows);
    }
  }
  LUMIGRAD_SIMD WindowPlace<int> at(int i) const { return {x_[i], y_[i], rows_[i]}; }

 private:
  alignas(64) int x0_[N] = {}, x1_[N] = {}, y0_[N] = {}, y1_[N] = {}, x_[N], y_[N], rows_[N];
};

/// The stretch of an image in which a vector of 2 x 2 cells lies.
struct Window {
  native::FBits column, row;  // of each lane's first tap, from the corner
  int x, y;                   // the corner
  int rows;                   // the greatest row
  bool holds;                 // every cell lies in it

  /// `left` and `top`: the first taps of the lanes, all of them in the image with both neighbours.
  LUMIGRAD_SIMD Window(native::FBits left, native::FBits top, const WindowPlace<int>& place, const WindowFrame& f)
      : column(left - place.x), row(top - place.y), x(place.x), y(place.y), rows(place.rows) {
    const auto out = column | (f.reach - column) | row | (rows - row);  // by the signs
    holds = window_floats > 0 && f.fits && rows <= window_rows && native::signs(out) == 0;
  }
  LUMIGRAD_SIMD Window(native::FBits left, native::FBits top, const WindowFrame& f)
      : Window(left, top, {left[0], left[vector_bytes / 4 - 1], top[0], top[vector_bytes / 4 - 1], f}, f) {}

  /// The 2 x 2 taps of every lane. `p`: the corner.
  LUMIGRAD_SIMD void fetch(const float* p, std::ptrdiff_t row_stride, native::F (&tap)[2][2]) const {
    pairs_in_window(p, column, tap[0][0], tap[0][1]);
    pairs_in_window(p + row_stride, column, tap[1][0], tap[1][1]);
    native::F above[2] = {tap[1][0], tap[1][1]};
    const auto step = [&](int r) __attribute__((always_inline)) {
      native::F below[2];
      pairs_in_window(p + (r + 1) * row_stride, column, below[0], below[1]);
      const auto here = row >= r;
      for (int k = 0; k < 2; ++k) {
        tap[0][k] = here ? above[k] : tap[0][k];
        tap[1][k] = here ? below[k] : tap[1][k];
        above[k] = below[k];
      }
    };
    static_assert(window_rows == 3);  // written out, so that rows are compared once for all channels
    if (rows < 1) return;
    step(1);
    if (rows < 2) return;
    step(2);
    if (rows < 3) return;
    step(3);
  }
};

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
