// SPDX-License-Identifier: Apache-2.0
// Kernels of the sample family on volumes, built once per instruction level. Read families/sample_volume.h for what
// they compute. Where the number of taps does not decide, derivatives of the weights are chosen at run time: eight taps
// an output hide it, and the library stays small.
#include <lumigrad/engine/cpu/volume_cell.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

template <class T>
LUMIGRAD_SIMD ptrdiff_t out_plane(const VolumeTask<T>& task) {
  return static_cast<ptrdiff_t>(task.out[2]) * task.out[1] * task.out[0];
}
template <class T>
LUMIGRAD_SIMD ptrdiff_t out_at(const VolumeTask<T>& task, const VolumeTile<T>& t, int dx, int dy) {
  return (static_cast<ptrdiff_t>(t.z) * task.out[1] + t.y + dy) * task.out[0] + t.x + dx;
}

template <class W, class T>
LUMIGRAD_SIMD void axis_weights(const VolumeTask<T>& task, const VolumeCell<T>& c, int more,
                                Vec<T> (&w)[3][taps_of<W>]) {
  for (int a = 0; a < 3; ++a) weights<W>(c.t[a], 0, task.order[a] + more, w[a]);
}

template <class W, class T>
void volume_forward(const VolumeTask<T>& task, T* out, std::int64_t first, std::int64_t last) {
  constexpr int K = taps_of<W>;
  const ptrdiff_t plane = out_plane(task);
  const bool filled = task.fill && task.order[0] + task.order[1] + task.order[2] == 0;
  for (std::int64_t index = first; index < last; ++index) {
    const VolumeTile<T> t = volume_tile_at(task, index);
    const auto read = [&](int dy, const VolumeCell<T>& c) __attribute__((always_inline)) {
      T* to = out + out_at(task, t, c.dx, dy);
      if (c.outside) {
        for (int ch = 0; ch < task.channels; ++ch)
          store_some(Vec<T>(filled ? task.fill[ch] : T(0)), to + ch * plane, c.count);
        return;
      }
      Vec<T> w[3][K];
      axis_weights<W>(task, c, 0, w);
      const auto weigh_all = [&](int ch, const Vec<T>(&tap)[K][K][K]) __attribute__((always_inline)) {
        Vec<T> value = w[2][0] * weigh<T, K>(w[0], w[1], tap[0]);
        for (int k = 1; k < K; ++k) value = fma(w[2][k], weigh<T, K>(w[0], w[1], tap[k]), value);
        store_some(value, to + ch * plane, c.count);
      };
      each_channel<K>(task, t, c, weigh_all);
    };
    each_cell(task, t, K, read);
  }
}

// Which tile adds to a voxel first, and in which order, follows from the map alone. So the slabs into which threads cut
// the volume change no bit of the result.
template <class W, class T>
void volume_splat(const VolumeTask<T>& task, const T* cotangent, T* gradient, int begin, int end,
                  const std::int32_t* slices) {
  constexpr int K = taps_of<W>, taps = K * K * K;
  const ptrdiff_t plane = out_plane(task);
  const std::int64_t across = (task.out[0] + volume_tile_width - 1) / volume_tile_width;
  const std::int64_t down = (task.out[1] + volume_tile_height - 1) / volume_tile_height;
  for (std::int64_t index = 0; index < across * down * task.out[2]; ++index) {
    if (slices && (slices[2 * index] >= end || slices[2 * index + 1] <= begin)) continue;
    const VolumeTile<T> t = volume_tile_at(task, index);
    const auto add = [&](int dy, const VolumeCell<T>& c) __attribute__((always_inline)) {
      if (c.outside) return;
      using I = Int<T>;
      using Integer = typename I::Integer;
      const auto off = (c.first[2] < I(static_cast<Integer>(begin - t.base[2]))) |
                       (c.first[2] > I(static_cast<Integer>(end - K - t.base[2])));
      const bool inside = c.inside && !any(off);
      VolumeLaneTaps<T> found;
      unsigned there[taps] = {};
      if (!inside) {
        find_volume_taps(task, t, c, K, found);
        for (int tap = 0; tap < taps; ++tap)
          there[tap] = (found.in[0][tap % K] & found.in[1][tap / K % K] & found.in[2][tap / (K * K)]).bits();
      }
      const VolumeOffsets<T> offsets(task, t, c);
      Vec<T> w[3][K];
      axis_weights<W>(task, c, 0, w);
      const T* from = cotangent + out_at(task, t, c.dx, dy);
      for (int ch = 0; ch < task.channels; ++ch) {
        alignas(64) T part[taps][lanes<T>];
        const Vec<T> value = load_some(from + ch * plane, c.count);
        for (int k = 0; k < K; ++k) {
          for (int j = 0; j < K; ++j) {
            const Vec<T> row = value * w[2][k] * w[1][j];
            for (int i = 0; i < K; ++i) (row * w[0][i]).store(part[(k * K + j) * K + i]);
          }
        }
        T* to = gradient + ch * task.channel_stride;
        if (inside) {
          for (int lane = 0; lane < lanes<T>; ++lane) {
            T* at = to + (offsets.origin + offsets.lane[lane]);
            for (int k = 0; k < K; ++k) {
              for (int j = 0; j < K; ++j) {
                T* row = at + k * task.stride[2] + j * task.stride[1];
                for (int i = 0; i < K; ++i) row[i] += part[(k * K + j) * K + i][lane];
              }
            }
          }
          continue;
        }
        for (int lane = 0; lane < c.count; ++lane) {  // and then taps, as inside
          for (int tap = 0; tap < taps; ++tap) {
            const ptrdiff_t z = found.at[2][tap / (K * K)][lane], y = found.at[1][tap / K % K][lane];
            if ((there[tap] >> lane & 1u) == 0 || z < begin || z >= end) continue;
            to[z * task.stride[2] + y * task.stride[1] + found.at[0][tap % K][lane]] += part[tap][lane];
          }
        }
      }
    };
    each_cell(task, t, K, add);
  }
}

// How the sum of cotangent times output changes when positions move: one weight of the three gives its slope.
template <class T>
LUMIGRAD_SIMD void volume_slopes(const VolumeTask<T>& task, const VolumeTile<T>& t, const VolumeCell<T>& c,
                                 const T* cotangent, Vec<T> (&g)[4]) {
  using V = Vec<T>;
  const ptrdiff_t plane = out_plane(task);
  V w[3][2], slope[3][2];
  axis_weights<LinearWeights>(task, c, 0, w);
  axis_weights<LinearWeights>(task, c, 1, slope);
  const auto along_axes = [&](int ch, const V(&tap)[2][2][2]) __attribute__((always_inline)) {
    V sum[3] = {V(0), V(0), V(0)};
    for (int k = 0; k < 2; ++k) {
      sum[0] = fma(w[2][k], weigh<T, 2>(slope[0], w[1], tap[k]), sum[0]);
      sum[1] = fma(w[2][k], weigh<T, 2>(w[0], slope[1], tap[k]), sum[1]);
      sum[2] = fma(slope[2][k], weigh<T, 2>(w[0], w[1], tap[k]), sum[2]);
    }
    const V value = load_some(cotangent + ch * plane, c.count);
    for (int a = 0; a < 3; ++a) g[a] = fma(value, sum[a], g[a]);
  };
  each_channel<2>(task, t, c, along_axes);
  for (int a = 0; a < 3; ++a) g[a] = select(c.valid, g[a], V(0));
}

template <class T>
void volume_map_adjoint(const VolumeTask<T>& task, const T* cotangent, std::int64_t first, std::int64_t last,
                        double* sums, T* grid_gradient) {
  using V = Vec<T>;
  for (std::int64_t index = first; index < last; ++index) {
    const VolumeTile<T> t = volume_tile_at(task, index);
    V total[12];
    for (V& v : total) v = V(0);
    const auto collect = [&](int dy, const VolumeCell<T>& c) __attribute__((always_inline)) {
      const ptrdiff_t at = out_at(task, t, c.dx, dy);
      V g[4] = {V(0), V(0), V(0), V(0)};
      if (!c.outside) volume_slopes(task, t, c, cotangent + at, g);
      if (task.kind == MapKind::grid) {
        for (int a = 0; a < 3; ++a) {
          alignas(64) T along[lanes<T>];
          g[a].store(along);
          for (int i = 0; i < c.count; ++i) grid_gradient[3 * (at + i) + a] = along[i];
        }
        return;
      }
      if (c.outside) return;
      if (task.kind == MapKind::homography) {
        V rows[4];
        map_rows(t, c.dx, dy, rows);
        for (int r = 0; r < 4; ++r) rows[r] = select(c.valid, rows[r], V(r == 3));
        const V w[3] = {g[0], g[1], g[2]};
        dual_vjp<SpatialProjection, false>(rows, static_cast<const V*>(nullptr), w, g, static_cast<V*>(nullptr));
      }
      const V u = V::ramp() + V(c.dx), v(dy);
      for (int r = 0; r < 4; ++r) {
        total[3 * r] = fma(g[r], u, total[3 * r]);
        total[3 * r + 1] = fma(g[r], v, total[3 * r + 1]);
        total[3 * r + 2] = total[3 * r + 2] + g[r];
      }
    };
    each_cell(task, t, 2, collect);
    if (task.kind == MapKind::grid) continue;
    // Back from the tile's map to the matrix: the transpose of what volume_tile_at did.
    double* to = sums + 16 * index;
    for (int r = 0; r < 4; ++r) {
      const double one = sum_lanes(total[3 * r + 2]) * t.scale;
      to[4 * r] = sum_lanes(total[3 * r]) * t.scale + one * t.x;
      to[4 * r + 1] = sum_lanes(total[3 * r + 1]) * t.scale + one * t.y;
      to[4 * r + 2] = one * t.z;
      to[4 * r + 3] = one;
    }
    for (int k = 0; k < 4; ++k) {
      for (int a = 0; a < 3; ++a) to[12 + k] -= static_cast<double>(t.base[a]) * to[4 * a + k];
    }
  }
}

// ---- the table: one entry each, the choice of weights made inside ---------------------------------------------------

template <class T>
void choose_volume_forward(const VolumeTask<T>& task, T* out, std::int64_t first, std::int64_t last) {
  if (task.mode == Interpolation::nearest) return volume_forward<NearestWeights>(task, out, first, last);
  volume_forward<LinearWeights>(task, out, first, last);
}

template <class T>
void choose_volume_splat(const VolumeTask<T>& task, const T* cotangent, T* gradient, int begin, int end,
                         const std::int32_t* slices) {
  if (task.mode == Interpolation::nearest)
    return volume_splat<NearestWeights>(task, cotangent, gradient, begin, end, slices);
  volume_splat<LinearWeights>(task, cotangent, gradient, begin, end, slices);
}

template <class T>
constexpr VolumeKernels<T> volume_kernels = {choose_volume_forward<T>, choose_volume_splat<T>, volume_map_adjoint<T>};

}  // namespace

#if LUMIGRAD_VECTOR_BYTES > 16  // double precision stays at the baseline, as for formulas
extern const VolumeTable volume_table = {volume_kernels<float>, {}};
#else
extern const VolumeTable volume_table = {volume_kernels<float>, volume_kernels<double>};
#endif

}  // namespace lumigrad::LUMIGRAD_LEVEL
