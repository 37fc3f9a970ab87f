// SPDX-License-Identifier: Apache-2.0
// Where a vector of output voxels reads in a volume, and how its taps are fetched: sample_cell.h with a third axis.
// Included by volume.cpp at each instruction level.
#pragma once
#include <lumigrad/engine/cpu/sample_border.h>
#include <lumigrad/engine/cpu/volume_kernels.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

/// A tile of the output, and the map written for it: with (u, v) counted from the tile's corner and positions from the
/// base point, (x, y, z) = (a, b, c) / w for (a, b, c, w) = m (u, v, 1).
template <class T>
struct VolumeTile {
  int x, y, z, width, height;
  ptrdiff_t base[3];  // even, so that rounding half to even does not depend on the tile
  double scale;       // m is the matrix times this
  T m[12];
  bool inside;  // all positions lie two voxels inside the volume
};

// The map makes a convex quadrilateral of a tile unless w changes its sign there. So its corners tell where it lies.
template <class T>
bool tile_inside(const VolumeTask<T>& task, const VolumeTile<T>& t, const double (&m)[12]) {
  bool inside =
      sizeof(T) == 8 || task.stride[2] * static_cast<ptrdiff_t>(task.extent[2] + 4) <= 0x7fffffff;  // offsets count
  for (int corner = 0; corner < 4; ++corner) {
    const double u = corner & 1 ? t.width - 1 : 0, v = corner & 2 ? t.height - 1 : 0;
    const double w = (m[9] * u + m[10] * v + m[11]) * t.scale;
    inside = inside && w > 0.1;
    for (int a = 0; a < 3; ++a) {
      const double p = (m[3 * a] * u + m[3 * a + 1] * v + m[3 * a + 2]) * t.scale / w;
      inside = inside && p > 2 && p < task.extent[a] - 3;
    }
  }
  return inside;
}

template <class T>
__attribute__((noinline)) VolumeTile<T> volume_tile_at(const VolumeTask<T>& task, std::int64_t index) {
  const std::int64_t across = (task.out[0] + volume_tile_width - 1) / volume_tile_width;
  const std::int64_t down = (task.out[1] + volume_tile_height - 1) / volume_tile_height;
  VolumeTile<T> t;
  t.x = static_cast<int>(index % across) * volume_tile_width;
  t.y = static_cast<int>(index / across % down) * volume_tile_height;
  t.z = static_cast<int>(index / across / down);
  t.width = task.out[0] - t.x < volume_tile_width ? task.out[0] - t.x : volume_tile_width;
  t.height = task.out[1] - t.y < volume_tile_height ? task.out[1] - t.y : volume_tile_height;
  t.scale = 1;
  t.inside = false;
  t.base[0] = t.base[1] = t.base[2] = 0;
  if (task.kind == MapKind::grid) return t;
  double m[12];
  for (int r = 0; r < 4; ++r) {
    const double* h = task.matrix + 4 * r;
    m[3 * r] = h[0];
    m[3 * r + 1] = h[1];
    m[3 * r + 2] = h[0] * t.x + h[1] * t.y + h[2] * t.z + h[3];
  }
  const double w = m[11];
  if (task.kind == MapKind::homography && w - w == 0 && w != 0) t.scale = 1 / w;
  t.inside = tile_inside(task, t, m);
  // p - base = (a - base w) / w: subtracting base times the last row moves the origin of positions.
  for (int a = 0; a < 3; ++a) {
    t.base[a] = even_near(m[3 * a + 2] * t.scale);
    for (int k = 0; k < 3; ++k)
      t.m[3 * a + k] = static_cast<T>((m[3 * a + k] - static_cast<double>(t.base[a]) * m[9 + k]) * t.scale);
  }
  for (int k = 9; k < 12; ++k) t.m[k] = static_cast<T>(m[k] * t.scale);
  return t;
}

/// The map's rows at `lanes` output voxels from (dx, dy) of a tile on: positions, but for the division by the fourth.
template <class T>
LUMIGRAD_SIMD void map_rows(const VolumeTile<T>& t, int dx, int dy, Vec<T> (&rows)[4]) {
  const Vec<T> u = Vec<T>::ramp() + Vec<T>(dx);
  const T v = static_cast<T>(dy);
  for (int r = 0; r < 4; ++r) rows[r] = fma(Vec<T>(t.m[3 * r]), u, Vec<T>(t.m[3 * r + 1] * v + t.m[3 * r + 2]));
}

/// Where a vector of output voxels reads: on each axis the first of its taps, counted from the base, and the fraction.
/// Positions that are not finite, or beyond 2^29 voxels, are not valid and count as outside whatever the border; so do
/// lanes beyond `count`.
template <class T>
struct VolumeCell {
  Vec<T> t[3];
  Int<T> first[3];
  Mask<T> valid;
  int dx, count;
  bool inside;   // every lane has all its taps in the volume
  bool outside;  // no lane has one that counts
};

template <class T>
LUMIGRAD_SIMD void volume_position(const VolumeTask<T>& task, const VolumeTile<T>& t, int dx, int dy, int count,
                                   Vec<T> (&p)[3]) {
  using V = Vec<T>;
  const V nan(static_cast<T>(__builtin_nan("")));
  if (task.kind == MapKind::grid) {
    const T* from =
        task.grid + t.z * task.grid_stride[2] + (t.y + dy) * task.grid_stride[1] + (t.x + dx) * task.grid_stride[0];
    for (int a = 0; a < 3; ++a, from += task.grid_coordinate) {
      alignas(64) T at[lanes<T>] = {};
      for (int i = 0; i < count; ++i) at[i] = from[i * task.grid_stride[0]];
      p[a] = V::load(at);
    }
  } else {
    V rows[4];
    map_rows(t, dx, dy, rows);
    for (int a = 0; a < 3; ++a) p[a] = rows[a];
    if (task.kind == MapKind::homography) {
      const auto plain = forward<SpatialProjection>(rows, static_cast<const V*>(nullptr));
      for (int a = 0; a < 3; ++a) p[a] = plain[a];
    }
  }
  if (count < lanes<T>) p[0] = select(V::ramp() < V(count), p[0], nan);
}

template <class T>
LUMIGRAD_SIMD void locate_vector(const VolumeTask<T>& task, const VolumeTile<T>& t, int taps, const Vec<T> (&p)[3],
                                 VolumeCell<T>& c) {
  using V = Vec<T>;
  using I = Int<T>;
  using Integer = typename I::Integer;
  c.inside = t.inside && c.count == lanes<T>;
  c.outside = false;
  c.valid = p[0] == p[0];
  if (!c.inside) {
    const V limit(T(0x1p29));
    c.valid = (abs(p[0]) <= limit) & (abs(p[1]) <= limit) & (abs(p[2]) <= limit);
  }
  Mask<T> off = !c.valid, away = !c.valid;
  for (int a = 0; a < 3; ++a) {
    const V x = c.inside ? p[a] : select(c.valid, p[a], V(0));
    const V whole = taps == 1 ? first_whole<T, 1>(x) : first_whole<T, 2>(x);
    c.t[a] = x - whole;
    c.first[a] = to_int(whole);
    const auto low = static_cast<Integer>(-t.base[a]);
    const auto high = static_cast<Integer>(task.extent[a] - taps - t.base[a]);
    const auto reach = static_cast<Integer>(taps - 1);
    off = off | (c.first[a] < I(low)) | (c.first[a] > I(high));
    away = away | (c.first[a] < I(low - reach)) | (c.first[a] > I(high + reach));
  }
  if (c.inside) return;
  c.inside = !any(off);
  c.outside = task.extent[0] == 0 || task.extent[1] == 0 || task.extent[2] == 0;
  if (!c.inside && task.border == Border::zeros) c.outside = all(away);
  if (sizeof(T) == 4 && task.stride[2] * static_cast<ptrdiff_t>(task.extent[2] + taps) > 0x7fffffff) c.inside = false;
}

/// The cells of one row of a tile. One function for every kind of map and number of taps: the kernels differ in what
/// they do at a cell, and most of their code would be this.
template <class T>
__attribute__((noinline)) void locate_row(const VolumeTask<T>& task, const VolumeTile<T>& t, int dy, int taps,
                                          VolumeCell<T>* cells) {
  for (int dx = 0; dx < t.width; dx += lanes<T>, ++cells) {
    cells->dx = dx;
    cells->count = t.width - dx < lanes<T> ? t.width - dx : lanes<T>;
    Vec<T> p[3];
    volume_position(task, t, dx, dy, cells->count, p);
    locate_vector(task, t, taps, p, *cells);
  }
}

/// Calls body(dy, cell) for each vector of output voxels of a tile, row by row.
template <class T, class Body>
LUMIGRAD_SIMD void each_cell(const VolumeTask<T>& task, const VolumeTile<T>& t, int taps, Body body) {
  VolumeCell<T> cells[volume_tile_width / lanes<T>];
  for (int dy = 0; dy < t.height; ++dy) {
    locate_row(task, t, dy, taps, cells);
    for (int k = 0; k * lanes<T> < t.width; ++k) body(dy, cells[k]);
  }
}

/// The taps of a cell that is not wholly inside, by the rule of the border. Where there is no voxel, `at` is 0 and the
/// mask is false.
template <class T>
struct VolumeLaneTaps {
  alignas(64) typename Int<T>::Integer at[3][2][lanes<T>];
  Mask<T> in[3][2];
};

template <class T>
__attribute__((noinline)) void find_volume_taps(const VolumeTask<T>& task, const VolumeTile<T>& t,
                                                const VolumeCell<T>& c, int taps, VolumeLaneTaps<T>& found) {
  using I = Int<T>;
  for (int a = 0; a < 3; ++a) {
    for (int k = 0; k < taps; ++k) {
      const I i = c.first[a] + I(static_cast<typename I::Integer>(t.base[a] + k));
      tap_at_border<T>(i, c.valid, task.extent[a], task.border, found.at[a][k], found.in[a][k]);
    }
  }
}

/// The offsets of cells that lie in the volume, from `origin` on.
template <class T>
struct VolumeOffsets {
  ptrdiff_t origin;
  alignas(64) typename Int<T>::Integer lane[lanes<T>];

  LUMIGRAD_SIMD VolumeOffsets(const VolumeTask<T>& task, const VolumeTile<T>& t, const VolumeCell<T>& c) {
    using I = Int<T>;
    using Integer = typename I::Integer;
    origin = t.base[2] * task.stride[2] + t.base[1] * task.stride[1] + t.base[0];
    const I slices(static_cast<Integer>(task.stride[2])), rows(static_cast<Integer>(task.stride[1]));
    (c.first[2] * slices + c.first[1] * rows + c.first[0]).store(lane);
  }
};

/// Calls body(channel, taps) for each channel of a cell.
template <int K, class T, class Body>
LUMIGRAD_SIMD void each_channel(const VolumeTask<T>& task, const VolumeTile<T>& t, const VolumeCell<T>& c, Body body) {
  if (c.inside) {
    const VolumeOffsets<T> offsets(task, t, c);
    for (int ch = 0; ch < task.channels; ++ch) {
      Vec<T> tap[K][K][K];
      const T* from = task.volume + ch * task.channel_stride + offsets.origin;
      for (int k = 0; k < K; ++k) {
        for (int j = 0; j < K; ++j)
          fetch_row<T, K>(from + k * task.stride[2] + j * task.stride[1], offsets.lane, tap[k][j]);
      }
      body(ch, tap);
    }
    return;
  }
  VolumeLaneTaps<T> found;
  find_volume_taps(task, t, c, K, found);
  for (int ch = 0; ch < task.channels; ++ch) {
    Vec<T> tap[K][K][K];
    const T* from = task.volume + ch * task.channel_stride;
    const Vec<T> outside(task.fill ? task.fill[ch] : T(0));
    for (int k = 0; k < K; ++k) {
      for (int j = 0; j < K; ++j) {
        alignas(64) T value[K][lanes<T>];
        for (int i = 0; i < lanes<T>; ++i) {
          const T* row = from + found.at[2][k][i] * task.stride[2] + found.at[1][j][i] * task.stride[1];
          for (int x = 0; x < K; ++x) value[x][i] = row[found.at[0][x][i]];
        }
        for (int x = 0; x < K; ++x) {
          const Mask<T> there = found.in[2][k] & found.in[1][j] & found.in[0][x];
          tap[k][j][x] = select(there, Vec<T>::load(value[x]), outside);
        }
      }
    }
    body(ch, tap);
  }
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
