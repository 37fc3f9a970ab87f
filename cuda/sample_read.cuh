// SPDX-License-Identifier: Apache-2.0
// Warps and their adjoint to the map, on a device. Both walk tiles of the output (sample.cuh).
#pragma once
#include <lumigrad/cuda/sample.cuh>

namespace lumigrad::cuda {

/// More channels than these are shared out among blocks.
inline constexpr int channels_a_block = 16;

/// The first of the channels that a block has, and the one behind the last.
struct ChannelRange {
  int first, last;
};
LUMIGRAD_HD ChannelRange channels_of(int group, int channels) {
  const int first = group * channels_a_block;
  return {first, channels - first < channels_a_block ? channels : first + channels_a_block};
}

/// Calls visit(cell, offset of the output) for every output of a block's tile.
template <int K, class T, int A, class Body, class B, class Visit>
LUMIGRAD_KERNEL void each_cell(const Body& body, const B& block, std::int64_t n, const Tile<T, A>& tile,
                               const Visit& visit) {
  for (int i = block.thread(); i < tile_pixels; i += block.threads()) {
    int pixel[A];
    if (!pixel_of_tile(i, tile.corner, body.out.extent, pixel)) continue;
    const Cell<T, A> c =
        locate<K>(body.image.extent, tile.base, position(body.map, n, tile, pixel).at, body.how.border);
    for (int axis = 0; axis < A; ++axis) pixel[axis] += tile.corner[axis];
    visit(c, n * body.out.image + body.out.offset(pixel));
  }
}

/// out = sum of weights times pixels.
template <class W, class T, class P, int A>
struct Forward {
  Planes<const P, A> image;
  Planes<T, A> out;
  Map<T, A> map;
  Reading<T> how;
  int channels;
  Tiles<A> tiles;

  explicit Forward(const device::WarpCall& call)
      : image(call.image),
        out(call.out),
        map(call),
        how(call),
        channels(static_cast<int>(call.out.extents[1])),
        tiles(out.extent, channels, channels_a_block) {}

  LUMIGRAD_KERNEL void operator()(const auto& block) const {
    constexpr int K = taps_of<W>;
    const auto place = tiles.at(block.index());
    const std::int64_t n = place.image;
    const Tile<T, A> tile = tile_of(block, map, n, place.corner);
    const ChannelRange own = channels_of(place.group, channels);
    each_cell<K>(*this, block, n, tile, [&](const Cell<T, A>& c, std::int64_t offset) {
      T* const to = out.data + offset;
      if (c.outside) {
        for (int channel = own.first; channel < own.last; ++channel)
          to[channel * out.channel] = how.has_order() ? T(0) : how.outside(channel);
        return;
      }
      T w[A][K];
      cell_weights<W>(how, c, 0, w);
      const T* along[A];
      for (int axis = 0; axis < A; ++axis) along[axis] = w[axis];
      each_channel<K>(image, n, c, how, own.first, own.last,
                      [&](int channel, const T* tap) { to[channel * out.channel] = weigh<K>(along, tap); });
    });
  }
};

/// N numbers that are added up together.
template <class T, int N>
struct Sums {
  T value[N];
  friend LUMIGRAD_HD Sums operator+(Sums a, const Sums& b) {
    for (int i = 0; i < N; ++i) a.value[i] += b.value[i];
    return a;
  }
};

/// How the sum of cotangent times output changes when positions move. Of a grid that is the result; of a matrix the
/// sums of each tile, the same as on the CPU: entry e of image n and tile t stands at sums[(n entries + e) tiles + t].
template <class W, class T, class P, int A>
struct MapAdjoint {
  Planes<const P, A> image;
  Planes<const T, A> out;
  Map<T, A> map;
  Reading<T> how;
  int channels;
  Tiles<A> tiles;
  T* gradient;
  std::int64_t gradient_image, gradient_step[A] = {}, gradient_coordinate;
  double* sums;

  MapAdjoint(const device::WarpCall& call, double* of_tiles)
      : image(call.image),
        out(call.out),
        map(call),
        how(call),
        channels(static_cast<int>(call.out.extents[1])),
        tiles(out.extent, channels, 0),
        gradient(static_cast<T*>(call.gradient.data)),
        gradient_image(call.gradient.strides[0]),
        gradient_coordinate(call.gradient.strides[call.gradient.rank - 1]),
        sums(of_tiles) {
    if (call.kind == MapKind::grid)
      for (int axis = 0; axis < A; ++axis) gradient_step[axis] = call.gradient.strides[A - axis];
  }

  LUMIGRAD_KERNEL void operator()(const auto& block) const {
    constexpr int K = taps_of<W>, entries = entries_of_tile(A);
    const auto place = tiles.at(block.index());
    const std::int64_t n = place.image;
    const Tile<T, A> tile = tile_of(block, map, n, place.corner);
    Sums<T, entries> total;
    for (int e = 0; e < entries; ++e) total.value[e] = T(0);
    for (int i = block.thread(); i < tile_pixels; i += block.threads()) {
      int pixel[A];
      if (!pixel_of_tile(i, tile.corner, out.extent, pixel)) continue;
      const Position<T, A> p = position(map, n, tile, pixel);
      const Cell<T, A> c = locate<K>(image.extent, tile.base, p.at, how.border);
      int at[A];
      for (int axis = 0; axis < A; ++axis) at[axis] = tile.corner[axis] + pixel[axis];
      T g[A + 1];
      for (int r = 0; r <= A; ++r) g[r] = T(0);
      if (!c.outside) slopes(n, c, out.data + n * out.image + out.offset(at), g);
      if (map.kind == MapKind::grid) {
        std::int64_t to = n * gradient_image;
        for (int axis = 0; axis < A; ++axis) to += at[axis] * gradient_step[axis];
        for (int axis = 0; axis < A; ++axis) gradient[to + axis * gradient_coordinate] = g[axis];
        continue;
      }
      if (c.outside) continue;
      if (map.kind == MapKind::homography) {
        using Divided = std::conditional_t<A == 2, Projection, SpatialProjection>;
        T w[A];
        for (int axis = 0; axis < A; ++axis) w[axis] = g[axis];
        dual_vjp<Divided, false>(p.row, static_cast<const T*>(nullptr), w, g, static_cast<T*>(nullptr));
      }
      for (int r = 0; r <= A; ++r) {
        for (int k = 0; k < A; ++k)
          total.value[r * (A + 1) + k] = fma(g[r], static_cast<T>(pixel[k]), total.value[r * (A + 1) + k]);
        total.value[r * (A + 1) + A] += g[r];
      }
    }
    if (map.kind == MapKind::grid) return;
    total = block.sum(total);
    if (block.thread() == 0) store(tile, total, n, place.tile);
  }

 private:
  /// One weight gives its slope: what moving along each axis changes.
  LUMIGRAD_INLINE void slopes(std::int64_t n, const Cell<T, A>& c, const T* cotangent, T (&g)[A + 1]) const {
    constexpr int K = taps_of<W>;
    T w[A][K], slope[A][K];
    cell_weights<W>(how, c, 0, w);
    cell_weights<W>(how, c, 1, slope);
    each_channel<K>(image, n, c, how, 0, channels, [&](int channel, const T* tap) {
      const T value = cotangent[channel * out.channel];
      for (int moved = 0; moved < A; ++moved) {
        const T* along[A];
        for (int axis = 0; axis < A; ++axis) along[axis] = axis == moved ? slope[axis] : w[axis];
        g[moved] = fma(value, weigh<K>(along, tap), g[moved]);
      }
    });
  }

  /// Back from the tile's map to the matrix: the transpose of set_entry.
  LUMIGRAD_INLINE void store(const Tile<T, A>& tile, const Sums<T, entries_of_tile(A)>& total, std::int64_t n,
                             std::int64_t index) const {
    double last[A + 1];
    for (int k = 0; k <= A; ++k) last[k] = 0;
    double* to = sums + n * entries_of_tile(A) * tiles.an_image + index;
    for (int r = 0; r <= A; ++r) {
      const double one = static_cast<double>(total.value[r * (A + 1) + A]) * tile.scale;
      for (int k = 0; k <= A; ++k, to += tiles.an_image) {
        double value = one;
        if (k < A) value = static_cast<double>(total.value[r * (A + 1) + k]) * tile.scale + one * tile.corner[k];
        if (r < A) last[k] -= tile.base[r] * value;
        *to = r < A ? value : value + last[k];
      }
    }
  }
};

/// The sums of tiles, added up: a block an entry.
template <class G>
struct MapTotal {
  const double* sums;
  std::int64_t tiles;
  int entries, rows, columns;  // of a tile, of the matrix
  G* gradient;
  std::int64_t image, row, column;  // strides

  LUMIGRAD_KERNEL void operator()(const auto& block) const {
    const int r = static_cast<int>(block.index() % (rows * columns)) / columns;
    const int k = static_cast<int>(block.index() % (rows * columns)) % columns;
    const std::int64_t n = block.index() / (rows * columns);
    const double* from = sums + (n * entries + r * columns + k) * tiles;
    double sum = 0;
    for (std::int64_t t = block.thread(); t < tiles; t += block.threads()) sum += from[t];
    sum = block.sum(sum);
    if (block.thread() == 0) gradient[n * image + r * row + k * column] = static_cast<G>(sum);
  }
};

template <class W, class T, class P, int A>
Status run_forward(Place place, const device::WarpCall& call) {
  const Forward<W, T, P, A> body(call);
  return for_each_block(place, body.tiles.blocks(call.out.extents[0]), 256, sizeof(Tile<T, A>), body);
}

template <class G>
Status run_total(Place place, const device::WarpCall& call, const double* sums, std::int64_t tiles) {
  const int rows = static_cast<int>(call.gradient.extents[1]), columns = call.axes + 1;
  const auto* to = call.gradient.strides;
  const MapTotal<G> body{sums,  tiles, columns * columns, rows, columns, static_cast<G*>(call.gradient.data), to[0],
                         to[1], to[2]};
  return for_each_block(place, call.gradient.extents[0] * rows * columns, 128, 0, body);
}

template <class W, class T, class P, int A>
Status run_map_adjoint(Place place, const device::WarpCall& call) {
  MapAdjoint<W, T, P, A> body(call, nullptr);
  const std::int64_t blocks = body.tiles.blocks(call.out.extents[0]);
  const bool sums = call.kind != MapKind::grid;
  const Scratch of_tiles(place, sums ? static_cast<std::size_t>(blocks * entries_of_tile(A)) * sizeof(double) : 0);
  LUMIGRAD_TRY(of_tiles.status());
  body.sums = of_tiles.template as<double>();
  LUMIGRAD_TRY(for_each_block(place, blocks, 256, sizeof(Tile<T, A>), body));
  if (!sums) return {};
  return call.gradient.dtype == DType::f64 ? run_total<double>(place, call, body.sums, body.tiles.an_image)
                                           : run_total<float>(place, call, body.sums, body.tiles.an_image);
}

/// Calls run with the kind of pixel that the image has.
template <class T, class Run>
Status with_pixels(const device::WarpCall& call, Run run) {
  if constexpr (sizeof(T) == 4) {
    if (call.image.dtype == DType::u8) return run(std::uint8_t());
    if (call.image.dtype == DType::u16) return run(std::uint16_t());
  }
  return run(T());
}

template <class T, int A>
Status forward_of(Place place, const device::WarpCall& call) {
  return with_pixels<T>(call, [&]<class P>(P) {
    switch (call.mode) {
      case Interpolation::nearest:
        return run_forward<NearestWeights, T, P, A>(place, call);
      case Interpolation::bicubic:
        if constexpr (A == 2) return run_forward<CubicWeights, T, P, A>(place, call);
        [[fallthrough]];
      default:
        return run_forward<LinearWeights, T, P, A>(place, call);
    }
  });
}

template <class T, int A>
Status map_adjoint_of(Place place, const device::WarpCall& call) {
  return with_pixels<T>(call, [&]<class P>(P) {  // nearest is constant between its jumps; the family does not ask
    if constexpr (A == 2)
      if (call.mode == Interpolation::bicubic) return run_map_adjoint<CubicWeights, T, P, A>(place, call);
    return run_map_adjoint<LinearWeights, T, P, A>(place, call);
  });
}

}  // namespace lumigrad::cuda
