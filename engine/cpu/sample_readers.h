// SPDX-License-Identifier: Apache-2.0
// How the taps of a vector of output pixels are fetched: from a window, by pairs of neighbours, or lane by lane at the
// border. Included by sample.cpp at each instruction level.
#pragma once
#include <lumigrad/engine/cpu/sample_cell.h>
#include <lumigrad/engine/cpu/window.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

/// Taps of one channel for cells that lie in one window.
struct WindowReader {
  const SampleTask<float>& task;
  ptrdiff_t corner;
  const Window& window;

  LUMIGRAD_SIMD WindowReader(const SampleTask<float>& k, const Tile<float>& t, const Window& w)
      : task(k), corner((t.base_y + w.y) * k.row_stride + t.base_x + w.x), window(w) {}
  LUMIGRAD_SIMD void fetch(int channel, Vec<float> (&tap)[2][2]) const {
    native::F raw[2][2];
    const float* from = task.image + channel * task.channel_stride + corner;
    window.fetch(from, task.row_stride, raw);
    const float* soon = from + (window.rows + rows_ahead) * task.row_stride;
    __builtin_prefetch(soon);
    __builtin_prefetch(soon + 16);
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

/// The same anywhere: lanes one by one, by the rule of the border.
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

/// Calls body with the reader that a cell needs.
template <class T, int K, class Body>
LUMIGRAD_SIMD void with_reader(const SampleTask<T>& task, const Tile<T>& t, const Cell<T, K>& c, Body body) {
  if (!c.inside) return body(BorderReader<T, K>(task, t, c));
  if constexpr (sizeof(T) == 4 && K == 2 && window_floats > 0) {
    const auto bottom = static_cast<int>(task.height - K - t.base_y);
    const Window window(c.ix.raw[0], c.iy.raw[0], task.image + t.base_x, t.base_x, task.width, t.slant, bottom);
    if (window.holds) return body(WindowReader(task, t, window));
  }
  body(InsideReader<T, K>(task, t, c));
}

/// Calls body(tile, dx, dy, count, position, cell) for each vector of output pixels of a tile, row by row.
template <class W, class T, class Body>
LUMIGRAD_SIMD void each_vector(const SampleTask<T>& task, const Tile<T>& t, Body body) {
  for (int dy = 0; dy < t.height; ++dy) {
    for (int dx = 0; dx < t.width; dx += lanes<T>) {
      const int count = t.width - dx < lanes<T> ? t.width - dx : lanes<T>;
      const Position<T> p = position(task, t, dx, dy, count);
      body(dx, dy, count, p, locate<T, taps_of<W>>(task, t, p, count));
    }
  }
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
