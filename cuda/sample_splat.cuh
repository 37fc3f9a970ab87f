// SPDX-License-Identifier: Apache-2.0
// The adjoint of a warp to the image, on a device: every output adds its cotangent to the pixels that it read, in fixed
// point (fixed_point.cuh), or where any order will do as it is. Most matrices need none of this (sample_gather.cuh).
#pragma once
#include <lumigrad/cuda/sample_gather.cuh>
#include <lumigrad/cuda/sample_read.cuh>

namespace lumigrad::cuda {

/// gradient += weights times cotangent. `scales` null: T itself is added up.
template <class W, class T, int A>
struct Splat {
  Planes<const T, A> out;
  Planes<T, A> image;
  Map<T, A> map;
  Reading<T> how;
  int channels;
  Tiles<A> tiles;
  std::int64_t* sums = nullptr;  // dense [N, C, (D,) H, W]
  const Scale<T>* scales = nullptr;
  const std::int32_t* done = nullptr;  // images that have their gradient already

  explicit Splat(const device::WarpCall& call)
      : out(call.out),
        image(call.image),
        map(call),
        how(call),
        channels(static_cast<int>(call.out.extents[1])),
        tiles(out.extent, channels, channels_a_block) {}

  LUMIGRAD_KERNEL void operator()(const auto& block) const {
    constexpr int K = taps_of<W>, taps = power(K, A);
    const auto place = tiles.at(block.index());
    const std::int64_t n = place.image;
    if (done && done[n]) return;
    const Tile<T, A> tile = tile_of(block, map, n, place.corner);
    const ChannelRange own = channels_of(place.group, channels);
    each_cell<K>(*this, block, n, tile, [&](const Cell<T, A>& c, std::int64_t offset) {
      if (c.outside) return;
      const T* const cotangent = out.data + offset;
      T w[A][K];
      cell_weights<W>(how, c, 0, w);
      const Taps<K, A> found(c, image.extent, how.border);
      std::int64_t at[taps];
      T weight[taps];
      LUMIGRAD_UNROLL
      for (int tap = 0; tap < taps; ++tap) {
        at[tap] = found.offset(image, tap);
        weight[tap] = w[0][tap % K];
        for (int axis = 1, rest = tap / K; axis < A; ++axis, rest /= K) weight[tap] *= w[axis][rest % K];
      }
      for (int channel = own.first; channel < own.last; ++channel)
        add<taps>(n * image.image + channel * image.channel, at, weight, cotangent[channel * out.channel],
                  n * channels + channel);
    });
  }

 private:
  template <int Count>
  LUMIGRAD_KERNEL void add(std::int64_t origin, const std::int64_t (&at)[Count], const T (&weight)[Count], T value,
                           std::int64_t plane) const {
    if (scales == nullptr) {
      LUMIGRAD_UNROLL
      for (int tap = 0; tap < Count; ++tap)
        if (at[tap] >= 0) add_in_any_order(image.data + origin + at[tap], weight[tap] * value);
      return;
    }
    const Scale<T> scale = scales[plane];
    if (scale.first == 0) return;
    LUMIGRAD_UNROLL
    for (int tap = 0; tap < Count; ++tap)
      if (at[tap] >= 0) add_fixed(sums + origin + at[tap], weight[tap] * value, scale);
  }
};

/// Number i of a plane, rows one behind another.
template <class T, int A>
struct PlaneNumber {
  Planes<const T, A> planes;
  int channels;
  LUMIGRAD_INLINE T operator()(std::int64_t plane, std::int64_t i) const {
    int at[A];
    for (int axis = 0; axis < A; ++axis) {
      at[axis] = static_cast<int>(i % planes.extent[axis]);
      i /= planes.extent[axis];
    }
    return planes.data[plane / channels * planes.image + plane % channels * planes.channel + planes.offset(at)];
  }
};

template <class T>
struct Clear {
  T* to;
  template <class Index>
  LUMIGRAD_HD void operator()(Index i) const {
    to[i] = T(0);
  }
};

/// A bound of the sum of the absolute weights of one output.
inline double weight_bound(const device::WarpCall& call) {
  double product = 1;
  for (int axis = 0; axis < call.axes; ++axis) {
    const double a = call.cubic < 0 ? -call.cubic : call.cubic;
    const bool cubic = call.mode == Interpolation::bicubic;
    const double bounds[] = {cubic ? 1 + a : 1, cubic ? 24 + 10 * a : 2, cubic ? 72 + 32 * a : 1};
    product *= bounds[call.order[axis]];
  }
  return product;
}

/// By the image's side for the images whose maps allow it, by the output's for the others.
template <bool Projective, class W, class T, int A>
Status run_gather(Place place, const device::WarpCall& call, Splat<W, T, A> body, std::int64_t pixels, double weight) {
  const std::int64_t batch = call.out.extents[0];
  Gather<W, T, A, Projective> gather(call);
  const FixedPoint<T> fixed(place, batch, body.channels, pixels, gather.tiles.an_image);
  LUMIGRAD_TRY(fixed.status());
  gather.sums = body.sums = fixed.sums();
  gather.largest = fixed.largest();
  body.done = gather.gathered = fixed.flags();
  body.scales = fixed.scales();
  LUMIGRAD_TRY(for_each_block(place, gather.tiles.blocks(batch), 256, sizeof(Gathering<T, A>), gather));
  LUMIGRAD_TRY(fixed.settle(weight, body.done));
  LUMIGRAD_TRY(for_each_block(place, body.tiles.blocks(batch), 256, sizeof(Tile<T, A>), body));
  return fixed.end(static_cast<T*>(call.image.data), body.done);
}

template <class W, class T, int A>
Status run_splat(Place place, const device::WarpCall& call) {
  std::int64_t outputs = 1, pixels = 1;
  for (int axis = 0; axis < A; ++axis) {
    outputs *= call.out.extents[2 + axis];
    pixels *= call.image.extents[2 + axis];
  }
  const std::int64_t batch = call.out.extents[0];
  const double weight = static_cast<double>(outputs) * weight_bound(call);
  T* const to = static_cast<T*>(call.image.data);
  Splat<W, T, A> body(call);
  if (call.kind != MapKind::grid && call.border == Border::zeros) {
    if constexpr (sizeof(T) == 4)
      if (call.kind == MapKind::affine) return run_gather<false>(place, call, body, pixels, weight);
    return run_gather<true>(place, call, body, pixels, weight);
  }
  const auto splat = [&] { return for_each_block(place, body.tiles.blocks(batch), 256, sizeof(Tile<T, A>), body); };
  if (call.any_order) {
    LUMIGRAD_TRY(for_each(place, batch * body.channels * pixels, Clear<T>{to}));
    return splat();
  }
  const FixedPoint<T> fixed(place, batch, body.channels, pixels);
  LUMIGRAD_TRY(fixed.status());
  LUMIGRAD_TRY(fixed.begin(PlaneNumber<T, A>{body.out, body.channels}, outputs, weight));
  body.sums = fixed.sums();
  body.scales = fixed.scales();
  LUMIGRAD_TRY(splat());
  return fixed.end(to);
}

template <class T, int A>
Status splat_of(Place place, const device::WarpCall& call) {
  switch (call.mode) {
    case Interpolation::nearest:
      return run_splat<NearestWeights, T, A>(place, call);
    case Interpolation::bicubic:
      if constexpr (A == 2) return run_splat<CubicWeights, T, A>(place, call);
      [[fallthrough]];
    default:
      return run_splat<LinearWeights, T, A>(place, call);
  }
}

}  // namespace lumigrad::cuda
