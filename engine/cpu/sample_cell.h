// SPDX-License-Identifier: Apache-2.0
// Where a vector of output pixels reads: position, first tap, fraction, and how its taps are fetched. Included by
// sample.cpp at each instruction level.
//
// What is done for every vector is inlined into each kernel; what is done once a tile, at borders and at the ends of
// rows stands in functions of their own, of which all kernels share one copy. They are given copies: what a function
// has the address of, the compiler no longer keeps in registers.
#pragma once
#include <utility>

#include <lumigrad/engine/cpu/sample_kernels.h>
#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

using std::ptrdiff_t;

template <class T>
inline constexpr int lanes = Vec<T>::width;

/// A tile of the output, and the map written for it: with (dx, dy) counted from the tile's corner and positions from
/// the base point, (x, y) = (a, b) / w for (a, b, w) = m (dx, dy, 1).
template <class T>
struct Tile {
  int x, y, width, height;
  ptrdiff_t base_x, base_y;  // even, so that rounding half to even does not depend on the tile
  double scale;              // m is the matrix times this
  T m[9];
  bool bounded;  // the map is well-behaved in the tile, and its positions lie in this box
  double x0, y0, x1, y1;
  bool inside;     // the box lies two pixels inside the image
  int slant;       // a bound of the rows between the ends of a vector, where it is small
  double stretch;  // how far columns between neighbouring outputs are from one, at most
};

LUMIGRAD_SIMD ptrdiff_t even_near(double p) {
  return p > -0x1p30 && p < 0x1p30 ? static_cast<ptrdiff_t>(p * 0.5) * 2 : 0;
}

// The map makes a convex quadrilateral of a tile unless w changes its sign there. So the corners tell where it lies.
// `m`: the map from the tile's corner on.
template <class T>
LUMIGRAD_SIMD void bound_tile(const SampleTask<T>& task, const double (&m)[9], Tile<T>& t) {
  t.bounded = true;
  t.stretch = 0;
  double first = 0, last = 0, left = 0;
  for (int corner = 0; corner < 4; ++corner) {
    const double u = corner & 1 ? t.width - 1 : 0, v = corner & 2 ? t.height - 1 : 0;
    const double w = (m[6] * u + m[7] * v + m[8]) * t.scale;
    const double x = (m[0] * u + m[1] * v + m[2]) * t.scale / w, y = (m[3] * u + m[4] * v + m[5]) * t.scale / w;
    t.bounded = t.bounded && w > 0.1 && x > -0x1p29 && x < 0x1p29 && y > -0x1p29 && y < 0x1p29;
    t.x0 = corner == 0 || x < t.x0 ? x : t.x0;
    t.x1 = corner == 0 || x > t.x1 ? x : t.x1;
    t.y0 = corner == 0 || y < t.y0 ? y : t.y0;
    t.y1 = corner == 0 || y > t.y1 ? y : t.y1;
    if (corner == 0) first = y, left = x;
    if (corner == 1) last = y;
    if (corner == 2) left = x;
    if ((corner & 1) && t.width > 1) {
      const double stretch = (x - left) / (t.width - 1) - 1, size = stretch < 0 ? -stretch : stretch;
      t.stretch = size > t.stretch ? size : t.stretch;
    }
  }
  const bool countable = sizeof(T) == 8 || task.row_stride * static_cast<ptrdiff_t>(task.height + 4) <= 0x7fffffff;
  t.inside = t.bounded && countable && t.x0 > 2 && t.y0 > 2 && t.x1 < task.width - 3 && t.y1 < task.height - 3;
  const double slope = t.width > 1 ? (last - first) / (t.width - 1) * (lanes<T> - 1) : 0;
  t.slant = slope > -3 && slope < 3 ? static_cast<int>(slope < 0 ? -slope : slope) + 1 : 0;
}

template <class T>
[[gnu::noinline]] Tile<T> make_tile(const SampleTask<T>& task, std::int64_t index) {
  const std::int64_t across = (task.out_width + sample_tile - 1) / sample_tile;
  Tile<T> t;
  t.x = static_cast<int>(index % across) * sample_tile;
  t.y = static_cast<int>(index / across) * sample_tile;
  t.width = task.out_width - t.x < sample_tile ? task.out_width - t.x : sample_tile;
  t.height = task.out_height - t.y < sample_tile ? task.out_height - t.y : sample_tile;
  t.base_x = t.base_y = 0;
  t.scale = 1;
  t.bounded = t.inside = false;
  t.slant = 0;
  t.stretch = 0;
  if (task.kind == MapKind::grid) return t;
  const double* h = task.matrix;
  double m[9];
  for (int r = 0; r < 3; ++r) {
    m[3 * r] = h[3 * r];
    m[3 * r + 1] = h[3 * r + 1];
    m[3 * r + 2] = h[3 * r] * t.x + h[3 * r + 1] * t.y + h[3 * r + 2];
  }
  const double w = m[8];
  if (task.kind == MapKind::homography && w - w == 0 && w != 0) t.scale = 1 / w;
  bound_tile(task, m, t);
  // x - base = (a - base w) / w: subtracting base times the third row moves the origin of positions.
  t.base_x = even_near(m[2] * t.scale);
  t.base_y = even_near(m[5] * t.scale);
  for (int k = 0; k < 3; ++k) {
    t.m[k] = static_cast<T>((m[k] - static_cast<double>(t.base_x) * m[6 + k]) * t.scale);
    t.m[3 + k] = static_cast<T>((m[3 + k] - static_cast<double>(t.base_y) * m[6 + k]) * t.scale);
    t.m[6 + k] = static_cast<T>(m[6 + k] * t.scale);
  }
  return t;
}

template <class T>
LUMIGRAD_SIMD Tile<T> tile_at(const SampleTask<T>& task, std::int64_t index) {
  const Tile<T> made = make_tile(task, index);
  return made;
}

/// Positions of `count` output pixels from (dx, dy) of a tile on; the other lanes repeat the last one.
template <class T>
struct Position {
  Vec<T> x, y, a, b, w;
};

template <class T>
[[gnu::noinline]] void read_grid(const SampleTask<T>& task, ptrdiff_t from, int count, T* x, T* y) {
  for (int i = 0; i < lanes<T>; ++i) {
    const ptrdiff_t at = from + (i < count ? i : count - 1) * task.grid_pixel;
    x[i] = task.grid_x[at];
    y[i] = task.grid_y[at];
  }
}

template <class T>
LUMIGRAD_SIMD Position<T> grid_position(const SampleTask<T>& task, const Tile<T>& t, int dx, int dy, int count) {
  using V = Vec<T>;
  const ptrdiff_t from = (t.y + dy) * task.grid_row + (t.x + dx) * task.grid_pixel;
  if (task.grid_pixel == 1 && count == lanes<T>) {
    const V x = V::load(task.grid_x + from), y = V::load(task.grid_y + from);
    return {x, y, x, y, V(1)};
  }
  alignas(64) T x[lanes<T>], y[lanes<T>];
  read_grid(task, from, count, x, y);
  return {V::load(x), V::load(y), V::load(x), V::load(y), V(1)};
}

template <class T>
LUMIGRAD_SIMD Position<T> position(const SampleTask<T>& task, const Tile<T>& t, int dx, int dy, int count) {
  using V = Vec<T>;
  if (task.kind == MapKind::grid) return grid_position(task, t, dx, dy, count);
  V u = V::ramp() + V(dx);
  if (count < lanes<T>) u = min(u, V(dx + count - 1));
  const T v = static_cast<T>(dy);
  const V a = fma(V(t.m[0]), u, V(t.m[1] * v + t.m[2]));
  const V b = fma(V(t.m[3]), u, V(t.m[4] * v + t.m[5]));
  V w(1), x = a, y = b;
  if (task.kind == MapKind::homography) {
    w = fma(V(t.m[6]), u, V(t.m[7] * v + t.m[8]));
    const V homogeneous[3] = {a, b, w};
    const auto plain = forward<Projection>(homogeneous, static_cast<const V*>(nullptr));
    x = plain[0];
    y = plain[1];
  }
  return {x, y, a, b, w};
}

/// The first of K taps on each axis, counted from the base, and the fractions. Positions that are not finite, or beyond
/// 2^29 pixels, are not valid and count as outside whatever the border.
template <class T, int K>
struct Cell {
  Vec<T> tx, ty;
  Int<T> ix, iy;
  Mask<T> valid;
  bool inside;   // every lane has all its taps in the image
  bool outside;  // no lane has one that counts
};

template <class T, int K>
LUMIGRAD_SIMD Vec<T> first_whole(const Vec<T>& x) {
  if constexpr (K == 1) {
    const Vec<T> rounder(sizeof(T) == 4 ? T(0x1.8p23) : T(0x1.8p52));  // adding it leaves no digits after the point
    return (x + rounder) - rounder;
  } else {
    return floor(x);
  }
}

template <class T, int K>
LUMIGRAD_SIMD Cell<T, K> locate(const SampleTask<T>& task, const Tile<T>& t, const Position<T>& p) {
  using V = Vec<T>;
  using I = Int<T>;
  constexpr int before = K == 4 ? 1 : 0;
  Cell<T, K> c;
  if (t.inside) {
    const V fx = first_whole<T, K>(p.x), fy = first_whole<T, K>(p.y);
    c.tx = p.x - fx;
    c.ty = p.y - fy;
    c.ix = to_int(fx) - I(before);
    c.iy = to_int(fy) - I(before);
    c.valid = fx == fx;
    c.inside = true;
    c.outside = false;
    return c;
  }
  const V limit(T(0x1p29));
  c.valid = (abs(p.x) <= limit) & (abs(p.y) <= limit);
  const V x = select(c.valid, p.x, V(0)), y = select(c.valid, p.y, V(0));
  const V fx = first_whole<T, K>(x), fy = first_whole<T, K>(y);
  c.tx = x - fx;
  c.ty = y - fy;
  c.ix = to_int(fx) - I(before);
  c.iy = to_int(fy) - I(before);
  using Integer = typename I::Integer;
  const auto left = static_cast<Integer>(-t.base_x), top = static_cast<Integer>(-t.base_y);
  const auto right = static_cast<Integer>(task.width - K - t.base_x);
  const auto bottom = static_cast<Integer>(task.height - K - t.base_y);
  const auto off = (!c.valid) | (c.ix < I(left)) | (c.ix > I(right)) | (c.iy < I(top)) | (c.iy > I(bottom));
  c.inside = !any(off);
  c.outside = task.width == 0 || task.height == 0;
  if (!c.inside && task.border == Border::zeros) {
    const Integer reach = K - 1;
    c.outside = all((!c.valid) | (c.ix < I(left - reach)) | (c.ix > I(right + reach)) | (c.iy < I(top - reach)) |
                    (c.iy > I(bottom + reach)));
  }
  if (sizeof(T) == 4 && task.row_stride * static_cast<ptrdiff_t>(task.height + K) > 0x7fffffff) c.inside = false;
  return c;
}

// Two neighbours are one 64-bit load; that beats gather instructions at every width.
typedef double Neighbours __attribute__((aligned(4), may_alias));

template <std::size_t... I>
LUMIGRAD_SIMD Register<double>::Real neighbours(const float* p, const std::int32_t* offset, std::index_sequence<I...>) {
  return Register<double>::Real{*reinterpret_cast<const Neighbours*>(p + offset[I])...};
}
template <int... I>
LUMIGRAD_SIMD void split_pairs(const Register<float>::Real& a, const Register<float>::Real& b, Vec<float>& even,
                               Vec<float>& odd, std::integer_sequence<int, I...>) {
  even.raw[0] = __builtin_shufflevector(a, b, (2 * I)...);
  odd.raw[0] = __builtin_shufflevector(a, b, (2 * I + 1)...);
}
LUMIGRAD_SIMD void fetch_pair(const float* p, const std::int32_t* offset, Vec<float>& first, Vec<float>& second) {
  constexpr std::size_t half = lanes<float> / 2;
  const auto low = neighbours(p, offset, std::make_index_sequence<half>());
  const auto high = neighbours(p, offset + half, std::make_index_sequence<half>());
  split_pairs(Register<float>::Real(low), Register<float>::Real(high), first, second,
              std::make_integer_sequence<int, lanes<float>>());
}

/// K adjacent pixels for each lane, all of them inside.
template <class T, int K>
LUMIGRAD_SIMD void fetch_row(const T* p, const typename Int<T>::Integer* offset, Vec<T> (&values)[K]) {
  if constexpr (sizeof(T) == 4 && K >= 2) {
    for (int k = 0; k < K; k += 2) fetch_pair(p + k, offset, values[k], values[k + 1]);
  } else {
    for (int k = 0; k < K; ++k) {
      alignas(64) T value[lanes<T>];
      for (int i = 0; i < lanes<T>; ++i) value[i] = p[offset[i] + k];
      values[k] = Vec<T>::load(value);
    }
  }
}

/// The same as weights(); slopes of four weights are long, and asked for seldom enough to be called.
template <class W, class V>
[[gnu::noinline]] void long_weights(const V& t, double cubic, int order, V (&w)[taps_of<W>]) {
  weights<W>(t, cubic, order, w);
}
template <class W, class V>
LUMIGRAD_SIMD void cell_weights(const V& t, double cubic, int order, V (&w)[taps_of<W>]) {
  if constexpr (taps_of<W> < 4) {
    weights<W>(t, cubic, order, w);
  } else if (order == 0) {
    weights<W>(t, cubic, 0, w);
  } else {
    const V copy = t;
    V slopes[4];
    long_weights<W>(copy, cubic, order, slopes);
    for (int k = 0; k < 4; ++k) w[k] = slopes[k];
  }
}

/// sum over rows j and columns k of wy[j] wx[k] tap[j][k]
template <class T, int K>
LUMIGRAD_SIMD Vec<T> weigh(const Vec<T> (&wx)[K], const Vec<T> (&wy)[K], const Vec<T> (&tap)[K][K]) {
  Vec<T> sum;
  for (int j = 0; j < K; ++j) {
    Vec<T> row = wx[0] * tap[j][0];
    for (int k = 1; k < K; ++k) row = fma(wx[k], tap[j][k], row);
    sum = j == 0 ? wy[0] * row : fma(wy[j], row, sum);
  }
  return sum;
}

template <class T>
[[gnu::noinline]] void copy_some(T* to, const T* from, int count) {
  for (int i = 0; i < count; ++i) to[i] = from[i];
}
template <class T>
LUMIGRAD_SIMD Vec<T> load_some(const T* from, int count) {
  if (count >= lanes<T>) return Vec<T>::load(from);
  alignas(64) T buffer[lanes<T>] = {};
  copy_some(buffer, from, count);
  return Vec<T>::load(buffer);
}
template <class T>
LUMIGRAD_SIMD void store_some(const Vec<T>& v, T* to, int count) {
  if (count >= lanes<T>) return v.store(to);
  alignas(64) T buffer[lanes<T>];
  v.store(buffer);
  copy_some(to, buffer, count);
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
