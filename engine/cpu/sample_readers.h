// SPDX-License-Identifier: Apache-2.0
// How the taps of a vector of output pixels are fetched: from a window, by pairs of neighbours, or by the rule of the
// border. Included by sample.cpp at each instruction level.
#pragma once
#include <lumigrad/engine/cpu/sample_border.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

/// Taps of one channel for cells that lie in one window.
struct WindowReader {
  const Window& window;
  const float* corner;
  ptrdiff_t channel_stride, row_stride, soon;

  LUMIGRAD_SIMD WindowReader(const SampleTask<float>& k, const Tile<float>& t, const Window& w)
      : window(w),
        corner(k.image + (t.base_y + w.y) * k.row_stride + t.base_x + w.x),
        channel_stride(k.channel_stride),
        row_stride(k.row_stride),
        soon((w.rows + rows_ahead) * k.row_stride) {}
  LUMIGRAD_SIMD void fetch(int channel, Vec<float> (&tap)[2][2]) const {
    native::F raw[2][2];
    const float* from = corner + channel * channel_stride;
    window.fetch(from, row_stride, raw);
    __builtin_prefetch(from + soon);
    __builtin_prefetch(from + soon + 16);
    for (int j = 0; j < 2; ++j) {
      for (int k = 0; k < 2; ++k) tap[j][k].raw[0] = raw[j][k];
    }
  }
};

/// The same for cells that lie in the image, wherever.
template <class T, int K>
struct InsideReader {
  const SampleTask<T>& task;
  ptrdiff_t origin;
  alignas(64) typename Int<T>::Integer offset[lanes<T>];

  LUMIGRAD_SIMD InsideReader(const SampleTask<T>& k, const Tile<T>& t, const Cell<T, K>& c) : task(k) {
    using I = Int<T>;
    origin = t.base_y * task.row_stride + t.base_x;
    (c.iy * I(static_cast<typename I::Integer>(task.row_stride)) + c.ix).store(offset);
  }
  LUMIGRAD_SIMD void fetch(int channel, Vec<T> (&tap)[K][K]) const {
    for (int j = 0; j < K; ++j) {
      const ptrdiff_t from = channel * task.channel_stride + origin + j * task.row_stride;
      fetch_row<T, K>(task.image + from, offset, tap[j]);
    }
  }
};

/// The same anywhere, by the rule of the border.
template <class T, int K>
struct BorderReader {
  const SampleTask<T>& task;
  LaneTaps<T, K> found;

  LUMIGRAD_SIMD BorderReader(const SampleTask<T>& k, const Tile<T>& t, const Cell<T, K>& c) : task(k) {
    find_taps(task, t, c, found);
  }
  LUMIGRAD_SIMD void fetch(int channel, Vec<T> (&tap)[K][K]) const {
    const T outside = task.fill ? task.fill[channel] : T(0);
    fetch_found<T, K>(task.image + channel * task.channel_stride, task.row_stride, found, outside, tap);
  }
};

LUMIGRAD_SIMD WindowFrame frame_of(const SampleTask<float>& task, const Tile<float>& t) {
  const float* image = task.image ? task.image + t.base_x : nullptr;
  return {image, t.base_x, task.width, t.slant, static_cast<int>(task.height - 2 - t.base_y)};
}

/// A vector of output pixels, from (dx, dy) of a tile on, and where it reads.
template <class T, int K>
struct Spot {
  int dx, dy, count;
  const Cell<T, K>& cell;
  WindowPlace<int> place;  // where cells of this kind may be read from windows
};

/// Calls body with the reader that a spot needs.
template <class T, int K, class Body>
LUMIGRAD_SIMD void with_reader(const SampleTask<T>& task, const Tile<T>& t, const Spot<T, K>& spot, Body body) {
  const Cell<T, K>& c = spot.cell;
  if (!c.inside) return body(BorderReader<T, K>(task, t, c));
  if constexpr (by_windows<T, K>) {
    const Window window(c.ix.raw[0], c.iy.raw[0], spot.place, frame_of(task, t));
    if (window.holds) return body(WindowReader(task, t, window));
  }
  body(InsideReader<T, K>(task, t, c));
}

/// Calls body(dx, dy, count, cell) for each vector of output pixels in rows top ... bottom - 1 of a tile, row by row.
template <class W, class T, class Body>
LUMIGRAD_SIMD void each_vector(const SampleTask<T>& task, const Tile<T>& t, int top, int bottom, Body body) {
  for (int dy = top; dy < bottom; ++dy) {
    for (int dx = 0; dx < t.width; dx += lanes<T>) {
      const int count = t.width - dx < lanes<T> ? t.width - dx : lanes<T>;
      body(dx, dy, count, locate<T, taps_of<W>>(task, t, position(task, t, dx, dy, count)));
    }
  }
}

/// Calls body(spot) for each vector of output pixels of a tile, row by row.
///
/// From a position to the first load is a long way, on which every step waits for the one before. So 32 vectors are
/// located before the first of them is read, and their windows placed in between, as many at once as there are lanes.
template <class W, class T, class Body>
LUMIGRAD_SIMD void each_spot(const SampleTask<T>& task, const Tile<T>& t, Body body) {
  constexpr int K = taps_of<W>;
  using C = Cell<T, K>;
  if constexpr (by_windows<T, K>) {
    constexpr int rows = lanes<T>;  // of 32 pixels each
    C cells[sample_tile];
    WindowPlaces<sample_tile> places;
    for (int top = 0; top < t.height; top += rows) {
      const int bottom = t.height - top < rows ? t.height : top + rows;
      int found = 0, read = 0;
      each_vector<W>(
          task, t, top, bottom, [&](int, int, int, const C& c) __attribute__((always_inline)) {
            places.set_cells(found, c.ix.raw[0], c.iy.raw[0]);
            cells[found++] = c;
          });
      places.place(frame_of(task, t));
      for (int dy = top; dy < bottom; ++dy) {
        for (int dx = 0; dx < t.width; dx += lanes<T>, ++read) {
          body(Spot<T, K>{dx, dy, t.width - dx < lanes<T> ? t.width - dx : lanes<T>, cells[read], places.at(read)});
        }
      }
    }
  } else {
    each_vector<W>(
        task, t, 0, t.height, [&](int dx, int dy, int count, const C& c) __attribute__((always_inline)) {
          body(Spot<T, K>{dx, dy, count, c, {}});
        });
  }
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
