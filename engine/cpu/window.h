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
inline constexpr int window_reach = 30;   ///< the furthest first tap of a pair in it
#elif LUMIGRAD_VECTOR_BYTES == 32
inline constexpr int window_floats = 9;
inline constexpr int window_reach = 7;
#else
inline constexpr int window_floats = 0;  // no permutation by a variable: nothing to gain
inline constexpr int window_reach = -1;
#endif
/// How many rows before they are needed rows are asked for. Short stretches of rows lie far apart in memory, where the
/// processor does not look ahead by itself.
inline constexpr int rows_ahead = 4;
inline constexpr int window_rows = 3;  ///< how many rows further down than another lane's a lane's first row may be

/// a[i] = p[column[i]] and b[i] = p[column[i] + 1], for columns in [0, window_reach].
LUMIGRAD_SIMD void pairs_in_window(const float* p, native::FBits column, native::F& a, native::F& b) {
#if LUMIGRAD_VECTOR_BYTES == 64
  const __m512 low = _mm512_loadu_ps(p), high = _mm512_loadu_ps(p + 16);
  a = native::F(_mm512_permutex2var_ps(low, __m512i(column), high));
  b = native::F(_mm512_permutex2var_ps(low, __m512i(column + 1), high));
#elif LUMIGRAD_VECTOR_BYTES == 32
  a = native::F(_mm256_permutevar8x32_ps(_mm256_loadu_ps(p), __m256i(column)));
  b = native::F(_mm256_permutevar8x32_ps(_mm256_loadu_ps(p + 1), __m256i(column)));
#else
  a = b = p[0] + native::F(column);  // never called
#endif
}

/// The stretch of an image in which a vector of 2 x 2 cells lies.
struct Window {
  native::FBits column, row;  // of each lane's first tap, from the corner
  std::ptrdiff_t x, y;        // the corner
  int rows;                   // the greatest row
  bool holds;                 // every cell lies in it

  /// `left` and `top`: the first taps of the lanes, all of them in the image with both neighbours. `image`, of `width`
  /// pixels a row: where they count from, `origin` pixels behind the start of a row. `slant`: rows to look ahead at
  /// least, so that a loop over them has the same length for the next vector, but not past the row `bottom`. `reach`:
  /// the furthest first tap that may be asked for, less where more than two taps follow one another.
  LUMIGRAD_SIMD Window(native::FBits left, native::FBits top, const float* image, std::ptrdiff_t origin,
                       std::ptrdiff_t width, int slant, int bottom, int reach = window_reach) {
    constexpr int last = vector_bytes / 4 - 1;
    // Along a line the map is monotonic, so that the ends bound the rest; rounding and foreign grids are checked below.
    const int x0 = left[0] < left[last] ? left[0] : left[last];
    const int y0 = top[0] < top[last] ? top[0] : top[last], y1 = top[0] < top[last] ? top[last] : top[0];
    const int ahead_rows = slant < bottom - y0 ? slant : bottom - y0;
    y = y0, rows = y1 - y0 > ahead_rows ? y1 - y0 : ahead_rows;
    x = x0;
    if constexpr (vector_bytes == 64) {  // a load within a cache line costs half of one that crosses two
      const int x1 = left[0] + left[last] - x0;
      const std::ptrdiff_t ahead = reinterpret_cast<std::uintptr_t>(image + x0) / 4 % 16;
      if (x0 - ahead + origin >= 0 && x1 - x0 + ahead <= reach) x = x0 - ahead;
    }
    const std::ptrdiff_t furthest = width - window_floats - origin;  // a window may not read behind the row
    if (x > furthest) x = furthest;
    column = left - static_cast<int>(x);
    row = top - y0;
    // As unsigned numbers, so that less than zero is too much as well.
    using U = Register<float>::Unsigned;
    const auto out = (U(column) > static_cast<unsigned>(reach)) | (U(row) > static_cast<unsigned>(rows));
    holds =
        window_floats > 0 && rows <= window_rows && width >= window_floats && native::signs(native::FBits(out)) == 0;
  }

  /// The 2 x 2 taps of every lane. `p`: the corner.
  LUMIGRAD_SIMD void fetch(const float* p, std::ptrdiff_t row_stride, native::F (&tap)[2][2]) const {
    pairs_in_window(p, column, tap[0][0], tap[0][1]);
    pairs_in_window(p + row_stride, column, tap[1][0], tap[1][1]);
    native::F above[2] = {tap[1][0], tap[1][1]};
    for (int r = 1; r <= rows; ++r) {
      native::F below[2];
      pairs_in_window(p + (r + 1) * row_stride, column, below[0], below[1]);
      const auto here = row >= r;
      for (int k = 0; k < 2; ++k) {
        tap[0][k] = here ? above[k] : tap[0][k];
        tap[1][k] = here ? below[k] : tap[1][k];
        above[k] = below[k];
      }
    }
  }
};

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
