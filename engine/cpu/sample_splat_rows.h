// SPDX-License-Identifier: Apache-2.0
// The adjoint of sampling to the image where the map hardly stretches along x. Included by sample_splat.h.
//
// There the outputs of a vector go to as many columns, each to its own or, all of them, to their own and to the one
// before (behind). So nothing has to be scattered: what a column of a row gets is a sum over three neighbouring
// outputs, with weights that all channels share. The row is loaded, three products are added, and it is stored.
#pragma once
#include <lumigrad/engine/cpu/sample_readers.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

inline constexpr int splat_rows = 4;  ///< how many rows a vector of outputs adds to, to some of them nothing

/// Whether there are tiles of this kind.
template <class T, int K>
inline constexpr bool by_rows = sizeof(T) == 4 && K == 2 && vector_bytes == 64;

template <class T>
LUMIGRAD_SIMD bool hardly_stretched(const Tile<T>& t) {
  return t.inside && t.slant > 0 && t.slant <= splat_rows - 2 && t.width % lanes<T> == 0 &&
         t.stretch * (lanes<T> - 1) < 0.95;
}

/// v[at[i]], and 0 where there is no such lane.
LUMIGRAD_SIMD native::F lanes_at(native::F v, native::FBits at) {
#if LUMIGRAD_VECTOR_BYTES == 64
  return (at & ~15) == 0 ? native::F(_mm512_permutexvar_ps(__m512i(at), __m512(v))) : native::F{};
#else
  return v + native::F(at);  // never called
#endif
}

/// What a vector of outputs adds to image rows begin ... end - 1, one by one.
template <class T>
[[gnu::noinline]] void add_singly(const SampleTask<T>& task, const Tile<T>& t, const Cell<T, 2>& c,
                                  const Vec<T> (&wx)[2], const Vec<T> (&wy)[2], const T* cotangent, T* gradient,
                                  int begin, int end) {
  const ptrdiff_t plane = static_cast<ptrdiff_t>(task.out_height) * task.out_width;
  for (int ch = 0; ch < task.channels; ++ch, cotangent += plane, gradient += task.channel_stride) {
    for (int i = 0; i < lanes<T>; ++i) {
      for (int j = 0; j < 2; ++j) {
        const ptrdiff_t row = t.base_y + c.iy.raw[0][i] + j;
        if (row < begin || row >= end) continue;
        T* to = gradient + row * task.row_stride + t.base_x + c.ix.raw[0][i];
        for (int k = 0; k < 2; ++k) to[k] += cotangent[i] * (wy[j].raw[0][i] * wx[k].raw[0][i]);
      }
    }
  }
}

/// Adds a tile's contributions to image rows begin ... end - 1.
template <class W>
LUMIGRAD_SIMD void splat_by_rows(const SampleTask<float>& task, const Tile<float>& t, const float* cotangent,
                                 float* gradient, int begin, int end) {
  using I = native::FBits;
  using F = native::F;
  using V = Vec<float>;
  constexpr int last = lanes<float> - 1;
  const ptrdiff_t plane = static_cast<ptrdiff_t>(task.out_height) * task.out_width, row_stride = task.row_stride;
  const int channels = task.channels;
  const I lane = to_int(V::ramp()).raw[0];
  each_spot<W>(
      task, t, [&](const Spot<float, 2>& spot) __attribute__((always_inline)) {
        const Cell<float, 2>& c = spot.cell;
        V wx[2], wy[2];
        cell_weights<W>(c.tx, task.cubic, task.order_x, wx);
        cell_weights<W>(c.ty, task.cubic, task.order_y, wy);
        const float* from = cotangent + static_cast<ptrdiff_t>(t.y + spot.dy) * task.out_width + t.x + spot.dx;
        const int x = c.ix.raw[0][0], y = spot.place.y;
        const I column = c.ix.raw[0] - x, row = c.iy.raw[0] - y;
        // An output's lane is its column, plus `least` or one more.
        const int least = c.ix.raw[0][last] - x > last ? -1 : 0;
        const I late = lane - column - least;
        const I out = column | row | (splat_rows - 2 - row) | late | (1 - late);  // by the signs
        V total(0);
        for (int ch = 0; ch < channels; ++ch) total += V::load(from + ch * plane);
        const I wild = (total - total != V(0)).raw[0];  // what is not finite must not meet a weight of zero
        if (native::signs(out | wild) != 0) {
          const V across[2] = {wx[0], wx[1]}, down[2] = {wy[0], wy[1]};
          return add_singly(task, t, c, across, down, from, gradient, begin, end);
        }
        const I at[3] = {lane + (least - 1), lane + least, lane + (least + 1)};
        F weight[splat_rows][3];
        for (int r = 0; r < splat_rows; ++r) {
          const F down = row == r ? wy[0].raw[0] : row == r - 1 ? wy[1].raw[0] : F{};
          const F left = down * wx[0].raw[0], right = down * wx[1].raw[0];
          weight[r][0] = lanes_at(late == 0 ? right : F{}, at[0]);
          weight[r][1] = lanes_at(late == 0 ? left : right, at[1]);
          weight[r][2] = lanes_at(late == 0 ? F{} : left, at[2]);
        }
        const int first_row = static_cast<int>(t.base_y) + y;
        float* corner = gradient + first_row * row_stride + t.base_x + x;
        // The last two outputs may go to columns behind those.
        int further = 0, output[6];
        ptrdiff_t place[6];
        float share[6];
        for (int i = last - 1; i <= last; ++i) {
          const int to = c.ix.raw[0][i] - x;
          if (to < last) continue;
          float across[2], down[2];
          weights<W>(c.tx.raw[0][i], task.cubic, task.order_x, across);
          weights<W>(c.ty.raw[0][i], task.cubic, task.order_y, down);
          for (int k = to == last; k < 2; ++k) {
            for (int j = 0; j < 2; ++j) {
              const int r = c.iy.raw[0][i] - y + j;
              if (first_row + r < begin || first_row + r >= end) continue;
              output[further] = i, place[further] = r * row_stride + to + k;
              share[further++] = down[j] * across[k];
            }
          }
        }
        for (int ch = 0; ch < channels; ++ch, from += plane, corner += task.channel_stride) {
          const float* soon = corner + (splat_rows - 1 + rows_ahead) * row_stride;
          __builtin_prefetch(soon, 1);
          __builtin_prefetch(soon + last, 1);
          __builtin_prefetch(from + rows_ahead * task.out_width);
          F w[3];
          for (int o = 0; o < 3; ++o) w[o] = lanes_at(V::load(from).raw[0], at[o]);
          for (int r = 0; r < splat_rows; ++r) {
            if (first_row + r < begin || first_row + r >= end) continue;
            V sum = V::load(corner + r * row_stride);
            for (int o = 0; o < 3; ++o) sum.raw[0] = native::fma(weight[r][o], w[o], sum.raw[0]);
            sum.store(corner + r * row_stride);
          }
          for (int i = 0; i < further; ++i) corner[place[i]] += from[output[i]] * share[i];
        }
      });
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
