// SPDX-License-Identifier: Apache-2.0
// The adjoint of sampling to the image: where the forward kernel reads with a weight, this one adds with it. Included
// by sample.cpp at each instruction level.
//
// Neighbouring outputs add to the same pixels, so every addition waits for the one before it. What helps is to make
// fewer of them. A tile first adds into a patch of its own, in which a pixel's channels stand side by side: one
// addition of four floats serves up to four channels. The patch is then added to the gradient's planes. A patch covers
// what its tile touches and no more than fits into the nearest cache; tiles that spread further add to the planes
// directly, and so do, row by row, those that are hardly stretched (sample_splat_rows.h).
//
// Which way a tile takes, and the order of its additions, follow from the map alone. So the bands into which threads
// cut the image change no bit of the result.
#pragma once
#include <lumigrad/engine/cpu/sample_readers.h>
#include <lumigrad/engine/cpu/sample_splat_rows.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

// ---- directly ---------------------------------------------------------------------------------------------------

inline constexpr int channel_group = 4;

template <class T, int K>
LUMIGRAD_SIMD void spread(const Vec<T> (&wx)[K], const Vec<T> (&wy)[K], const Vec<T>& w, T (&part)[K * K][lanes<T>]) {
  for (int j = 0; j < K; ++j) {
    const Vec<T> row = w * wy[j];
    for (int k = 0; k < K; ++k) (row * wx[k]).store(part[j * K + k]);
  }
}

// Additions of single numbers, with the channels inside: wider read-modify-writes of neighbouring pixels would wait for
// each other's stores.
template <class T, int K>
LUMIGRAD_SIMD void add_inside(const SampleTask<T>& task, const InsideReader<T, K>& reader, int channels,
                              const T (&part)[channel_group][K * K][lanes<T>], T* to) {
  for (int i = 0; i < lanes<T>; ++i) {
    T* at = to + (reader.origin + reader.offset[i]);
    for (int ch = 0; ch < channels; ++ch, at += task.channel_stride) {
      for (int j = 0; j < K; ++j) {
        for (int k = 0; k < K; ++k) at[j * task.row_stride + k] += part[ch][j * K + k][i];
      }
    }
  }
}

/// Which taps of which lanes there are, a bit a lane.
template <class T, int K>
LUMIGRAD_SIMD void taps_there(const LaneTaps<T, K>& found, unsigned (&there)[K * K]) {
  for (int j = 0; j < K; ++j) {
    for (int k = 0; k < K; ++k) there[j * K + k] = (found.in_row[j] & found.in_column[k]).bits();
  }
}

/// Adds a tile's contributions to image rows begin ... end - 1.
template <class W, class T>
LUMIGRAD_SIMD void splat_directly(const SampleTask<T>& task, const Tile<T>& t, const T* cotangent, T* gradient,
                                  int begin, int end) {
  constexpr int K = taps_of<W>;
  const ptrdiff_t plane = static_cast<ptrdiff_t>(task.out_height) * task.out_width;
  each_vector<W>(
      task, t, 0, t.height, [&](int dx, int dy, int count, const Cell<T, K>& c) __attribute__((always_inline)) {
        if (c.outside) return;
        using I = Int<T>;
        using Integer = typename I::Integer;
        bool inside = c.inside;
        if (begin > 0 || end < task.height) {
          const auto off =
              (c.iy < I(static_cast<Integer>(begin - t.base_y))) | (c.iy > I(static_cast<Integer>(end - K - t.base_y)));
          inside = inside && !any(off);
        }
        Vec<T> wx[K], wy[K];
        cell_weights<W>(c.tx, task.cubic, task.order_x, wx);
        cell_weights<W>(c.ty, task.cubic, task.order_y, wy);
        const T* from = cotangent + static_cast<ptrdiff_t>(t.y + dy) * task.out_width + t.x + dx;
        alignas(64) T part[channel_group][K * K][lanes<T>];
        if (inside) {
          const InsideReader<T, K> reader(task, t, c);
          for (int ch = 0; ch < task.channels; ch += channel_group) {
            const int group = task.channels - ch < channel_group ? task.channels - ch : channel_group;
            for (int g = 0; g < group; ++g) spread<T, K>(wx, wy, load_some(from + (ch + g) * plane, count), part[g]);
            add_inside<T, K>(task, reader, group, part, gradient + ch * task.channel_stride);
          }
          return;
        }
        LaneTaps<T, K> found;
        find_taps(task, t, c, found);
        unsigned there[K * K];
        taps_there<T, K>(found, there);
        for (int ch = 0; ch < task.channels; ++ch) {
          spread<T, K>(wx, wy, load_some(from + ch * plane, count), part[0]);
          T* to = gradient + ch * task.channel_stride;
          for (int i = 0; i < count; ++i) {
            for (int j = 0; j < K; ++j) {
              const ptrdiff_t row = found.row[j][i];
              if (row < begin || row >= end) continue;
              for (int k = 0; k < K; ++k) {
                if ((there[j * K + k] >> i & 1u) == 0) continue;
                to[row * task.row_stride + found.column[k][i]] += part[0][j * K + k][i];
              }
            }
          }
        }
      });
}

// ---- by a patch -------------------------------------------------------------------------------------------------

typedef float Four __attribute__((vector_size(16)));

LUMIGRAD_SIMD Four add_product(Four a, float w, Four sum) {
#if LUMIGRAD_VECTOR_BYTES >= 32
  return Four(_mm_fmadd_ps(__m128(a), _mm_set1_ps(w), __m128(sum)));
#else
  return a * w + sum;
#endif
}

LUMIGRAD_SIMD void transpose(Four& a, Four& b, Four& c, Four& d) {
  const Four e = __builtin_shufflevector(a, b, 0, 4, 1, 5), f = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four g = __builtin_shufflevector(c, d, 0, 4, 1, 5), h = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(e, g, 0, 1, 4, 5), b = __builtin_shufflevector(e, g, 2, 3, 6, 7);
  c = __builtin_shufflevector(f, h, 0, 1, 4, 5), d = __builtin_shufflevector(f, h, 2, 3, 6, 7);
}

inline constexpr int largest_patch = 2304;  // pixels; 36 kB

/// The box of image pixels that a tile touches.
struct Patch {
  int x, y, width, height;
  bool fits;

  template <class T>
  LUMIGRAD_SIMD Patch(const SampleTask<T>& task, const Tile<T>& t, int taps) {
    // Rounding moves no position by a pixel; outside the image there is nothing, or the outermost pixel.
    const bool plain = task.border == Border::zeros || task.border == Border::border || t.inside;
    auto in_image = [](double p, int count) __attribute__((always_inline)) {
      return p < 0 ? 0 : p > count - 1 ? count - 1 : static_cast<int>(p);
    };
    x = in_image(t.x0 - taps, task.width), width = in_image(t.x1 + taps + 1, task.width) + 1 - x;
    y = in_image(t.y0 - taps, task.height), height = in_image(t.y1 + taps + 1, task.height) + 1 - y;
    fits = plain && t.bounded && task.width > 0 && task.height > 0 && t.x1 - t.x0 < largest_patch &&
           t.y1 - t.y0 < largest_patch && width * height <= largest_patch;
  }
};

/// Loads `channels` (at most four) numbers of each of `count` outputs: lane i comes to stand at order[i % 4][i / 4].
LUMIGRAD_SIMD void load_channels(const float* from, ptrdiff_t plane, int channels, int count,
                                 Four (&to)[4][lanes<float> / 4]) {
  alignas(64) float rows[4][lanes<float>] = {};
  for (int c = 0; c < channels; ++c) load_some(from + c * plane, count).store(rows[c]);
  for (int g = 0; g < lanes<float> / 4; ++g) {
    Four quad[4];
    for (int c = 0; c < 4; ++c) __builtin_memcpy(&quad[c], rows[c] + 4 * g, sizeof(Four));
    transpose(quad[0], quad[1], quad[2], quad[3]);
    for (int i = 0; i < 4; ++i) to[i][g] = quad[i];
  }
}

/// Adds `channels` of the patch to rows begin ... end - 1 of the planes at `gradient`.
LUMIGRAD_SIMD void add_patch(const SampleTask<float>& task, const Patch& patch, const Four* sums, int channels,
                             float* gradient, int begin, int end) {
  const int first = patch.y > begin ? patch.y : begin, bottom = patch.y + patch.height;
  for (int y = first; y < (bottom < end ? bottom : end); ++y) {
    const Four* from = sums + (y - patch.y) * patch.width;
    float* to = gradient + y * task.row_stride + patch.x;
    int x = 0;
    for (; x + 4 <= patch.width; x += 4) {
      Four quad[4] = {from[x], from[x + 1], from[x + 2], from[x + 3]};
      transpose(quad[0], quad[1], quad[2], quad[3]);
      for (int c = 0; c < channels; ++c) {
        float* at = to + c * task.channel_stride + x;
        Four sum;
        __builtin_memcpy(&sum, at, sizeof sum);
        sum += quad[c];
        __builtin_memcpy(at, &sum, sizeof sum);
      }
    }
    for (; x < patch.width; ++x) {
      for (int c = 0; c < channels; ++c) to[c * task.channel_stride + x] += from[x][c];
    }
  }
}

/// Adds a tile's contributions by way of a patch to image rows begin ... end - 1.
template <class W>
LUMIGRAD_SIMD void splat_by_patch(const SampleTask<float>& task, const Tile<float>& t, const Patch& patch,
                                  const float* cotangent, float* gradient, int begin, int end) {
  using T = float;
  constexpr int K = taps_of<W>;
  const ptrdiff_t plane = static_cast<ptrdiff_t>(task.out_height) * task.out_width;
  alignas(64) Four sums[largest_patch];
  for (int ch = 0; ch < task.channels; ch += 4) {
    const int channels = task.channels - ch < 4 ? task.channels - ch : 4;
    for (int i = 0; i < patch.width * patch.height; ++i) sums[i] = Four{};
    each_vector<W>(
        task, t, 0, t.height, [&](int dx, int dy, int count, const Cell<T, K>& c) __attribute__((always_inline)) {
          if (dx == 0) {
            // The processor does not foresee the rows of a tile: ask for what the end of this tile adds to.
            const T* row = gradient + ch * task.channel_stride + (patch.y + dy) * task.row_stride + patch.x;
            for (int c = 0; c < channels; ++c, row += task.channel_stride) {
              for (int k = 0; k < patch.width; k += 16) __builtin_prefetch(row + k, 1);
            }
          }
          if (c.outside) return;
          Vec<T> wx[K], wy[K];
          cell_weights<W>(c.tx, task.cubic, task.order_x, wx);
          cell_weights<W>(c.ty, task.cubic, task.order_y, wy);
          alignas(64) T weight[K * K][lanes<T>];
          for (int j = 0; j < K; ++j) {
            for (int k = 0; k < K; ++k) (wy[j] * wx[k]).store(weight[j * K + k]);
          }
          const T* from = cotangent + ch * plane + static_cast<ptrdiff_t>(t.y + dy) * task.out_width + t.x + dx;
          Four w[4][lanes<T> / 4];
          load_channels(from, plane, channels, count, w);
          for (int c = 0; c < channels; ++c) __builtin_prefetch(from + c * plane + rows_ahead * task.out_width);
          if (c.inside) {
            using I = Int<T>;
            alignas(64) std::int32_t at[lanes<T>];
            const I x = c.ix + I(static_cast<std::int32_t>(t.base_x - patch.x));
            const I y = c.iy + I(static_cast<std::int32_t>(t.base_y - patch.y));
            (y * I(patch.width) + x).store(at);
            // Every fourth output, then the next ones: outputs that add to one pixel do not follow one another.
            for (int first = 0; first < 4; ++first) {
              for (int i = first; i < lanes<T>; i += 4) {
                Four* to = sums + at[i];
                for (int j = 0; j < K; ++j) {
                  for (int k = 0; k < K; ++k) {
                    Four& sum = to[j * patch.width + k];
                    sum = add_product(w[i % 4][i / 4], weight[j * K + k][i], sum);
                  }
                }
              }
            }
            return;
          }
          LaneTaps<T, K> found;
          find_taps(task, t, c, found);
          unsigned there[K * K];
          taps_there<T, K>(found, there);
          for (int i = 0; i < count; ++i) {
            for (int j = 0; j < K; ++j) {
              for (int k = 0; k < K; ++k) {
                if ((there[j * K + k] >> i & 1u) == 0) continue;
                Four& sum = sums[(found.row[j][i] - patch.y) * patch.width + found.column[k][i] - patch.x];
                sum = add_product(w[i % 4][i / 4], weight[j * K + k][i], sum);
              }
            }
          }
        });
    add_patch(task, patch, sums, channels, gradient + ch * task.channel_stride, begin, end);
  }
}

template <class W, class T>
void splat(const SampleTask<T>& task, const T* cotangent, T* gradient, int begin, int end, const std::int32_t* rows) {
  const std::int64_t across = (task.out_width + sample_tile - 1) / sample_tile;
  const std::int64_t tiles = across * ((task.out_height + sample_tile - 1) / sample_tile);
  for (std::int64_t index = 0; index < tiles; ++index) {
    // Those that add zeros to rows do so whatever the bands.
    if (rows && (rows[2 * index] >= end || rows[2 * index + 1] + splat_rows - 2 <= begin)) continue;
    const Tile<T> t = tile_at(task, index);
    if constexpr (by_rows<T, taps_of<W>>) {
      if (hardly_stretched(t)) {
        splat_by_rows<W>(task, t, cotangent, gradient, begin, end);
        continue;
      }
    }
    if constexpr (sizeof(T) == 4) {
      if (const Patch patch(task, t, taps_of<W>); patch.fits && task.channels > 1) {
        splat_by_patch<W>(task, t, patch, cotangent, gradient, begin, end);
        continue;
      }
    }
    splat_directly<W>(task, t, cotangent, gradient, begin, end);
  }
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
