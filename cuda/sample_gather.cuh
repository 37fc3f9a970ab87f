// SPDX-License-Identifier: Apache-2.0
// The adjoint of a warp by a matrix to its image, on a device, from the image's side: nothing is added to shared
// memory.
//
// A matrix that can be inverted says which outputs read a pixel: those in the preimage of the square around it where a
// weight reaches it, a small quadrilateral. So a thread takes a pixel, walks the box around that quadrilateral, asks of
// each output in it where exactly it reads (with the map of the output's own tile, to the bit as the forward pass did),
// and sums up what the weights give it. Every pixel is written once, in an order that the map alone decides.
//
// That serves maps under which no pixel is read by thousands of outputs, and which send neither a point of the output
// nor of the image to infinity. Whether an image's map is one of those (`fits`) is found out on the device; for the
// others the same kernel prepares the sums of fixed_point.cuh, and Splat does the work. Outside the image must be
// nothing: every other border hands its pixels contributions from afar.
#pragma once
#include <lumigrad/cuda/fixed_point.cuh>
#include <lumigrad/cuda/sample.cuh>

namespace lumigrad::cuda {

/// The adjugate of a matrix: up to a factor its inverse, which is all that homogeneous positions need.
template <int A>
struct Adjugate {
  static constexpr int side = A + 1;
  double entries[side * side];

  LUMIGRAD_HD double entry(std::int64_t, int r, int k) const { return entries[r * side + k]; }
  LUMIGRAD_HD double row_at(std::int64_t, int r, const int (&x)[A]) const {
    double sum = entries[r * side + A];
    for (int k = 0; k < A; ++k) sum += entries[r * side + k] * x[k];
    return sum;
  }
  MapKind kind = MapKind::homography;
};

/// Entry (r, k) of the adjugate of m: the cofactor of (k, r).
template <class M>
LUMIGRAD_INLINE double cofactor(const M& m, std::int64_t n, int side, int r, int k) {
  // Rows and columns in cyclic order from the one behind the one left out: no sign but the last remains.
  const auto at = [&](int i, int j) { return m.entry(n, (k + 1 + i) % side, (r + 1 + j) % side); };
  if (side == 3) return at(0, 0) * at(1, 1) - at(0, 1) * at(1, 0);
  double sum = 0;
  for (int j = 0; j < 3; ++j) {
    const int a = (j + 1) % 3, b = (j + 2) % 3;
    sum += at(0, j) * (at(1, a) * at(2, b) - at(1, b) * at(2, a));
  }
  return (r + k) % 2 == 0 ? sum : -sum;
}

/// The least and the largest magnitude of a linear function at the corners of a box, the former negative where its sign
/// changes.
struct Range {
  double least, most;
};
template <int A>
LUMIGRAD_INLINE Range range_at_corners(const double (&row)[A + 1], const double (&low)[A], const double (&high)[A]) {
  double smallest = row[A], largest = row[A];
  for (int k = 0; k < A; ++k) {
    const double a = row[k] * low[k], b = row[k] * high[k];
    smallest += a < b ? a : b;
    largest += a < b ? b : a;
  }
  if (smallest > 0) return {smallest, largest};
  if (largest < 0) return {-largest, -smallest};
  return {-1, largest > -smallest ? largest : -smallest};
}

/// What a block shares while it gathers.
template <class T, int A>
struct Gathering {
  static constexpr int maps = A == 2 ? 16 : 64;
  Adjugate<A> back;
  std::int32_t fits;
  Tile<T, A> inverse;     // from pixels of the block's tile of the image to outputs
  Tile<T, A> tile[maps];  // of the output
};

/// `Projective`: the last row of the map divides; with it affine maps are right too, but slower.
template <class W, class T, int A, bool Projective>
struct Gather {
  static constexpr int rows = Projective ? A + 1 : A;
  static constexpr int K = taps_of<W>, together = 4;
  Planes<const T, A> out;
  Planes<T, A> image;
  Map<T, A> map;
  Reading<T> how;
  int channels;
  Tiles<A> tiles;    // of the image
  Tiles<A> outputs;  // of the output
  std::int64_t* sums;
  T* largest;  // a part is a tile of the image here
  std::int32_t* gathered;

  explicit Gather(const device::WarpCall& call)
      : out(call.out),
        image(call.image),
        map(call),
        how(call),
        channels(static_cast<int>(call.out.extents[1])),
        tiles(image.extent, channels, together),
        outputs(out.extent, channels, 0),
        sums(nullptr),
        largest(nullptr),
        gathered(nullptr) {}

  LUMIGRAD_KERNEL void operator()(const auto& block) const {
    auto& shared = *block.template shared<Gathering<T, A>>();
    const auto place = tiles.at(block.index());
    const std::int64_t n = place.image;
    for (int e = block.thread(); e < entries_of_tile(A); e += block.threads())
      shared.back.entries[e] = cofactor(map, n, A + 1, e / (A + 1), e % (A + 1));
    block.sync();
    if (block.thread() == 0) {
      shared.back.kind = MapKind::homography;
      shared.fits = fits(n, shared.back);
      if (place.tile == 0 && place.group == 0) gathered[n] = shared.fits;
      for (int axis = 0; axis < A; ++axis) shared.inverse.corner[axis] = place.corner[axis];
    }
    block.sync();
    const int first = place.group * together, last = channels - first < together ? channels : first + together;
    if (!shared.fits) return prepare(block, place, first, last);
    for (int e = block.thread(); e < entries_of_tile(A); e += block.threads())
      set_entry(shared.back, n, e, shared.inverse);
    block.sync();
    const Tile<T, A>& inverse = shared.inverse;

    // The outputs that the tile's pixels may hear from, in tiles.
    Box whole = everything();
    int last_pixel[A];
    for (int axis = 0; axis < A; ++axis) {
      const int rest = image.extent[axis] - inverse.corner[axis];
      last_pixel[axis] = (rest < tile_side(A, axis) ? rest : tile_side(A, axis)) - 1;
    }
    const int origin[A] = {};
    preimage(inverse, origin, last_pixel, whole);
    int from[A], count[A];
    std::int64_t all = 1;
    for (int axis = 0; axis < A; ++axis) {
      from[axis] = whole.low[axis] / tile_side(A, axis);
      count[axis] = whole.high[axis] < whole.low[axis] ? 0 : whole.high[axis] / tile_side(A, axis) - from[axis] + 1;
      all *= count[axis];
    }
    for (std::int64_t begin = 0; begin == 0 || begin < all; begin += shared.maps) {
      const int some = static_cast<int>(all - begin < shared.maps ? all - begin : shared.maps);
      block.sync();
      for (int i = block.thread(); i < some; i += block.threads()) {
        std::int64_t rest = begin + i;
        for (int axis = 0; axis < A; ++axis, rest /= count[axis - 1])
          shared.tile[i].corner[axis] = (from[axis] + static_cast<int>(rest % count[axis])) * tile_side(A, axis);
      }
      block.sync();
      for (int e = block.thread(); e < some * entries_of_tile(A); e += block.threads())
        set_entry(map, n, e % entries_of_tile(A), shared.tile[e / entries_of_tile(A)]);
      block.sync();
      for (int i = block.thread(); i < tile_pixels; i += block.threads()) {
        int pixel[A];
        if (!pixel_of_tile(i, inverse.corner, image.extent, pixel)) continue;
        T sum[together] = {};
        gather(shared, inverse, n, pixel, from, count, begin, some, first, last, sum);
        for (int axis = 0; axis < A; ++axis) pixel[axis] += inverse.corner[axis];
        T* const to = image.data + n * image.image + first * image.channel + image.offset(pixel);
        LUMIGRAD_UNROLL
        for (int g = 0; g < together; ++g)
          if (first + g < last) to[g * image.channel] = begin == 0 ? sum[g] : to[g * image.channel] + sum[g];
      }
    }
  }

 private:
  struct Box {
    int low[A], high[A];
  };
  LUMIGRAD_HD Box everything() const {
    Box box{};
    for (int axis = 0; axis < A; ++axis) box.high[axis] = out.extent[axis] - 1;
    return box;
  }

  /// How far weights reach, in pixels of the image, with room for what rounding moves a position.
  static LUMIGRAD_HD T reach() { return (K == 1 ? T(0.5) : T(K) / 2) + T(1) / 256; }

  LUMIGRAD_INLINE bool fits(std::int64_t n, const Adjugate<A>& back) const {
    double row[A + 1], inverse_row[A + 1], low[A], high[A], det = 0;
    for (int k = 0; k <= A; ++k) {
      row[k] = map.entry(n, A, k);
      inverse_row[k] = back.entry(n, A, k);
      det += row[k] * back.entry(n, k, A);
    }
    for (int axis = 0; axis < A; ++axis) low[axis] = 0, high[axis] = out.extent[axis] - 1;
    const Range w = range_at_corners<A>(row, low, high);
    for (int axis = 0; axis < A; ++axis) low[axis] = -3, high[axis] = image.extent[axis] + 2;
    const Range w_back = range_at_corners<A>(inverse_row, low, high);
    double volume = 1;  // of an output's square in the image where it is smallest, times 1024 det
    for (int k = 0; k <= A; ++k) volume *= w.most;
    // Comparisons with NaN are false: what is not a number does not fit.
    return w.least > 1e-3 * w.most && w_back.least > 1e-3 * w_back.most && (det < 0 ? -det : det) * 1024 > volume &&
           volume < 1e300;
  }

  /// The outputs that may read pixels first ... last of the tile: `box` without the others.
  LUMIGRAD_INLINE void preimage(const Tile<T, A>& inverse, const int (&first)[A], const int (&last)[A],
                                Box& box) const {
    T low[A], high[A];
    for (int corner = 0; corner < 1 << A; ++corner) {
      T x[A], w = inverse.m[A][A];
      for (int k = 0; k < A; ++k) {
        x[k] = corner >> k & 1 ? static_cast<T>(last[k]) + reach() : static_cast<T>(first[k]) - reach();
        if (Projective) w = fma(inverse.m[A][k], x[k], w);
      }
      const T r = Projective ? 1 / w : T(1);
      for (int axis = 0; axis < A; ++axis) {
        T sum = inverse.m[axis][A];
        for (int k = 0; k < A; ++k) sum = fma(inverse.m[axis][k], x[k], sum);
        const T q = sum * r;
        low[axis] = corner == 0 || q < low[axis] ? q : low[axis];
        high[axis] = corner == 0 || q > high[axis] ? q : high[axis];
      }
    }
    for (int axis = 0; axis < A; ++axis) {
      const T slack = T(1) / 32, limit = T(0x1p29);
      const int begin = static_cast<int>(clamp(floor(low[axis] - slack), -limit, limit)) + 1 + inverse.base[axis];
      const int end = static_cast<int>(clamp(floor(high[axis] + slack), -limit, limit)) + inverse.base[axis];
      if (begin > box.low[axis]) box.low[axis] = begin;
      if (end < box.high[axis]) box.high[axis] = end;
    }
  }

  LUMIGRAD_INLINE void gather(const Gathering<T, A>& shared, const Tile<T, A>& inverse, std::int64_t n,
                              const int (&pixel)[A], const int (&from)[A], const int (&count)[A], std::int64_t begin,
                              int some, int first, int last, T (&sum)[together]) const {
    Box box = everything();
    preimage(inverse, pixel, pixel, box);
    for (int axis = 0; axis < A; ++axis)
      if (box.high[axis] < box.low[axis]) return;
    const int depth = A == 3 ? A - 1 : 0;  // the third axis; of images, one round
    const int z0 = A == 3 ? box.low[depth] / tile_side(A, depth) : 0;
    const int z1 = A == 3 ? box.high[depth] / tile_side(A, depth) : 0;
    for (int z = z0; z <= z1; ++z) {
      for (int y = box.low[1] / tile_side(A, 1); y <= box.high[1] / tile_side(A, 1); ++y) {
        for (int x = box.low[0] / tile_side(A, 0); x <= box.high[0] / tile_side(A, 0); ++x) {
          std::int64_t i = y - from[1];
          if (A == 3) i += static_cast<std::int64_t>(z - from[depth]) * count[1];
          i = i * count[0] + x - from[0] - begin;
          // What lies beyond the tiles of the block is there by rounding alone and reads nothing here.
          if (i >= 0 && i < some && x >= from[0] && x < from[0] + count[0] && y >= from[1] && y < from[1] + count[1])
            from_tile(shared.tile[i], n, inverse.corner, pixel, box, first, last, sum);
        }
      }
    }
  }

  /// The outputs of one tile within the box.
  LUMIGRAD_INLINE void from_tile(const Tile<T, A>& tile, std::int64_t n, const int (&corner)[A], const int (&pixel)[A],
                                 const Box& box, int first, int last, T (&sum)[together]) const {
    constexpr int before = K == 4 ? 1 : 0;
    int low[A], high[A];
    T target[A];  // the pixel as the first tap of an output that reads it so counts it
    std::int64_t lines = 1;
    for (int axis = 0; axis < A; ++axis) {
      const int beyond = tile.corner[axis] + tile_side(A, axis) - 1;
      low[axis] = (box.low[axis] > tile.corner[axis] ? box.low[axis] : tile.corner[axis]) - tile.corner[axis];
      high[axis] = (box.high[axis] < beyond ? box.high[axis] : beyond) - tile.corner[axis];
      target[axis] = static_cast<T>(corner[axis] + pixel[axis] - tile.base[axis] + before);
      if (axis > 0) lines *= high[axis] - low[axis] + 1;
    }
    T m[rows];
    for (int r = 0; r < rows; ++r) m[r] = tile.m[r][0];
    for (std::int64_t line = 0; line < lines; ++line) {
      int at[A];
      at[0] = 0;
      at[1] = low[1] + (A == 2 ? static_cast<int>(line) : static_cast<int>(line) % (high[1] - low[1] + 1));
      if (A == 3) at[A - 1] = low[A - 1] + static_cast<int>(line) / (high[1] - low[1] + 1);
      T row[rows];
      for (int r = 0; r < rows; ++r) {
        row[r] = tile.m[r][A];
        for (int k = A - 1; k > 0; --k) row[r] = fma(tile.m[r][k], static_cast<T>(at[k]), row[r]);
      }
      for (int axis = 0; axis < A; ++axis) at[axis] += tile.corner[axis];
      const T* const line_of_out = out.data + n * out.image + first * out.channel + out.offset(at);
      for (int u = low[0]; u <= high[0]; ++u) {
        T p[rows];
        for (int r = 0; r < rows; ++r) p[r] = fma(m[r], static_cast<T>(u), row[r]);
        if constexpr (Projective) {
          using Divided = std::conditional_t<A == 2, Projection, SpatialProjection>;
          const auto plain = forward<Divided>(p, static_cast<const T*>(nullptr));
          for (int axis = 0; axis < A; ++axis) p[axis] = plain[axis];
        }
        bool reads = true;
        for (int axis = 0; axis < A; ++axis)
          reads = reads && (K == 1 ? std::rint(p[axis]) == target[axis]
                                   : p[axis] >= target[axis] - (K - 1) && p[axis] < target[axis] + 1);
        if (!reads) continue;
        T weight = T(1);
        for (int axis = 0; axis < A; ++axis) {
          const T whole = K == 1 ? target[axis] : floor(p[axis]), tap = target[axis] - whole;
          T w[K];
          weights<W>(p[axis] - whole, how.cubic, how.order[axis], w);
          T chosen = w[0];
          for (int k = 1; k < K; ++k) chosen = tap == static_cast<T>(k) ? w[k] : chosen;
          weight = axis == 0 ? chosen : weight * chosen;
        }
        const T* const cotangent = line_of_out + u * out.step[0];
        LUMIGRAD_UNROLL
        for (int g = 0; g < together; ++g)
          if (first + g < last) sum[g] = fma(weight, cotangent[g * out.channel], sum[g]);
      }
    }
  }

  /// An image whose map does not fit: the sums of the tile's pixels, and the largest of a share of the cotangent.
  LUMIGRAD_KERNEL void prepare(const auto& block, const typename Tiles<A>::Place& place, int first, int last) const {
    std::int64_t numbers = 1;
    for (int axis = 0; axis < A; ++axis) numbers *= out.extent[axis];
    const Parts parts{tiles.an_image};
    for (int channel = first; channel < last; ++channel) {
      const std::int64_t plane = place.image * channels + channel;
      for (int i = block.thread(); i < tile_pixels; i += block.threads()) {
        int pixel[A];
        if (!pixel_of_tile(i, place.corner, image.extent, pixel)) continue;
        for (int axis = 0; axis < A; ++axis) pixel[axis] += place.corner[axis];
        sums[place.image * image.image + channel * image.channel + image.offset(pixel)] = 0;
      }
      const T* const from = out.data + place.image * out.image + channel * out.channel;
      const T most = largest_of<T>(block, parts.begin(place.tile, numbers), parts.begin(place.tile + 1, numbers),
                                   [&](std::int64_t i) {
                                     int at[A];
                                     for (int axis = 0; axis < A; ++axis, i /= out.extent[axis - 1])
                                       at[axis] = static_cast<int>(i % out.extent[axis]);
                                     return from[out.offset(at)];
                                   });
      if (block.thread() == 0) largest[plane * parts.count + place.tile] = most;
    }
  }
};

}  // namespace lumigrad::cuda
