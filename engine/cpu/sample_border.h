// SPDX-License-Identifier: Apache-2.0
// The taps of a vector of output pixels that reads across the border of the image. Included by sample_readers.h.
//
// Each tap has an index of its own, clamped or mirrored into the image, and a mask that says whether it counts. Most
// often the taps still lie close together, and are permuted out of the rows of a window; else they are read one by one.
#pragma once
#include <lumigrad/engine/cpu/sample_cell.h>
#include <lumigrad/engine/cpu/window.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

/// Whether cells may be read from windows.
template <class T, int K>
inline constexpr bool by_windows = sizeof(T) == 4 && K == 2 && window_floats > 0;

/// The taps of a vector that is not wholly inside, by the rule of the border. Where there is no pixel, `column` or
/// `row` is some pixel's, if there is one at all, and the mask is false.
template <class T, int K>
struct LaneTaps {
  using Integer = typename Int<T>::Integer;
  alignas(64) Integer column[K][lanes<T>];
  alignas(64) Integer row[K][lanes<T>];
  Mask<T> in_column[K], in_row[K];
  bool compact = false;  // all of them lie in a window
  int x, y, rows;        // its corner, and the last row from there
};

/// One axis: `at` counts from the image's first pixel, of `count`.
template <class T>
LUMIGRAD_SIMD void tap_at_border(const Int<T>& at, const Mask<T>& valid, int count, Border border,
                                 typename Int<T>::Integer* to, Mask<T>& in) {
  using I = Int<T>;
  using Integer = typename I::Integer;
  const I first(0), last(static_cast<Integer>(count - 1));
  in = valid;
  if (border == Border::zeros || border == Border::border) {
    if (border == Border::zeros) in = valid & !((at < first) | (at > last));
    select(valid, select(at < first, first, select(at > last, last, at)), first).store(to);
  } else {
    select(in, at, first).store(to);
    for (int i = 0; i < lanes<T>; ++i)
      to[i] = static_cast<Integer>(index_at_border<std::int64_t>(to[i], count, border));
  }
}

/// Whether the taps lie in a window. Its corner is where those of the first or of the last lane are.
LUMIGRAD_SIMD void find_window(int width, LaneTaps<float, 2>& taps) {
  using I = native::FBits;
  constexpr int end = lanes<float> - 1;
  const auto &column = taps.column, &row = taps.row;
  const int x = column[0][0] < column[0][end] ? column[0][0] : column[0][end];
  taps.x = x < width - window_floats ? x : width - window_floats;
  taps.y = row[0][0] < row[0][end] ? row[0][0] : row[0][end];
  taps.rows = (row[1][0] < row[1][end] ? row[1][end] : row[1][0]) - taps.y;
  I out{};
  for (int k = 0; k < 2; ++k) {
    const I dx = Int<float>::load(column[k]).raw[0] - taps.x, dy = Int<float>::load(row[k]).raw[0] - taps.y;
    out = out | dx | (window_floats - 1 - dx) | dy | (taps.rows - dy);
  }
  taps.compact = width >= window_floats && taps.rows <= window_rows + 1 && native::signs(out) == 0;
}

template <class T, int K>
[[gnu::noinline]] void find_taps_from(const SampleTask<T>& task, ptrdiff_t base_x, ptrdiff_t base_y,
                                      const Cell<T, K>& c, LaneTaps<T, K>& taps) {
  using I = Int<T>;
  using Integer = typename I::Integer;
  for (int k = 0; k < K; ++k) {
    const I x = c.ix + I(static_cast<Integer>(base_x + k)), y = c.iy + I(static_cast<Integer>(base_y + k));
    tap_at_border<T>(x, c.valid, task.width, task.border, taps.column[k], taps.in_column[k]);
    tap_at_border<T>(y, c.valid, task.height, task.border, taps.row[k], taps.in_row[k]);
  }
  if constexpr (by_windows<T, K> && vector_bytes == 64) find_window(task.width, taps);
}
template <class T, int K>
LUMIGRAD_SIMD void find_taps(const SampleTask<T>& task, const Tile<T>& t, const Cell<T, K>& c, LaneTaps<T, K>& taps) {
  const Cell<T, K> copy = c;
  find_taps_from(task, t.base_x, t.base_y, copy, taps);
}

template <class T, int K>
[[gnu::noinline]] void fetch_found(const T* plane, ptrdiff_t row_stride, const LaneTaps<T, K>& taps, T outside,
                                   Vec<T> (&values)[K][K]) {
#if LUMIGRAD_VECTOR_BYTES == 64
  if constexpr (by_windows<T, K>) {
    if (taps.compact) {
      native::F tap[2][2] = {};
      const float* p = plane + taps.y * row_stride + taps.x;
      for (int r = 0; r <= taps.rows; ++r, p += row_stride) {
        for (int k = 0; k < 2; ++k) {
          const native::F here = row_in_window(p, Int<float>::load(taps.column[k]).raw[0] - taps.x);
          for (int j = 0; j < 2; ++j) {
            tap[j][k] = Int<float>::load(taps.row[j]).raw[0] == taps.y + r ? here : tap[j][k];
          }
        }
      }
      for (int j = 0; j < 2; ++j) {
        for (int k = 0; k < 2; ++k) {
          const auto in = (taps.in_row[j] & taps.in_column[k]).raw[0];
          values[j][k].raw[0] = in ? tap[j][k] : outside - native::F{};
        }
      }
      return;
    }
  }
#endif
  for (int j = 0; j < K; ++j) {
    alignas(64) T value[K][lanes<T>];
    for (int i = 0; i < lanes<T>; ++i) {
      const T* row = plane + taps.row[j][i] * row_stride;
      for (int k = 0; k < K; ++k) value[k][i] = row[taps.column[k][i]];
    }
    for (int k = 0; k < K; ++k) {
      values[j][k] = select(taps.in_row[j] & taps.in_column[k], Vec<T>::load(value[k]), Vec<T>(outside));
    }
  }
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
