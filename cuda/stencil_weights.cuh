// SPDX-License-Identifier: Apache-2.0
// What correlates with a result becomes the weights: the product of a result with the transposed matrix of windows.
#pragma once
#include <lumigrad/cuda/stencil.cuh>

namespace lumigrad::cuda {

/// sums[chunk, g rows + m, k] = sum over a chunk of columns j of y[g rows + m, j] windows[k, j]. A thousand columns are
/// added up in T, thousands in double.
template <class T, class Tile>
struct WindowCorrelation {
  static constexpr int listed = 256, together = 1024;  // columns whose places are known; that are summed in T

  Products p;
  const T *source, *y;
  const Step* steps;
  double* sums;
  int chunks;

  static std::size_t shared_bytes() { return Tile::template bytes<T>() + room_of<Column>(listed); }
  static LUMIGRAD_HD std::int64_t tiles(const Products& p) {
    return static_cast<std::int64_t>((p.rows + Tile::M - 1) / Tile::M) * ((p.depth() + Tile::N - 1) / Tile::N) *
           p.groups;
  }

  template <class B>
  LUMIGRAD_INLINE void operator()(const B& block) const {
    Room room(block.template shared<unsigned char>());
    T* const a = room.take<T>(Tile::K * Tile::pitch_a);
    T* const b = room.take<T>(Tile::K * Tile::pitch_b);
    Column* const columns = room.take<Column>(listed);
    const int down_parts = (p.rows + Tile::M - 1) / Tile::M, depth = p.depth(),
              across_parts = (depth + Tile::N - 1) / Tile::N;
    const int first = static_cast<int>(block.index() % down_parts) * Tile::M;
    const int left = static_cast<int>(block.index() / down_parts % across_parts) * Tile::N;
    const int group = static_cast<int>(block.index() / down_parts / across_parts % p.groups);
    const std::int64_t chunk = block.index() / down_parts / across_parts / p.groups;
    const std::int64_t blocks = (p.columns() + together - 1) / together;
    const std::int64_t begin = chunk * blocks / chunks * together, end = (chunk + 1) * blocks / chunks * together;
    const T* const from = source + static_cast<std::int64_t>(group) * p.channels * p.source_plane();
    const T* const up = y + static_cast<std::int64_t>(group) * p.rows * p.target_plane();

    double totals[Tile::shares][Tile::R][Tile::R] = {};
    for (std::int64_t j0 = begin; j0 < end; j0 += together) {
      T part[Tile::shares][Tile::R][Tile::R] = {};
      for (int l0 = 0; l0 < together; l0 += listed) {
        block.sync();
        for (int j = block.thread(); j < listed; j += block.threads()) columns[j] = column_at(p, j0 + l0 + j);
        block.sync();
        for (int k0 = 0; k0 < listed; k0 += Tile::K) {
          T next_a[Tile::of_a], next_b[Tile::of_b];
          LUMIGRAD_UNROLL
          for (int i = 0; i < Tile::of_a; ++i) {
            const int e = block.thread() + i * block.threads(), m = first + e / Tile::K;
            const std::int64_t at = columns[k0 + e % Tile::K].target;
            next_a[i] = at >= 0 && m < p.rows ? up[at + m * p.target_plane()] : T(0);
          }
          LUMIGRAD_UNROLL
          for (int i = 0; i < Tile::of_b; ++i) {
            const int e = block.thread() + i * block.threads(), k = left + e / Tile::K;
            next_b[i] = k < depth ? window_at(p, from, columns[k0 + e % Tile::K], steps[k]) : T(0);
          }
          block.sync();
          Tile::put_a(block, next_a, a);
          LUMIGRAD_UNROLL
          for (int i = 0; i < Tile::of_b; ++i) {
            const int e = block.thread() + i * block.threads();
            b[e % Tile::K * Tile::pitch_b + e / Tile::K] = next_b[i];
          }
          block.sync();
          Tile::multiply(block, a, b, part);
        }
      }
      LUMIGRAD_UNROLL
      for (int share = 0; share < Tile::shares; ++share) LUMIGRAD_UNROLL
      for (int r = 0; r < Tile::R; ++r) LUMIGRAD_UNROLL
      for (int s = 0; s < Tile::R; ++s) totals[share][r][s] += static_cast<double>(part[share][r][s]);
    }

    double* const to = sums + (chunk * p.groups + group) * p.rows * depth;
    LUMIGRAD_UNROLL
    for (int share = 0; share < Tile::shares; ++share) {
      const int item = block.thread() + share * block.threads(), down = item / (Tile::N / Tile::R),
                across = item % (Tile::N / Tile::R);
      LUMIGRAD_UNROLL
      for (int r = 0; r < Tile::R; ++r) LUMIGRAD_UNROLL
      for (int s = 0; s < Tile::R; ++s) {
        const int m = first + Tile::place(down, r, Tile::M), k = left + Tile::place(across, s, Tile::N);
        if (m < p.rows && k < depth) to[static_cast<std::int64_t>(m) * depth + k] = totals[share][r][s];
      }
    }
  }
};

// ---- windows as columns, and back -----------------------------------------------------------------------------------

/// columns[n, (channel, tap), place] of an image, all channels one group.
template <class T>
struct WindowColumns {
  Products p;
  const T* source;
  const Step* steps;
  T* columns;

  template <class Index>
  LUMIGRAD_INLINE void operator()(Index i) const {
    const auto results = static_cast<Index>(p.results()), depth = static_cast<Index>(p.depth()), row = i / results;
    columns[i] = window_at(p, source, column_at(p, row / depth * results + i % results), steps[row % depth]);
  }
};

/// One axis of an image into which windows are added up.
struct Overlap {
  int in = 1, taps = 1, out = 1, stride = 1, before = 0, dilation = 1;
  /// Calls visit(tap, result) for every window that covers place q.
  template <class Visit>
  LUMIGRAD_INLINE void each(int q, const Visit& visit) const {
    for (int k = 0; k < taps; ++k) {
      const int at = q + before - dilation * k;
      if (at >= 0 && at % stride == 0 && at / stride < out) visit(k, at / stride);
    }
  }
};

template <class T>
struct Overlay {
  Overlap axis[3];
  const T* columns;
  T* image;

  template <class Index>
  LUMIGRAD_INLINE void operator()(Index i) const {
    const Overlap &deep = axis[0], &down = axis[1], &across = axis[2];
    const std::int64_t results = static_cast<std::int64_t>(deep.out) * down.out * across.out;
    const int x = static_cast<int>(i % across.in), y = static_cast<int>(i / across.in % down.in),
              z = static_cast<int>(i / across.in / down.in % deep.in);
    const std::int64_t plane = i / across.in / down.in / deep.in;
    const T* const from = columns + plane * deep.taps * down.taps * across.taps * results;
    T sum = 0;
    deep.each(z, [&](int s, int a) {
      down.each(y, [&](int r, int b) {
        across.each(x, [&](int j, int c) {
          sum += from[(static_cast<std::int64_t>(s * down.taps + r) * across.taps + j) * results +
                      (static_cast<std::int64_t>(a) * down.out + b) * across.out + c];
        });
      });
    });
    image[i] = sum;
  }
};

}  // namespace lumigrad::cuda
