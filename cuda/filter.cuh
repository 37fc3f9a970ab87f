// SPDX-License-Identifier: Apache-2.0
// Correlations of planes: forward, back to the image, back to the kernel.
//
// A filter should cost what copying the image costs: every pixel crosses the memory bus once each way, and what is read
// several times is read on the chip. Where the kernel is a column times a row (SeparableFilter) a thread walks down a
// column of the image with eight sums in registers, so that each pixel it loads serves all eight; their lines go to
// shared memory, where another thread takes four neighbours and walks along the line. Reads of a pixel: (8 + taps - 1)
// / 8 from the cache and (4 + taps - 1) / 4 from shared memory, instead of taps twice.
//
// The transposed filter is a correlation with the kernel turned round (`turned`), which reads nothing beyond the edge;
// what the border rule had read beyond the image is added by a second pass over the few pixels that were read so
// (FoldedMargins), each of which looks up the places where it had stood in. Nothing is scattered: every sum has one
// owner and one order.
#pragma once
#include <lumigrad/cuda/tiles.h>
#include <lumigrad/engine/device/filter.h>

namespace lumigrad::cuda {

/// A correlation of planes as kernels see it.
struct Correlation {
  Reach axis[3];  ///< depth, rows, columns
  int planes_a_kernel = 1;
  Border border = Border::zeros;
  bool turned = false;  ///< weights in the opposite order

  LUMIGRAD_HD std::int64_t image_numel() const {
    return static_cast<std::int64_t>(axis[0].image) * axis[1].image * axis[2].image;
  }
  LUMIGRAD_HD std::int64_t result_numel() const {
    return static_cast<std::int64_t>(axis[0].result) * axis[1].result * axis[2].result;
  }
  LUMIGRAD_HD int taps() const { return axis[0].taps * axis[1].taps * axis[2].taps; }
  LUMIGRAD_HD int kernel_of(int plane) const { return plane / planes_a_kernel; }
  /// The part of a block index that names a plane is above the part that names its tile.
  LUMIGRAD_HD int tiles(int width, int height) const {
    return axis[0].result * ((axis[1].result + height - 1) / height) * ((axis[2].result + width - 1) / width);
  }
};

/// A tile of the results: of which plane and slice, and where it begins.
struct TilePlace {
  int plane, z, y, x;
  LUMIGRAD_HD TilePlace(const Correlation& c, std::int64_t index, int width, int height) {
    const unsigned across = static_cast<unsigned>((c.axis[2].result + width - 1) / width),
                   down = static_cast<unsigned>((c.axis[1].result + height - 1) / height),
                   deep = static_cast<unsigned>(c.axis[0].result);
    unsigned rest = static_cast<unsigned>(index);  // a grid has fewer blocks than 2^31
    x = static_cast<int>(rest % across) * width;
    rest /= across;
    y = static_cast<int>(rest % down) * height;
    rest /= down;
    z = static_cast<int>(rest % deep);
    plane = static_cast<int>(rest / deep);
  }
};

template <class T, class B>
LUMIGRAD_INLINE void load_weights(const B& block, T* to, const T* from, int count, bool turned) {
  for (int t = block.thread(); t < count; t += block.threads()) to[t] = from[turned ? count - 1 - t : t];
}

// ---- separable ------------------------------------------------------------------------------------------------------

inline constexpr int strip = 8;              // rows that a thread makes at once
inline constexpr int separable_width = 128;  // of a tile

/// sums[o] += sum over t < taps of weight(t) down(o + t), N of them or (N = 0) any number: S sums share what they read.
template <int N, int S, class T, class Weight, class Down>
LUMIGRAD_INLINE void weigh_strip(T (&sums)[S], int taps, const Weight& weight, const Down& down) {
  if constexpr (N > 0) {
    T own[N], seen[N + S - 1];  // all are asked for before the first is needed
    LUMIGRAD_UNROLL
    for (int r = 0; r < N + S - 1; ++r) seen[r] = down(r);
    LUMIGRAD_UNROLL
    for (int t = 0; t < N; ++t) own[t] = weight(t);
    LUMIGRAD_UNROLL
    for (int t = 0; t < N; ++t) LUMIGRAD_UNROLL
    for (int o = 0; o < S; ++o) sums[o] = fma(own[t], seen[o + t], sums[o]);
  } else {
    T own[S] = {};  // own[o] meets sums[o]: the weight of row r - o
    const auto step = [&](int r, bool all) {
      const T value = down(r);
      LUMIGRAD_UNROLL
      for (int o = S - 1; o > 0; --o) own[o] = own[o - 1];
      own[0] = r < taps ? weight(r) : T(0);
      LUMIGRAD_UNROLL
      for (int o = 0; o < S; ++o)  // a weight that is not there must not meet an infinity
        if (all || (r - o >= 0 && r - o < taps)) sums[o] = fma(own[o], value, sums[o]);
    };
    int r = 0;
    for (; r < S - 1; ++r) step(r, false);
    LUMIGRAD_UNROLL_BY(8)
    for (; r < taps; ++r) step(r, true);
    for (; r < taps + S - 1; ++r) step(r, false);
  }
}

/// sums[o] += sum over t of w[t] along[o + t]; `along` begins at a multiple of four and goes on for taps + 7 places.
template <int N, class T>
LUMIGRAD_INLINE void weigh_line(T (&sums)[4], const T* w, int taps, const T* along) {
  const auto four = [&](int i) { return *reinterpret_cast<const Four<T>*>(along + i); };
  if constexpr (N > 0) {
    constexpr int fours = (N + 3 + 3) / 4;
    T seen[4 * fours];
    LUMIGRAD_UNROLL
    for (int i = 0; i < fours; ++i) {
      const Four<T> next = four(4 * i);
      LUMIGRAD_UNROLL
      for (int o = 0; o < 4; ++o) seen[4 * i + o] = next.at[o];
    }
    LUMIGRAD_UNROLL
    for (int t = 0; t < N; ++t) {
      const T weight = w[t];
      LUMIGRAD_UNROLL
      for (int o = 0; o < 4; ++o) sums[o] = fma(weight, seen[t + o], sums[o]);
    }
  } else {
    Four<T> now = four(0);
    for (int first = 0; first < taps; first += 4) {
      const Four<T> next = four(first + 4);
      const T seen[8] = {now.at[0], now.at[1], now.at[2], now.at[3], next.at[0], next.at[1], next.at[2], next.at[3]};
      LUMIGRAD_UNROLL
      for (int i = 0; i < 4; ++i)
        if (first + i < taps) {
          const T weight = w[first + i];
          LUMIGRAD_UNROLL
          for (int o = 0; o < 4; ++o) sums[o] = fma(weight, seen[i + o], sums[o]);
        }
      now = next;
    }
  }
}

/// result = columns and rows of weights applied to planes, N of each or (N = 0) as many as the axes say.
template <class T, int N>
struct SeparableFilter {
  Correlation c;
  const T *image, *column, *row;
  T* result;
  int height;  // of a tile: a multiple of `strip`

  static LUMIGRAD_HD int pitch(const Correlation& c) { return rounded_up(separable_width + c.axis[2].taps + 2, 4); }
  static std::size_t shared_bytes(const Correlation& c, int height) {
    return room_of<int>(height + c.axis[1].taps - 1) + room_of<T>(c.axis[1].taps) + room_of<T>(c.axis[2].taps) +
           room_of<T>(static_cast<std::int64_t>(height) * pitch(c));
  }

  template <class B>
  LUMIGRAD_INLINE void operator()(const B& block) const {
    const Reach &down = c.axis[1], &across = c.axis[2];
    const TilePlace at(c, block.index(), separable_width, height);
    const int taps_down = N > 0 ? N : down.taps, taps_across = N > 0 ? N : across.taps;
    Room room(block.template shared<unsigned char>());
    int* const table = room.take<int>(height + taps_down - 1);
    T* const w_down = room.take<T>(taps_down);
    T* const w_across = room.take<T>(taps_across);
    T* const lines = room.take<T>(0);
    const int line = pitch(c), kernel = c.kernel_of(at.plane);
    map_rows(block, table, height + taps_down - 1, at.y - down.front, down.image, c.border);
    load_weights(block, w_down, column + static_cast<std::int64_t>(kernel) * taps_down, taps_down, c.turned);
    load_weights(block, w_across, row + static_cast<std::int64_t>(kernel) * taps_across, taps_across, c.turned);
    block.sync();

    const int width = across.result - at.x < separable_width ? across.result - at.x : separable_width;
    const int rows = down.result - at.y < height ? down.result - at.y : height;
    const int columns = width + taps_across - 1, strips = (rows + strip - 1) / strip;
    const T* const plane = image + at.plane * c.image_numel();
    for (int i = block.thread(); i < columns * strips; i += block.threads()) {
      const int first = i / columns * strip, column_of = i % columns;
      const int x = index_at_border(at.x - across.front + column_of, across.image, c.border);
      T sums[strip] = {};
      if (x >= 0)
        weigh_strip<N>(
            sums, taps_down, [&](int t) { return w_down[t]; },
            [&](int r) {
              const int y = table[first + r];  // a load that nothing decides about can be asked for early
              const T value = plane[static_cast<std::int64_t>(y < 0 ? 0 : y) * across.image + x];
              return y < 0 ? T(0) : value;
            });
      LUMIGRAD_UNROLL
      for (int o = 0; o < strip; ++o) lines[(first + o) * line + column_of] = sums[o];
    }
    block.sync();

    T* const to = result + at.plane * c.result_numel();
    const bool whole = across.result % 4 == 0;  // then fours lie as they are written
    for (int i = block.thread(); i < rows * (separable_width / 4); i += block.threads()) {
      const int r = i / (separable_width / 4), x = i % (separable_width / 4) * 4;
      if (x >= width) continue;
      Four<T> sums = {};
      weigh_line<N>(sums.at, w_across, taps_across, lines + r * line + x);
      T* const here = to + static_cast<std::int64_t>(at.y + r) * across.result + at.x + x;
      if (whole)
        *reinterpret_cast<Four<T>*>(here) = sums;
      else
        LUMIGRAD_UNROLL
      for (int o = 0; o < 4; ++o)
        if (x + o < width) here[o] = sums.at[o];
    }
  }
};

// ---- any kernel -----------------------------------------------------------------------------------------------------

inline constexpr int window_width = 64, window_height = 16, window_strip = 4;  // of a tile, and rows a thread makes
inline constexpr int window_threads = threads_of(window_width * window_height / window_strip);
inline constexpr int window_shares = window_width * window_height / window_strip / window_threads;

/// A tile of an image for windows of `rows` x `columns` places.
template <class T>
struct WindowRoom {
  int rows, pitch;
  LUMIGRAD_HD WindowRoom(const Reach& down, const Reach& across)
      : rows(window_height + down.taps - 1), pitch(window_width + across.taps - 1) {}
  std::size_t bytes() const { return room_of<int>(rows) + room_of<T>(static_cast<std::int64_t>(rows) * pitch); }
};

/// result = windows of N rows, or (N = 0) of any number.
template <class T, int N>
struct WindowFilter {
  Correlation c;
  const T *image, *kernel;
  T* result;

  static std::size_t shared_bytes(const Correlation& c) {
    return room_of<T>(c.taps()) + WindowRoom<T>(c.axis[1], c.axis[2]).bytes();
  }

  template <class B>
  LUMIGRAD_INLINE void operator()(const B& block) const {
    const Reach &deep = c.axis[0], &down = c.axis[1], &across = c.axis[2];
    const WindowRoom<T> size(down, across);
    const TilePlace at(c, block.index(), window_width, window_height);
    Room room(block.template shared<unsigned char>());
    T* const weights = room.take<T>(c.taps());
    int* const table = room.take<int>(size.rows);
    T* const tile = room.take<T>(0);
    load_weights(block, weights, kernel + static_cast<std::int64_t>(c.kernel_of(at.plane)) * c.taps(), c.taps(),
                 c.turned);
    map_rows(block, table, size.rows, at.y - down.front, down.image, c.border);

    T sums[window_shares][window_strip] = {};
    for (int s = 0; s < deep.taps; ++s) {
      const int z = index_at_border(at.z + s - deep.front, deep.image, c.border);
      if (z < 0) continue;  // for all threads
      block.sync();
      load_tile(block, tile, size.pitch, table, size.rows, size.pitch,
                image + at.plane * c.image_numel() + static_cast<std::int64_t>(z) * down.image * across.image,
                across.image, at.x - across.front, c.border, T(0));
      block.sync();
      const T* const w = weights + s * down.taps * across.taps;
      LUMIGRAD_UNROLL
      for (int share = 0; share < window_shares; ++share) {
        const int item = block.thread() + share * block.threads();
        const T* const seen = tile + item / window_width * window_strip * size.pitch + item % window_width;
        for (int j = 0; j < across.taps; ++j)
          weigh_strip<N>(
              sums[share], down.taps, [&](int t) { return w[t * across.taps + j]; },
              [&](int r) { return seen[r * size.pitch + j]; });
      }
    }
    T* const to = result + at.plane * c.result_numel() + static_cast<std::int64_t>(at.z) * down.result * across.result;
    LUMIGRAD_UNROLL
    for (int share = 0; share < window_shares; ++share) {
      const int item = block.thread() + share * block.threads();
      const int x = at.x + item % window_width, y = at.y + item / window_width * window_strip;
      LUMIGRAD_UNROLL
      for (int o = 0; o < window_strip; ++o)
        if (x < across.result && y + o < down.result)
          to[static_cast<std::int64_t>(y + o) * across.result + x] = sums[share][o];
    }
  }
};

/// The same without tiles, for kernels that leave no room for one.
template <class T>
struct WideFilter {
  Correlation c;
  const T *image, *kernel;
  T* result;

  LUMIGRAD_INLINE void operator()(std::int64_t i) const {
    const Reach &deep = c.axis[0], &down = c.axis[1], &across = c.axis[2];
    const int x = static_cast<int>(i % across.result), y = static_cast<int>(i / across.result % down.result),
              z = static_cast<int>(i / across.result / down.result % deep.result);
    const std::int64_t plane = i / c.result_numel();
    const T* const from = image + plane * c.image_numel();
    const T* const w = kernel + static_cast<std::int64_t>(c.kernel_of(static_cast<int>(plane))) * c.taps();
    T sum = 0;
    int t = 0;
    for (int a = 0; a < deep.taps; ++a)
      for (int b = 0; b < down.taps; ++b) {
        const int slab = index_at_border(z + a - deep.front, deep.image, c.border),
                  row = index_at_border(y + b - down.front, down.image, c.border);
        for (int j = 0; j < across.taps; ++j, ++t) {
          const int at = index_at_border(x + j - across.front, across.image, c.border);
          if (slab >= 0 && row >= 0 && at >= 0)
            sum = fma(w[c.turned ? c.taps() - 1 - t : t],
                      from[(static_cast<std::int64_t>(slab) * down.image + row) * across.image + at], sum);
        }
      }
    result[i] = sum;
  }
};

}  // namespace lumigrad::cuda
