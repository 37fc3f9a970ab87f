// SPDX-License-Identifier: Apache-2.0
// From the record of a call (engine/device/pixel.h) to a launched kernel, for one formula.
#pragma once
#include <lumigrad/cuda/pixel.cuh>

namespace lumigrad::cuda::pixels {

inline bool fits(std::int64_t n) { return n == static_cast<std::int32_t>(n); }

template <class T>
LaneKind kind_of(const PixelLane& lane, const PixelDomain& domain, int width) {
  if (!lane.base) return LaneKind::number;
  constexpr DType own = sizeof(T) == 4 ? DType::f32 : DType::f64;
  if (lane.dtype == own) {
    // Every group starts at a multiple of its size, and its elements are neighbours.
    bool plain = (lane.run_step == 1 || domain.run == 1) && lane.image_step % width == 0 &&
                 reinterpret_cast<std::uintptr_t>(lane.base) % (sizeof(T) * static_cast<std::size_t>(width)) == 0;
    for (int a = 0; a < domain.axes; ++a) plain = plain && lane.steps[a] % width == 0;
    return plain ? LaneKind::plain : LaneKind::own;
  }
  switch (lane.dtype) {
    case DType::f32:
      return LaneKind::f32;
    case DType::f16:
      return LaneKind::f16;
    case DType::bf16:
      return LaneKind::bf16;
    case DType::u8:
      return LaneKind::u8;
    case DType::u16:
      return LaneKind::u16;
    default:
      return LaneKind::f64;
  }
}

/// The domain in groups of `width`; `length` groups make a block.
inline Status fill_domain(Groups& to, const PixelDomain& from, int width, int length, std::int64_t& blocks) {
  const std::int64_t in_row = device::pixel_groups(from, width), groups = from.rows * in_row;
  if (!fits(groups + device::pixel_chunk) || !fits(from.images) || !fits(from.run))
    return {device::Code::unsupported, "an image has more pixels than a grid can have"};
  to.groups = static_cast<std::int32_t>(groups);
  to.chunks = Divisor((groups + length - 1) / length);
  to.run = static_cast<std::int32_t>(from.run);
  to.in_row = Divisor(in_row);
  to.axes = from.axes;
  for (int a = 0; a < from.axes; ++a) to.extents[a] = Divisor(from.extents[a]);
  blocks = from.images * to.chunks.d;
  return {};
}

template <class T>
Status fill_lanes(Lane<T>* to, int count, const PixelLane* from, const PixelDomain& domain, int width) {
  constexpr Status too_far = {device::Code::unsupported, "a pixel's operands are too far apart in memory"};
  for (int k = 0; k < count; ++k) {
    const PixelLane& lane = from[k];
    Lane<T>& of = to[k];
    of.base = lane.base;
    of.kind = kind_of<T>(lane, domain, width);
    if (sizeof(T) == 4 && of.kind == LaneKind::f64)
      return {device::Code::unsupported, "a float kernel does not read doubles"};
    of.number = static_cast<T>(lane.base ? lane.largest : lane.number);
    if (!fits(lane.run_step) || !fits(lane.image_step)) return too_far;
    of.run_step = static_cast<std::int32_t>(lane.run_step);
    of.image_step = static_cast<std::int32_t>(lane.image_step);
    for (int a = 0; a < domain.axes; ++a) {
      if (!fits(lane.steps[a])) return too_far;
      of.steps[a] = static_cast<std::int32_t>(lane.steps[a]);
    }
  }
  return {};
}

template <class T>
Number<T> number_of(const PixelNumber& from) {
  return {static_cast<const T*>(from.base), static_cast<std::int32_t>(from.image_step), static_cast<T>(from.number)};
}

template <class F>
struct PixelLaunch {
  static constexpr int params = params_of<F>;

  template <class T, class B>
  static Status run(Place place, const PixelCall& call, B& body, int length) {
    std::int64_t blocks = 0;
    LUMIGRAD_TRY(fill_domain(body.domain, call.domain, body.width, length, blocks));
    LUMIGRAD_TRY(fill_lanes(body.lanes, body.lane_count, call.lanes, call.domain, body.width));
    for (int k = 0; k < params; ++k) body.numbers[k] = number_of<T>(call.params[k]);
    return for_each_block(place, blocks, device::pixel_tile, 0, body);
  }
  template <class T>
  static Status forward(Place place, const PixelCall* call) {
    Forward<F, T> body;
    return run<T>(place, *call, body, device::pixel_tile);
  }
  template <class T>
  static Status sums(Place place, const PixelCall* call) {
    Sums<F, T> body;
    body.to = call->sums;
    return run<T>(place, *call, body, device::pixel_chunk);
  }
  template <class T>
  static Status vjp(Place place, const PixelCall* call) {
    Vjp<F, T> body;
    body.to = call->sums;
    return run<T>(place, *call, body, params > 0 ? device::pixel_chunk : device::pixel_tile);
  }
  static Status second(Place place, const PixelCall* call) {
    Second<F> body;
    for (int k = 0; k < params; ++k) body.directions[k] = number_of<double>(call->directions[k]);
    body.to = call->sums;
    return run<double>(place, *call, body, params > 0 ? device::pixel_chunk : device::pixel_tile);
  }
};

template <class F>
constexpr DeviceFormula device_formula() {
  using L = PixelLaunch<F>;
  DeviceFormula f;
  f.inputs = inputs_of<F>;
  f.outputs = outputs_of<F>;
  f.params = params_of<F>;
  f.group[0] = group_of<F, float>();
  f.group[1] = group_of<F, double>();
  f.forward[0] = &L::template forward<float>;
  f.forward[1] = &L::template forward<double>;
  f.sums[0] = &L::template sums<float>;
  f.sums[1] = &L::template sums<double>;
  f.vjp[0] = &L::template vjp<float>;
  f.vjp[1] = &L::template vjp<double>;
  f.second = &L::second;
  return f;
}

}  // namespace lumigrad::cuda::pixels
