// SPDX-License-Identifier: Apache-2.0
// Where an output pixel reads, on a device: its position, the first of its taps, and how they are fetched and weighed.
//
// Images and volumes are one code. A is the number of axes, x first, and everything below is a loop over them that the
// compiler unrolls. A block of threads works on a tile of the output, 1024 pixels. Its map is computed in double
// precision by the threads together, an entry each, and written for positions relative to an integer point of the image
// near the tile, as on the CPU: then single precision has digits enough at every pixel of a large image, and maps by
// whole pixels are exact.
#pragma once
#include <lumigrad/engine/device/sample.h>

#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/unroll.h>

namespace lumigrad::cuda {

/// Number of pixels along an axis of a tile: 32 x 32, or 32 x 8 x 4.
LUMIGRAD_HD int tile_side(int axes, int axis) { return axis == 0 || axes == 2 ? 32 : axis == 1 ? 8 : 4; }
inline constexpr int tile_pixels = 1024;

/// base to the power n
LUMIGRAD_HD int power(int base, int n) { return n == 0 ? 1 : base * power(base, n - 1); }

/// Images [N, C, (D,) H, W] in memory. Strides and extents are x first.
template <class P, int A>
struct Planes {
  P* data = nullptr;
  std::int64_t image = 0, channel = 0, step[A] = {};
  int extent[A] = {};

  explicit Planes(const Array& a) : data(static_cast<P*>(a.data)), image(a.strides[0]), channel(a.strides[1]) {
    for (int axis = 0; axis < A; ++axis) {
      step[axis] = a.strides[A + 1 - axis];
      extent[axis] = static_cast<int>(a.extents[A + 1 - axis]);
    }
  }
  /// Where a pixel stands in each plane. Of an image that is read, floating-point pixels of a row are adjacent.
  LUMIGRAD_HD std::int64_t offset(const int (&at)[A]) const {
    std::int64_t sum = at[0] * step[0];
    for (int axis = 1; axis < A; ++axis) sum += at[axis] * step[axis];
    return sum;
  }
  LUMIGRAD_HD bool empty() const {
    bool none = false;
    for (int axis = 0; axis < A; ++axis) none = none || extent[axis] == 0;
    return none;
  }
};

/// Bytes and 16-bit numbers stand for fractions of their largest: 1 / 255 and 1 / 65535 in two parts, of which the
/// first gives an exact product, so that the sum is the quotient correctly rounded, as on the CPU.
template <class T, class P>
LUMIGRAD_HD T number(P pixel) {
  if constexpr (sizeof(P) == 1) {
    return fma(static_cast<T>(pixel), T(0x1.01p-8), static_cast<T>(pixel) * T(0x1.010102p-24));
  } else if constexpr (sizeof(P) == 2) {
    return fma(static_cast<T>(pixel), T(0x1p-16), static_cast<T>(pixel) * T(0x1.0001p-32));
  } else {
    return pixel;
  }
}

/// The tiles of every image of a batch, and where there are many channels, groups of these: one block each.
template <int A>
struct Tiles {
  int count[A];
  std::int64_t an_image = 1;
  int groups = 1;

  /// `group`: channels that a block takes; 0: all.
  Tiles(const int (&out)[A], int channels, int group) {
    for (int axis = 0; axis < A; ++axis) {
      count[axis] = (out[axis] + tile_side(A, axis) - 1) / tile_side(A, axis);
      an_image *= count[axis];
    }
    if (group > 0) groups = (channels + group - 1) / group;
  }
  std::int64_t blocks(std::int64_t batch) const { return batch * groups * an_image; }

  struct Place {
    std::int64_t image, tile;
    int group;
    int corner[A];
  };
  LUMIGRAD_HD Place at(std::int64_t block) const {
    Place place{};
    place.tile = block % an_image;
    place.group = static_cast<int>(block / an_image % groups);
    place.image = block / an_image / groups;
    std::int64_t rest = place.tile;
    for (int axis = 0; axis < A; ++axis) {
      place.corner[axis] = static_cast<int>(rest % count[axis]) * tile_side(A, axis);
      rest /= count[axis];
    }
    return place;
  }
};

/// Pixel i of a tile from its corner on. False where the output ends before it.
template <int A>
LUMIGRAD_HD bool pixel_of_tile(int i, const int (&corner)[A], const int (&out)[A], int (&from_corner)[A]) {
  bool there = true;
  for (int axis = 0; axis < A; ++axis) {
    from_corner[axis] = i % tile_side(A, axis);
    i /= tile_side(A, axis);
    there = there && corner[axis] + from_corner[axis] < out[axis];
  }
  return there;
}

/// From output pixels to positions: a matrix an image, or positions in memory.
template <class T, int A>
struct Map {
  MapKind kind;
  bool wide;  // matrices of f64
  const void* data;
  std::int64_t image, row = 0, column = 0;  // strides of matrices
  std::int64_t step[A] = {};                // and of a grid, x first; its coordinates are `column` apart

  explicit Map(const device::WarpCall& call)
      : kind(call.kind), wide(call.map.dtype == DType::f64), data(call.map.data), image(call.map.strides[0]) {
    column = call.map.strides[call.map.rank - 1];
    if (kind != MapKind::grid) row = call.map.strides[1];
    if (kind == MapKind::grid)
      for (int axis = 0; axis < A; ++axis) step[axis] = call.map.strides[A - axis];
  }
  LUMIGRAD_HD double entry(std::int64_t n, int r, int k) const {
    if (kind == MapKind::affine && r == A) return k == A ? 1 : 0;
    const std::int64_t at = n * image + r * row + k * column;
    return wide ? static_cast<const double*>(data)[at] : static_cast<double>(static_cast<const float*>(data)[at]);
  }
  /// Row r times (x, 1).
  LUMIGRAD_HD double row_at(std::int64_t n, int r, const int (&x)[A]) const {
    double sum = entry(n, r, 0) * x[0];
    for (int k = 1; k < A; ++k) sum += entry(n, r, k) * x[k];
    return sum + entry(n, r, A);
  }
};

/// A tile's map: with u counted from the tile's corner and positions from the base, p = rows of m (u, 1), the last of
/// which divides the others.
template <class T, int A>
struct Tile {
  int corner[A];
  int base[A];   // even, so that rounding half to even does not depend on the tile
  double scale;  // m is the matrix times this
  T m[A + 1][A + 1];
};
inline constexpr int entries_of_tile(int axes) { return (axes + 1) * (axes + 1); }

LUMIGRAD_HD int even_near(double p) { return p > -0x1p30 && p < 0x1p30 ? static_cast<int>(p * 0.5) * 2 : 0; }

/// One entry of a tile's map, and what belongs to it.
template <class M, class T, int A>
LUMIGRAD_INLINE void set_entry(const M& map, std::int64_t n, int entry, Tile<T, A>& tile) {
  const int r = entry / (A + 1), k = entry % (A + 1);
  if (map.kind == MapKind::grid) {
    if (r < A && k == 0) tile.base[r] = 0;
    return;
  }
  const double w = map.row_at(n, A, tile.corner);
  const double scale = map.kind == MapKind::homography && w - w == 0 && w != 0 ? 1 / w : 1;
  const double at_corner = map.row_at(n, r, tile.corner);
  double value = k == A ? at_corner : map.entry(n, r, k);
  if (r < A) {
    // p - base = (a - base w) / w: subtracting base times the last row moves the origin of positions.
    const int base = even_near(at_corner * scale);
    value -= base * (k == A ? w : map.entry(n, A, k));
    if (k == 0) tile.base[r] = base;
  } else if (k == 0) {
    tile.scale = scale;
  }
  tile.m[r][k] = static_cast<T>(value * scale);
}

/// The map of the tile at `corner`, made by the threads of a block together and handed to each.
template <class T, int A>
LUMIGRAD_KERNEL inline Tile<T, A> tile_of(const auto& block, const Map<T, A>& map, std::int64_t n,
                                          const int (&corner)[A]) {
  auto* const shared = block.template shared<Tile<T, A>>();
  if (block.thread() == 0)
    for (int axis = 0; axis < A; ++axis) shared->corner[axis] = corner[axis];
  block.sync();
  for (int e = block.thread(); e < entries_of_tile(A); e += block.threads()) set_entry(map, n, e, *shared);
  block.sync();
  return *shared;
}

/// Where an output pixel reads, counted from the tile's base, and the rows of the map before they are divided.
template <class T, int A>
struct Position {
  T at[A];
  T row[A + 1];
};

template <class T, int A>
LUMIGRAD_INLINE Position<T, A> position(const Map<T, A>& map, std::int64_t n, const Tile<T, A>& t,
                                        const int (&from_corner)[A]) {
  Position<T, A> p;
  if (map.kind == MapKind::grid) {
    std::int64_t at = n * map.image;
    for (int axis = 0; axis < A; ++axis) at += (t.corner[axis] + from_corner[axis]) * map.step[axis];
    for (int axis = 0; axis < A; ++axis)
      p.at[axis] = p.row[axis] = static_cast<const T*>(map.data)[at + axis * map.column];
    p.row[A] = T(1);
    return p;
  }
  for (int r = 0; r <= A; ++r) {
    T sum = t.m[r][A];
    for (int k = A - 1; k >= 0; --k) sum = fma(t.m[r][k], static_cast<T>(from_corner[k]), sum);
    p.row[r] = sum;
  }
  if (map.kind == MapKind::affine) {
    for (int axis = 0; axis < A; ++axis) p.at[axis] = p.row[axis];
  } else {
    using Divided = std::conditional_t<A == 2, Projection, SpatialProjection>;
    const auto plain = forward<Divided>(p.row, static_cast<const T*>(nullptr));
    for (int axis = 0; axis < A; ++axis) p.at[axis] = plain[axis];
  }
  return p;
}

/// On each axis the first of K taps, counted from the image's first pixel, and the fraction behind it. Positions that
/// are not finite, or beyond 2^29 pixels, are outside whatever the border.
template <class T, int A>
struct Cell {
  T t[A];
  int first[A];
  bool inside;   // all taps are in the image
  bool outside;  // none of them counts
};

template <int K, class T, int A>
LUMIGRAD_INLINE Cell<T, A> locate(const int (&extent)[A], const int (&base)[A], const T (&at)[A], Border border) {
  constexpr int before = K == 4 ? 1 : 0;
  Cell<T, A> c;
  bool valid = true;
  for (int axis = 0; axis < A; ++axis) valid = valid && abs(at[axis]) <= T(0x1p29);
  c.inside = valid;
  c.outside = !valid;
  for (int axis = 0; axis < A; ++axis) {
    const T x = valid ? at[axis] : T(0), whole = K == 1 ? std::rint(x) : floor(x);
    c.t[axis] = x - whole;
    c.first[axis] = static_cast<int>(whole) + base[axis] - before;
    const int last = c.first[axis] + K - 1;
    c.inside = c.inside && c.first[axis] >= 0 && last < extent[axis];
    if (border == Border::zeros) c.outside = c.outside || last < 0 || c.first[axis] >= extent[axis];
    c.outside = c.outside || extent[axis] == 0;
  }
  return c;
}

/// The pixels that stand for the taps of a cell, -1 for none.
template <int K, int A>
struct Taps {
  int at[A][K];

  template <class T>
  LUMIGRAD_INLINE Taps(const Cell<T, A>& c, const int (&extent)[A], Border border) {
    for (int axis = 0; axis < A; ++axis)
      for (int k = 0; k < K; ++k) at[axis][k] = index_at_border(c.first[axis] + k, extent[axis], border);
  }
  /// Where tap number `tap` stands in a plane, -1 for nowhere.
  template <class P>
  LUMIGRAD_HD std::int64_t offset(const Planes<P, A>& image, int tap) const {
    std::int64_t sum = 0;
    bool there = true;
    for (int axis = 0; axis < A; ++axis, tap /= K) {
      const int i = at[axis][tap % K];
      there = there && i >= 0;
      sum += i * image.step[axis];
    }
    return there ? sum : -1;
  }
};

/// From the first tap of a cell that lies inside to another.
template <int K, class P, int A>
LUMIGRAD_HD std::int64_t tap_step(const Planes<P, A>& image, int tap) {
  constexpr bool adjacent = sizeof(P) >= 4;
  std::int64_t sum = adjacent ? tap % K : tap % K * image.step[0];
  for (int axis = 1, rest = tap / K; axis < A; ++axis, rest /= K) sum += rest % K * image.step[axis];
  return sum;
}

/// sum over taps of the products of their weights: w[0] belongs to x.
template <int K, int A, class T>
LUMIGRAD_HD T weigh(const T* const (&w)[A], const T* tap) {
  constexpr int taps = power(K, A);
  T sum[taps / K];
  for (int line = 0; line < taps / K; ++line) {
    sum[line] = w[0][0] * tap[line * K];
    for (int k = 1; k < K; ++k) sum[line] = fma(w[0][k], tap[line * K + k], sum[line]);
  }
  for (int axis = 1, lines = taps / K; axis < A; ++axis) {
    lines /= K;
    for (int line = 0; line < lines; ++line) {
      T total = w[axis][0] * sum[line * K];
      for (int k = 1; k < K; ++k) total = fma(w[axis][k], sum[line * K + k], total);
      sum[line] = total;
    }
  }
  return sum[0];
}

/// How a warp reads between and beyond pixels.
template <class T>
struct Reading {
  Border border;
  int order[3];
  double cubic;
  const T* fill;  // null: zero
  std::int64_t fill_step;

  explicit Reading(const device::WarpCall& call)
      : border(call.border),
        order{call.order[0], call.order[1], call.order[2]},
        cubic(call.cubic),
        fill(static_cast<const T*>(call.fill.data)),
        fill_step(call.fill.rank == 1 && call.fill.extents[0] > 1 ? call.fill.strides[0] : 0) {}
  LUMIGRAD_HD T outside(int channel) const { return fill ? fill[channel * fill_step] : T(0); }
  LUMIGRAD_HD bool has_order() const { return order[0] + order[1] + order[2] > 0; }
};

/// The weights of a cell along every axis, or their derivatives; `more` orders than the warp's own.
template <class W, class T, int A>
LUMIGRAD_INLINE void cell_weights(const Reading<T>& how, const Cell<T, A>& c, int more, T (&w)[A][taps_of<W>]) {
  for (int axis = 0; axis < A; ++axis) weights<W>(c.t[axis], how.cubic, how.order[axis] + more, w[axis]);
}

/// Calls body(channel, taps) for G channels of a cell that lies inside, all of them fetched before the first is used.
template <int G, int K, class T, class P, int A, class Body>
LUMIGRAD_INLINE void channels_together(const Planes<const P, A>& image, const P* plane, int channel, const Body& body) {
  constexpr int taps = power(K, A);
  T tap[G][taps];
  for (int g = 0; g < G; ++g, plane += image.channel)
    for (int i = 0; i < taps; ++i) tap[g][i] = number<T>(plane[tap_step<K>(image, i)]);
  for (int g = 0; g < G; ++g) body(channel + g, tap[g]);
}

/// Calls body(channel, taps) for channels first ... last - 1 of a cell.
template <int K, class T, class P, int A, class Body>
LUMIGRAD_INLINE void each_channel(const Planes<const P, A>& image, std::int64_t n, const Cell<T, A>& c,
                                  const Reading<T>& how, int first, int last, const Body& body) {
  constexpr int taps = power(K, A), together = taps >= 16 ? 1 : taps >= 8 ? 2 : 4;
  if (c.inside) {
    const P* plane = image.data + n * image.image + first * image.channel + image.offset(c.first);
    int channel = first;
    for (; channel + together <= last; channel += together, plane += together * image.channel)
      channels_together<together, K, T>(image, plane, channel, body);
    if constexpr (together > 2) {
      if (last - channel == 3) return channels_together<3, K, T>(image, plane, channel, body);
      if (last - channel == 2) return channels_together<2, K, T>(image, plane, channel, body);
    }
    if constexpr (together > 1)
      if (channel < last) channels_together<1, K, T>(image, plane, channel, body);
    return;
  }
  const Taps<K, A> found(c, image.extent, how.border);
  for (int channel = first; channel < last; ++channel) {
    const P* plane = image.data + n * image.image + channel * image.channel;
    T tap[taps];
    for (int i = 0; i < taps; ++i) {
      const std::int64_t at = found.offset(image, i);
      tap[i] = at < 0 ? how.outside(channel) : number<T>(plane[at]);
    }
    body(channel, tap);
  }
}

}  // namespace lumigrad::cuda
