// SPDX-License-Identifier: Apache-2.0
// Running sums, counts and draws along lines.
//
// s_j = a_j s_(j-1) + b_j is a composition of maps s -> a s + b, and composing is associative. A block has a line:
// every thread composes a stretch of it, the stretches are composed in order, and each thread walks its stretch again
// from where the one before it ended. Everything in double, as on the CPU.
#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/tables.h>
#include <lumigrad/engine/philox.h>

namespace lumigrad::cuda {
namespace {

using device::DrawCall;
using device::LinesCall;

struct Map {
  double a, b;
};

template <class T>
struct Scan {
  const T *a, *b;  // a null: 1
  T* s;
  std::int64_t extent, inner;
  bool reverse;

  LUMIGRAD_KERNEL void operator()(const Block& block) const {
    const std::int64_t o = block.index() / inner, i = block.index() - o * inner;
    const std::int64_t stretch = (extent + block.threads() - 1) / block.threads();
    const std::int64_t begin = block.thread() * stretch, end = begin + stretch < extent ? begin + stretch : extent;
    Map* const maps = block.template shared<Map>();
    Map own{1, 0};
    for (std::int64_t step = begin; step < end; ++step) {
      const Map next = at(o, i, step);
      own = {next.a * own.a, next.a * own.b + next.b};
    }
    maps[block.thread()] = own;
    block.sync();
    double state = 0;
    for (int t = 0; t < block.thread(); ++t) state = maps[t].a * state + maps[t].b;
    for (std::int64_t step = begin; step < end; ++step) {
      const Map next = at(o, i, step);
      state = next.a * state + next.b;
      s[place(o, i, step)] = static_cast<T>(state);
    }
  }
  LUMIGRAD_HD std::int64_t place(std::int64_t o, std::int64_t i, std::int64_t step) const {
    return (o * extent + (reverse ? extent - 1 - step : step)) * inner + i;
  }
  LUMIGRAD_HD Map at(std::int64_t o, std::int64_t i, std::int64_t step) const {
    const std::int64_t where = place(o, i, step);
    return {step == 0 ? 0.0 : a ? static_cast<double>(a[where]) : 1.0, static_cast<double>(b[where])};
  }
};

template <class T>
Status scan(Place place, const LinesCall& call) {
  const int threads = call.extent <= 64 ? 32 : 128;
  return for_each_block(place, call.outer * call.inner, threads, static_cast<std::size_t>(threads) * sizeof(Map),
                        Scan<T>{static_cast<const T*>(call.a), static_cast<const T*>(call.x), static_cast<T*>(call.y),
                                call.extent, call.inner, call.flag});
}

Status scan(Place place, const LinesCall* call) {
  return call->dtype == DType::f32 ? scan<float>(place, *call) : scan<double>(place, *call);
}

// Integer counts add up to the same whatever the order.
template <class T>
struct Histogram {
  const T* x;
  std::int64_t* counts;
  std::int64_t extent, bins;
  double low, high, scale;
  template <class Index>
  LUMIGRAD_KERNEL void operator()(Index at) const {
    const double value = x[at];
    if (!(value >= low && value <= high)) return;
    const auto bin = static_cast<std::int64_t>((value - low) * scale);
    atomic_add(counts + at / static_cast<Index>(extent) * bins + (bin < bins - 1 ? bin : bins - 1), 1);
  }
};

template <class T>
Status histogram(Place place, const LinesCall& call) {
  return for_each(
      place, call.outer * call.extent,
      Histogram<T>{static_cast<const T*>(call.x), static_cast<std::int64_t*>(call.y), call.extent, call.bins, call.low,
                   call.high, static_cast<double>(call.bins) / (call.high - call.low)});
}

Status histogram(Place place, const LinesCall* call) {
  return call->dtype == DType::f32 ? histogram<float>(place, *call) : histogram<double>(place, *call);
}

// Every element computes its own draw (philox.h).
template <class T>
struct Draw {
  DrawCall call;
  T* to;
  template <class Index>
  LUMIGRAD_INLINE void operator()(Index at) const {
    const auto sample = static_cast<std::uint64_t>(at / static_cast<Index>(call.per_sample));
    const auto i = static_cast<std::uint64_t>(at % static_cast<Index>(call.per_sample));
    const DrawKey key{call.seed, call.first_sample + sample, call.operation};
    if constexpr (std::is_integral_v<T>) {
      to[at] = static_cast<T>(static_cast<std::uint64_t>(call.low) + draw_below(key, call.values, i));
    } else {
      T draw;
      if constexpr (sizeof(T) == 4)
        draw = call.kind == DrawCall::Kind::uniform ? unit_float(draw_word(key, i)) : normal_from(draw_word(key, i));
      else
        draw =
            call.kind == DrawCall::Kind::uniform ? unit_double(draw_word64(key, i)) : normal_from(draw_word64(key, i));
      to[at] = exact::add(static_cast<T>(call.origin), exact::mul(static_cast<T>(call.scale), draw));
    }
  }
};

template <class T>
Status draw(Place place, const DrawCall& call) {
  return for_each(place, call.total, Draw<T>{call, static_cast<T*>(call.to)});
}

Status draw(Place place, const DrawCall* call) {
  switch (call->dtype) {
    case DType::f32:
      return draw<float>(place, *call);
    case DType::f64:
      return draw<double>(place, *call);
    case DType::i32:
      return draw<std::int32_t>(place, *call);
    default:
      return draw<std::int64_t>(place, *call);
  }
}

}  // namespace

const device::ScanTable scan_table = {scan, histogram, draw};

}  // namespace lumigrad::cuda
