// SPDX-License-Identifier: Apache-2.0
// Convolutions as products with the matrix of windows, which is never written down.
//
// As on the CPU (families/stencil_call.cpp): the windows of all places are columns of a matrix with one row a channel
// and tap, a stencil is the product of the weights with it, and a transposed stencil with stride s is s interleaved
// products along each axis. A block makes a tile of the product. Its part of the matrix of windows goes straight from
// the image to shared memory, a few rows at a time, while the threads multiply what came before; each thread keeps a
// small tile of sums in registers, so that a number from shared memory serves several multiplications.
//
// What stands in a row and in a column of the matrix is found once: rows (channel and tap) in a table (Step) that a
// first kernel writes, columns (image and place) in shared memory by the block that needs them.
#pragma once
#include <lumigrad/cuda/tiles.h>
#include <lumigrad/engine/device/stencil.h>

namespace lumigrad::cuda {

/// How the windows lie on one axis: result i and tap t meet the source at step i + offset + between t.
struct TapLine {
  int results = 1, taps = 1, step = 1, offset = 0, between = 1;
  int first = 0, apart = 1;    ///< result i stands at first + i apart of the target
  int tap = 0, tap_step = 1;   ///< tap t is weight tap + t tap_step of the axis
  int source = 1, target = 1;  ///< extents
  int weights = 1;             ///< of the axis
};

/// target[n, g rows + m, i] = sum over channels c and taps t of weight(g, m, c, t) source[n, g channels + c, i meets
/// t].
struct Products {
  TapLine axis[3];
  int images = 0, groups = 1, rows = 0, channels = 0;           ///< of a group
  std::int64_t row_step = 0, channel_step = 0, group_step = 0;  ///< in the weights

  LUMIGRAD_HD int taps() const { return axis[0].taps * axis[1].taps * axis[2].taps; }
  LUMIGRAD_HD int depth() const { return channels * taps(); }
  LUMIGRAD_HD std::int64_t results() const {
    return static_cast<std::int64_t>(axis[0].results) * axis[1].results * axis[2].results;
  }
  LUMIGRAD_HD std::int64_t columns() const { return images * results(); }
  LUMIGRAD_HD std::int64_t source_plane() const {
    return static_cast<std::int64_t>(axis[0].source) * axis[1].source * axis[2].source;
  }
  LUMIGRAD_HD std::int64_t target_plane() const {
    return static_cast<std::int64_t>(axis[0].target) * axis[1].target * axis[2].target;
  }
};

/// A row of the matrix of windows: what is added to the place of a column.
struct Step {
  std::int64_t offset;  ///< in the source
  int z, y, x;          ///< the same as coordinates
  int weight;           ///< in the weights
};
struct Steps {
  Products p;
  Step* to;
  LUMIGRAD_INLINE void operator()(std::int64_t i) const {
    const TapLine *deep = &p.axis[0], *down = &p.axis[1], *across = &p.axis[2];
    int rest = static_cast<int>(i);
    const int c = rest % across->taps;
    rest /= across->taps;
    const int b = rest % down->taps;
    rest /= down->taps;
    const int a = rest % deep->taps, channel = rest / deep->taps;
    const int z = deep->between * a, y = down->between * b, x = across->between * c;
    const std::int64_t tap =
        (static_cast<std::int64_t>(deep->tap + a * deep->tap_step) * down->weights + down->tap + b * down->tap_step) *
            across->weights +
        across->tap + c * across->tap_step;
    to[i] = {channel * p.source_plane() + (static_cast<std::int64_t>(z) * down->source + y) * across->source + x, z, y,
             x, static_cast<int>(channel * p.channel_step + tap)};
  }
};

/// A column of the matrix of windows: where it begins in the source, and where its result stands.
struct Column {
  std::int64_t source, target;  ///< of the first channel and row of the first group; target -1: no column
  int z, y, x;
};
LUMIGRAD_INLINE Column column_at(const Products& p, std::int64_t j) {
  if (j >= p.columns()) return {0, -1, 0, 0, 0};
  const TapLine *deep = &p.axis[0], *down = &p.axis[1], *across = &p.axis[2];
  unsigned rest = static_cast<unsigned>(j);  // calls are cut into fewer than 2^31 columns
  const int c = static_cast<int>(rest % static_cast<unsigned>(across->results));
  rest /= static_cast<unsigned>(across->results);
  const int b = static_cast<int>(rest % static_cast<unsigned>(down->results));
  rest /= static_cast<unsigned>(down->results);
  const int a = static_cast<int>(rest % static_cast<unsigned>(deep->results));
  const std::int64_t image = rest / static_cast<unsigned>(deep->results);
  Column column;
  column.z = a * deep->step + deep->offset;
  column.y = b * down->step + down->offset;
  column.x = c * across->step + across->offset;
  column.source = image * p.groups * p.channels * p.source_plane() +
                  (static_cast<std::int64_t>(column.z) * down->source + column.y) * across->source + column.x;
  column.target =
      image * p.groups * p.rows * p.target_plane() +
      (static_cast<std::int64_t>(deep->first + a * deep->apart) * down->target + down->first + b * down->apart) *
          across->target +
      across->first + c * across->apart;
  return column;
}
/// The number in a row and a column of the matrix of windows.
template <class T>
LUMIGRAD_INLINE T window_at(const Products& p, const T* source, const Column& column, const Step& step) {
  const int z = column.z + step.z, y = column.y + step.y, x = column.x + step.x;
  const bool inside = static_cast<unsigned>(z) < static_cast<unsigned>(p.axis[0].source) &&
                      static_cast<unsigned>(y) < static_cast<unsigned>(p.axis[1].source) &&
                      static_cast<unsigned>(x) < static_cast<unsigned>(p.axis[2].source) && column.target >= 0;
  return inside ? source[column.source + step.offset] : T(0);
}

/// Places of a transposed stencil that no window covers: the bias alone.
template <class T>
struct Uncovered {
  const T* bias;
  T* x;
  std::int64_t plane;
  int channels;
  LUMIGRAD_INLINE void operator()(std::int64_t i) const { x[i] = bias ? bias[i / plane % channels] : T(0); }
};

// ---- few rows: a thread a column ------------------------------------------------------------------------------------

/// R rows of the product at once; their weights are the same for the threads of a warp.
template <class T, int R>
struct FewRows {
  Products p;
  const T *source, *weights, *bias;
  T* target;

  template <class Index>
  LUMIGRAD_INLINE void operator()(Index i) const {
    const auto columns = static_cast<Index>(p.columns());
    const std::int64_t plane = p.target_plane();
    const Column column = column_at(p, i % columns);
    const int parts = (p.rows + R - 1) / R, part = static_cast<int>(i / columns);
    const int group = part / parts, first = part % parts * R;
    const TapLine *deep = &p.axis[0], *down = &p.axis[1], *across = &p.axis[2];
    const T* const w = weights + group * p.group_step + first * p.row_step;
    T sums[R] = {};
    for (int channel = 0; channel < p.channels; ++channel) {
      const T* const from =
          source + column.source + (static_cast<std::int64_t>(group) * p.channels + channel) * p.source_plane();
      for (int a = 0; a < deep->taps; ++a) {
        const int z = deep->between * a;
        if (static_cast<unsigned>(column.z + z) >= static_cast<unsigned>(deep->source)) continue;
        for (int b = 0; b < down->taps; ++b) {
          const int y = down->between * b;
          if (static_cast<unsigned>(column.y + y) >= static_cast<unsigned>(down->source)) continue;
          const T* const line = from + (static_cast<std::int64_t>(z) * down->source + y) * across->source;
          const T* const own = w + channel * p.channel_step +
                               (static_cast<std::int64_t>(deep->tap + a * deep->tap_step) * down->weights + down->tap +
                                b * down->tap_step) *
                                   across->weights +
                               across->tap;
          for (int c = 0; c < across->taps; ++c) {
            const int x = across->between * c;
            if (static_cast<unsigned>(column.x + x) >= static_cast<unsigned>(across->source)) continue;
            const T value = line[x];
            LUMIGRAD_UNROLL
            for (int r = 0; r < R; ++r)
              if (R == 1 || first + r < p.rows)
                sums[r] = fma(own[r * p.row_step + c * across->tap_step], value, sums[r]);
          }
        }
      }
    }
    LUMIGRAD_UNROLL
    for (int r = 0; r < R; ++r)
      if (first + r < p.rows) {
        const int row = group * p.rows + first + r;
        target[column.target + row * plane] = sums[r] + (bias ? bias[row] : T(0));
      }
  }
};

// ---- many rows: tiles -----------------------------------------------------------------------------------------------

/// A tile of M x N sums, K steps at a time; a thread keeps R x R of them.
template <int M_, int N_, int K_, int R_>
struct ProductTile {
  static constexpr int M = M_, N = N_, K = K_, R = R_;
  static constexpr int threads = threads_of(M * N / (R * R)), shares = M * N / (R * R) / threads;
  static constexpr int pitch_a = M + 4, pitch_b = N + 4;  // so that what is written down a column meets few banks twice
  static constexpr int of_a = M * K / threads, of_b = N * K / threads;  // numbers that a thread fetches

  template <class T>
  static constexpr std::size_t bytes() {
    return room_of<T>(K * pitch_a) + room_of<T>(K * pitch_b);
  }

  // Where sum r of a thread stands along an axis of `extent`: fours that are half of it apart, if there are two.
  static LUMIGRAD_HD int place(int micro, int r, int extent) {
    return R == 8 ? r / 4 * (extent / 2) + micro * 4 + r % 4 : micro * R + r;
  }
  template <class T>
  static LUMIGRAD_INLINE void read(const T* line, int micro, int extent, T (&to)[R]) {
    LUMIGRAD_UNROLL
    for (int r = 0; r < R; r += 4) {
      const Four<T> four = *reinterpret_cast<const Four<T>*>(line + place(micro, r, extent));
      LUMIGRAD_UNROLL
      for (int i = 0; i < 4; ++i) to[r + i] = four.at[i];
    }
  }
  /// Writes what a thread fetched for a, which is read along K.
  template <class T, class B>
  static LUMIGRAD_INLINE void put_a(const B& block, const T (&next)[of_a], T* a) {
    LUMIGRAD_UNROLL
    for (int i = 0; i < of_a; ++i) {
      const int e = block.thread() + i * block.threads();
      a[e % K * pitch_a + e / K] = next[i];
    }
  }
  /// sums += a' b of K steps.
  template <class T, class B>
  static LUMIGRAD_INLINE void multiply(const B& block, const T* a, const T* b, T (&sums)[shares][R][R]) {
    LUMIGRAD_UNROLL
    for (int share = 0; share < shares; ++share) {
      const int item = block.thread() + share * block.threads(), down = item / (N / R), across = item % (N / R);
      LUMIGRAD_UNROLL
      for (int k = 0; k < K; ++k) {
        T left[R], right[R];
        read(a + k * pitch_a, down, M, left);
        read(b + k * pitch_b, across, N, right);
        LUMIGRAD_UNROLL
        for (int r = 0; r < R; ++r) LUMIGRAD_UNROLL
        for (int s = 0; s < R; ++s) sums[share][r][s] = fma(left[r], right[s], sums[share][r][s]);
      }
    }
  }
};

/// A tile of the product of weights and windows of one group.
template <class T, class Tile>
struct WindowProduct {
  Products p;
  const T *source, *weights, *bias;
  const Step* steps;
  T* target;

  static std::size_t shared_bytes() { return Tile::template bytes<T>() + room_of<Column>(Tile::N); }
  static LUMIGRAD_HD std::int64_t blocks(const Products& p) {
    return (p.columns() + Tile::N - 1) / Tile::N * ((p.rows + Tile::M - 1) / Tile::M) * p.groups;
  }

  template <class B>
  LUMIGRAD_INLINE void operator()(const B& block) const {
    Room room(block.template shared<unsigned char>());
    T* const a = room.take<T>(Tile::K * Tile::pitch_a);
    T* const b = room.take<T>(Tile::K * Tile::pitch_b);
    Column* const columns = room.take<Column>(Tile::N);
    // Blocks that are next to each other share their columns, which are larger than the weights.
    const int parts = (p.rows + Tile::M - 1) / Tile::M;
    const int first = static_cast<int>(block.index() % parts) * Tile::M;
    const int group = static_cast<int>(block.index() / parts % p.groups);
    const std::int64_t left = block.index() / parts / p.groups * Tile::N;
    for (int j = block.thread(); j < Tile::N; j += block.threads()) columns[j] = column_at(p, left + j);
    block.sync();

    const int depth = p.depth();
    const T* const w = weights + group * p.group_step;
    const T* const from = source + static_cast<std::int64_t>(group) * p.channels * p.source_plane();
    T next_a[Tile::of_a], next_b[Tile::of_b];
    const auto fetch = [&](int k0) {
      LUMIGRAD_UNROLL
      for (int i = 0; i < Tile::of_a; ++i) {
        const int e = block.thread() + i * block.threads(), k = k0 + e % Tile::K, m = first + e / Tile::K;
        next_a[i] = k < depth && m < p.rows ? w[m * p.row_step + steps[k].weight] : T(0);
      }
      LUMIGRAD_UNROLL
      for (int i = 0; i < Tile::of_b; ++i) {
        const int e = block.thread() + i * block.threads(), k = k0 + e / Tile::N;
        next_b[i] = k < depth ? window_at(p, from, columns[e % Tile::N], steps[k]) : T(0);
      }
    };
    T sums[Tile::shares][Tile::R][Tile::R] = {};
    if (depth > 0) fetch(0);
    for (int k0 = 0; k0 < depth; k0 += Tile::K) {
      block.sync();
      Tile::put_a(block, next_a, a);
      LUMIGRAD_UNROLL
      for (int i = 0; i < Tile::of_b; ++i) {
        const int e = block.thread() + i * block.threads();
        b[e / Tile::N * Tile::pitch_b + e % Tile::N] = next_b[i];
      }
      block.sync();
      if (k0 + Tile::K < depth) fetch(k0 + Tile::K);
      Tile::multiply(block, a, b, sums);
    }

    const std::int64_t plane = p.target_plane();
    LUMIGRAD_UNROLL
    for (int share = 0; share < Tile::shares; ++share) {
      const int item = block.thread() + share * block.threads(), down = item / (Tile::N / Tile::R),
                across = item % (Tile::N / Tile::R);
      LUMIGRAD_UNROLL
      for (int r = 0; r < Tile::R; ++r) {
        const int m = first + Tile::place(down, r, Tile::M), row = group * p.rows + m;
        if (m >= p.rows) continue;
        const T added = bias ? bias[row] : T(0);
        LUMIGRAD_UNROLL
        for (int s = 0; s < Tile::R; ++s) {
          const std::int64_t to = columns[Tile::place(across, s, Tile::N)].target;
          if (to >= 0) target[to + row * plane] = sums[share][r][s] + added;
        }
      }
    }
  }
};

}  // namespace lumigrad::cuda
