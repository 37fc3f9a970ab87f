// SPDX-License-Identifier: Apache-2.0
// Kernels of the sample family, built once per instruction level. Read families/sample.h for what they compute. Here
// stand the forward kernel and its adjoint to the map, in sample_splat.h the adjoint to the image.
#include <lumigrad/engine/cpu/sample_readers.h>
#include <lumigrad/engine/cpu/sample_splat.h>
#include <lumigrad/engine/derivatives.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

template <class T>
LUMIGRAD_SIMD bool aligned(const T* p) {
  return reinterpret_cast<std::uintptr_t>(p) % vector_bytes == 0;
}

template <class W, class T>
LUMIGRAD_SIMD void read_vector(const SampleTask<T>& task, const Tile<T>& t, const Spot<T, taps_of<W>>& spot, T* to) {
  constexpr int K = taps_of<W>;
  const ptrdiff_t plane = static_cast<ptrdiff_t>(task.out_height) * task.out_width;
  Vec<T> wx[K], wy[K];
  cell_weights<W>(spot.cell.tx, task.cubic, task.order_x, wx);
  cell_weights<W>(spot.cell.ty, task.cubic, task.order_y, wy);
  const int count = spot.count, channels = task.channels;  // copies, which no store can change
  const bool plain = count >= lanes<T> && !task.stream;
  with_reader<T, K>(
      task, t, spot, [&](const auto& reader) __attribute__((always_inline)) {
        for (int ch = 0; ch < channels; ++ch) {
          Vec<T> tap[K][K];
          reader.fetch(ch, tap);
          const Vec<T> value = weigh<T, K>(wx, wy, tap);
          if (plain) {
            value.store(to + ch * plane);
          } else if (count >= lanes<T> && aligned(to + ch * plane)) {
            value.stream(to + ch * plane);
          } else {
            store_some(value, to + ch * plane, count);
          }
        }
      });
}

template <class W, class T>
void forward(const SampleTask<T>& task, T* out, std::int64_t first, std::int64_t last) {
  constexpr int K = taps_of<W>;
  const bool filled = task.fill && task.order_x + task.order_y == 0;
  const ptrdiff_t plane = static_cast<ptrdiff_t>(task.out_height) * task.out_width;
  for (std::int64_t index = first; index < last; ++index) {
    const Tile<T> t = tile_at(task, index);
    each_spot<W>(
        task, t, [&](const Spot<T, K>& spot) __attribute__((always_inline)) {
          T* to = out + static_cast<ptrdiff_t>(t.y + spot.dy) * task.out_width + t.x + spot.dx;
          if (spot.cell.outside) {
            for (int ch = 0; ch < task.channels; ++ch) {
              store_some(Vec<T>(filled ? task.fill[ch] : T(0)), to + ch * plane, spot.count);
            }
            return;
          }
          read_vector<W>(task, t, spot, to);
        });
  }
  if (task.stream) fence();
}

template <class W, class T>
void rows(const SampleTask<T>& task, std::int64_t first, std::int64_t last, std::int32_t* rows) {
  constexpr int K = taps_of<W>;
  for (std::int64_t index = first; index < last; ++index) {
    const Tile<T> t = tile_at(task, index);
    ptrdiff_t low = task.height, high = 0;
    each_vector<W>(
        task, t, 0, t.height, [&](int, int, int, const Cell<T, K>& c) __attribute__((always_inline)) {
          if (c.outside) return;
          alignas(64) typename Int<T>::Integer iy[lanes<T>];
          c.iy.store(iy);
          const unsigned valid = c.valid.bits();
          for (int i = 0; i < lanes<T>; ++i) {
            if ((valid >> i & 1u) == 0) continue;
            ptrdiff_t top = t.base_y + iy[i], end = top + K;
            if (top < 0 || end > task.height) {
              const bool mirrored = task.border != Border::zeros && task.border != Border::border;
              top = mirrored || top < 0 ? 0 : top < task.height ? top : task.height - 1;
              end = mirrored || end > task.height ? task.height : end > 0 ? end : 1;
            }
            low = top < low ? top : low;
            high = end > high ? end : high;
          }
        });
    rows[2 * index] = static_cast<std::int32_t>(low);
    rows[2 * index + 1] = static_cast<std::int32_t>(high);
  }
}

// The other adjoint: how the sum of cotangent times output changes when positions move. The slopes of the weights give
// the change per position; the projection's own slopes carry it to the nine numbers of the tile's map.
template <class W, class T>
LUMIGRAD_SIMD void slope_of_sum(const SampleTask<T>& task, const Tile<T>& t, const Spot<T, taps_of<W>>& spot,
                                const T* cotangent, Vec<T>& gx, Vec<T>& gy) {
  constexpr int K = taps_of<W>;
  using V = Vec<T>;
  const Cell<T, K>& c = spot.cell;
  const int count = spot.count, channels = task.channels;
  const ptrdiff_t plane = static_cast<ptrdiff_t>(task.out_height) * task.out_width;
  V wx[K], wy[K], slope_x[K], slope_y[K];
  cell_weights<W>(c.tx, task.cubic, task.order_x, wx);
  cell_weights<W>(c.ty, task.cubic, task.order_y, wy);
  cell_weights<W>(c.tx, task.cubic, task.order_x + 1, slope_x);
  cell_weights<W>(c.ty, task.cubic, task.order_y + 1, slope_y);
  with_reader<T, K>(
      task, t, spot, [&](const auto& reader) __attribute__((always_inline)) {
        V along[2] = {V(0), V(0)}, down[2] = {V(0), V(0)};
        for (int ch = 0; ch < channels; ++ch) {
          V tap[K][K];
          const V w = load_some(cotangent + ch * plane, count);
          __builtin_prefetch(cotangent + ch * plane + rows_ahead * task.out_width);
          reader.fetch(ch, tap);
          if constexpr (K == 2) {
            for (int k = 0; k < 2; ++k) {
              along[k] = fma(w, tap[k][1] - tap[k][0], along[k]);
              down[k] = fma(w, tap[1][k] - tap[0][k], down[k]);
            }
          } else {
            gx = fma(w, weigh<T, K>(slope_x, wy, tap), gx);
            gy = fma(w, weigh<T, K>(wx, slope_y, tap), gy);
          }
        }
        if constexpr (K == 2) {  // slopes of two weights are opposite: differences of taps are summed first
          gx = slope_x[1] * fma(wy[1], along[1], wy[0] * along[0]);
          gy = slope_y[1] * fma(wx[1], down[1], wx[0] * down[0]);
        }
      });
  gx = select(c.valid, gx, V(0));
  gy = select(c.valid, gy, V(0));
}

/// What slope_of_sum gives for the pixels of a tile.
template <class T>
struct TileSlopes {
  alignas(64) T x[sample_tile][sample_tile], y[sample_tile][sample_tile];
};

template <class T>
[[gnu::noinline]] void slopes_to_grid(const SampleTask<T>& task, const Tile<T>& t, const TileSlopes<T>& slopes,
                                      T* gradient) {
  for (int dy = 0; dy < t.height; ++dy) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(t.y + dy) * task.out_width + t.x;
    T* const to = gradient + at * task.gradient_pixel;
    const T *x = slopes.x[dy], *y = slopes.y[dy];
    for (int i = 0; i < t.width; ++i) {
      to[i * task.gradient_pixel] = x[i];
      to[i * task.gradient_pixel + task.gradient_y] = y[i];
    }
  }
}

/// The tile's nine sums.
template <class T>
[[gnu::noinline]] void slopes_to_matrix(const SampleTask<T>& task, const Tile<T>& t, const TileSlopes<T>& slopes,
                                        double* to) {
  using V = Vec<T>;
  V total[9];
  for (V& v : total) v = V(0);
  for (int dy = 0; dy < t.height; ++dy) {
    for (int dx = 0; dx < t.width; dx += lanes<T>) {
      const V w[2] = {V::load(slopes.x[dy] + dx), V::load(slopes.y[dy] + dx)};
      V g[3] = {w[0], w[1], V(0)};
      if (task.kind == MapKind::homography) {
        // Where nothing moves, which is so wherever there is no position, the projection does not matter.
        const auto still = (w[0] == V(0)) & (w[1] == V(0));
        const Position<T> p = position(task, t, dx, dy, lanes<T>);
        const V x[3] = {select(still, V(0), p.a), select(still, V(0), p.b), select(still, V(1), p.w)};
        vjp<Projection, false>(x, static_cast<const V*>(nullptr), w, g, static_cast<V*>(nullptr));
      }
      const V u = V::ramp() + V(dx), v(dy);
      for (int r = 0; r < 3; ++r) {
        total[3 * r] = fma(g[r], u, total[3 * r]);
        total[3 * r + 1] = fma(g[r], v, total[3 * r + 1]);
        total[3 * r + 2] = total[3 * r + 2] + g[r];
      }
    }
  }
  // Back from the tile's map to the matrix: the transpose of what tile_at did.
  for (int r = 0; r < 3; ++r) {
    const double one = sum_lanes(total[3 * r + 2]) * t.scale;
    to[3 * r] = sum_lanes(total[3 * r]) * t.scale + one * t.x;
    to[3 * r + 1] = sum_lanes(total[3 * r + 1]) * t.scale + one * t.y;
    to[3 * r + 2] = one;
  }
  for (int k = 0; k < 3; ++k) {
    to[6 + k] -= static_cast<double>(t.base_x) * to[k] + static_cast<double>(t.base_y) * to[3 + k];
  }
}

template <class W, class T>
void map_adjoint(const SampleTask<T>& task, const T* cotangent, std::int64_t first, std::int64_t last, double* sums,
                 T* grid_gradient) {
  constexpr int K = taps_of<W>;
  TileSlopes<T> slopes;
  for (std::int64_t index = first; index < last; ++index) {
    const Tile<T> t = tile_at(task, index);
    each_spot<W>(
        task, t, [&](const Spot<T, K>& spot) __attribute__((always_inline)) {
          const ptrdiff_t at = static_cast<ptrdiff_t>(t.y + spot.dy) * task.out_width + t.x + spot.dx;
          Vec<T> gx(0), gy(0);
          if (!spot.cell.outside) slope_of_sum<W>(task, t, spot, cotangent + at, gx, gy);
          gx.store(slopes.x[spot.dy] + spot.dx);
          gy.store(slopes.y[spot.dy] + spot.dx);
        });
    const Tile<T> copy = t;
    if (task.kind == MapKind::grid) {
      slopes_to_grid(task, copy, slopes, grid_gradient);
    } else {
      slopes_to_matrix(task, copy, slopes, sums + 9 * index);
    }
  }
}

// ---- the table: one entry each, the choice of weights made inside ---------------------------------------------------

template <class T>
void choose_forward(const SampleTask<T>& task, T* out, std::int64_t first, std::int64_t last) {
  switch (task.mode) {
    case Interpolation::nearest:
      return forward<NearestWeights>(task, out, first, last);
    case Interpolation::bilinear:
      return forward<LinearWeights>(task, out, first, last);
    case Interpolation::bicubic:
      return forward<CubicWeights>(task, out, first, last);
  }
}

template <class T>
void choose_rows(const SampleTask<T>& task, std::int64_t first, std::int64_t last, std::int32_t* to) {
  switch (task.mode) {
    case Interpolation::nearest:
      return rows<NearestWeights>(task, first, last, to);
    case Interpolation::bilinear:
      return rows<LinearWeights>(task, first, last, to);
    case Interpolation::bicubic:
      return rows<CubicWeights>(task, first, last, to);
  }
}

template <class T>
void choose_splat(const SampleTask<T>& task, const T* cotangent, T* gradient, int begin, int end,
                  const std::int32_t* touched) {
  switch (task.mode) {
    case Interpolation::nearest:
      return splat<NearestWeights>(task, cotangent, gradient, begin, end, touched);
    case Interpolation::bilinear:
      return splat<LinearWeights>(task, cotangent, gradient, begin, end, touched);
    case Interpolation::bicubic:
      return splat<CubicWeights>(task, cotangent, gradient, begin, end, touched);
  }
}

template <class T>
void choose_map_adjoint(const SampleTask<T>& task, const T* cotangent, std::int64_t first, std::int64_t last,
                        double* sums, T* grid_gradient) {
  if (task.mode == Interpolation::bicubic) {
    map_adjoint<CubicWeights>(task, cotangent, first, last, sums, grid_gradient);
  } else {  // nearest is constant between its jumps; the family does not ask
    map_adjoint<LinearWeights>(task, cotangent, first, last, sums, grid_gradient);
  }
}

template <class T>
constexpr SampleKernels<T> kernels = {choose_forward<T>, choose_rows<T>, choose_splat<T>, choose_map_adjoint<T>};

}  // namespace

#if LUMIGRAD_VECTOR_BYTES > 16  // double precision stays at the baseline, as for formulas
extern const SampleTable sample_table = {kernels<float>, {}};
#else
extern const SampleTable sample_table = {kernels<float>, kernels<double>};
#endif

}  // namespace lumigrad::LUMIGRAD_LEVEL
