// SPDX-License-Identifier: Apache-2.0
// Elements by an index, and back. A scatter that others must be able to repeat cannot let threads race to a sum: the
// places are sorted, which keeps elements of one place in their order, and every element of the result adds up its own.
#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/sort.h>
#include <lumigrad/cuda/tables.h>

namespace lumigrad::cuda {
namespace {

using device::PlacesCall;

template <class Unit>
struct Collect {
  const Unit* x;
  const std::int64_t* places;
  Unit* y;
  std::int64_t extent, count, inner;
  bool shared;
  template <class Index>
  LUMIGRAD_HD void operator()(Index at) const {
    const Index step = static_cast<Index>(inner), lines = static_cast<Index>(count);
    const Index row = at / step, i = at - row * step, o = row / lines, j = row - o * lines;
    y[at] = x[(o * extent + places[shared ? static_cast<std::int64_t>(j) : static_cast<std::int64_t>(at)]) * inner + i];
  }
};

template <class Unit>
Status collect(Place place, const PlacesCall& call) {
  return for_each(place, call.outer * call.count * call.inner,
                  Collect<Unit>{static_cast<const Unit*>(call.from), call.places, static_cast<Unit*>(call.to),
                                call.extent, call.count, call.inner, call.shared});
}

Status collect(Place place, const PlacesCall* call) {
  switch (size_of(call->dtype)) {
    case 1:
      return collect<std::uint8_t>(place, *call);
    case 2:
      return collect<std::uint16_t>(place, *call);
    case 4:
      return collect<std::uint32_t>(place, *call);
    default:
      return collect<std::uint64_t>(place, *call);
  }
}

// The key of an element: where it goes. Elements are numbered along the axis first where places are shared.
struct Target {
  const std::int64_t* places;
  std::uint64_t* keys;
  std::int64_t* order;
  std::int64_t extent, count, inner;
  bool shared;
  template <class Index>
  LUMIGRAD_HD void operator()(Index at) const {
    order[at] = at;
    if (shared) {
      keys[at] = static_cast<std::uint64_t>(places[at]);
      return;
    }
    const std::int64_t row = at / inner, i = at - row * inner, o = row / count;
    keys[at] = static_cast<std::uint64_t>((o * extent + places[at]) * inner + i);
  }
};

// The first of n sorted keys that is not below `key`.
LUMIGRAD_HD std::int64_t first_at(const std::uint64_t* keys, std::int64_t n, std::uint64_t key) {
  std::int64_t low = 0, high = n;
  while (low < high) {
    const std::int64_t middle = (low + high) / 2;
    if (keys[middle] < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

template <class T>
struct Scatter {
  const T* x;
  const std::uint64_t* keys;
  const std::int64_t* order;
  T* y;
  std::int64_t n, extent, count, inner;
  bool shared;
  template <class Index>
  LUMIGRAD_HD void operator()(Index at) const {
    const std::int64_t row = at / inner, i = at - row * inner, o = row / extent, e = row - o * extent;
    const auto key = static_cast<std::uint64_t>(shared ? e : at);
    double sum = 0;
    for (std::int64_t k = first_at(keys, n, key); k < n && keys[k] == key; ++k)
      sum += static_cast<double>(x[shared ? (o * count + order[k]) * inner + i : order[k]]);
    y[at] = static_cast<T>(sum);
  }
};

int bits_of(std::int64_t values) {
  int bits = 0;
  while (bits < 63 && (std::int64_t{1} << bits) < values) ++bits;
  return bits;
}

template <class T>
Status scatter(Place place, const PlacesCall& call) {
  const std::int64_t all = call.outer * call.count * call.inner, n = call.shared ? call.count : all;
  const std::int64_t results = call.outer * call.extent * call.inner;
  const Scratch keys(place, static_cast<std::size_t>(n) * 8), order(place, static_cast<std::size_t>(n) * 8);
  LUMIGRAD_TRY(keys.status());
  LUMIGRAD_TRY(order.status());
  auto* const key = keys.as<std::uint64_t>();
  auto* const at = order.as<std::int64_t>();
  LUMIGRAD_TRY(for_each(place, n, Target{call.places, key, at, call.extent, call.count, call.inner, call.shared}));
  LUMIGRAD_TRY(sort_pairs(place, key, at, n, bits_of(call.shared ? call.extent : results)));
  return for_each(place, results,
                  Scatter<T>{static_cast<const T*>(call.from), key, at, static_cast<T*>(call.to), n, call.extent,
                             call.count, call.inner, call.shared});
}

Status scatter(Place place, const PlacesCall* call) {
  return call->dtype == DType::f32 ? scatter<float>(place, *call) : scatter<double>(place, *call);
}

}  // namespace

const device::PlacesTable places_table = {collect, scatter};

}  // namespace lumigrad::cuda
