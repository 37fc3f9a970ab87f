// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/cuda/sort.h>
#if defined(LUMIGRAD_STANDIN)
#include <algorithm>
#include <numeric>
#else
#include <cub/device/device_radix_sort.cuh>
#endif

namespace lumigrad::cuda {

#if defined(LUMIGRAD_STANDIN)

namespace {

void sort_now(std::uint64_t* keys, std::int64_t* values, std::int64_t n, int bits) {
  const std::uint64_t mask = bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return (keys[a] & mask) < (keys[b] & mask); });
  const std::vector<std::uint64_t> old_keys(keys, keys + n);
  const std::vector<std::int64_t> old_values(values, values + n);
  for (std::int64_t i = 0; i < n; ++i) {
    keys[i] = old_keys[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])];
    values[i] = old_values[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])];
  }
}

}  // namespace

Status sort_pairs(Place place, std::uint64_t* keys, std::int64_t* values, std::int64_t n, int bits) {
  return run(place, [=] { sort_now(keys, values, n, bits); });
}

#else

Status sort_pairs(Place place, std::uint64_t* keys, std::int64_t* values, std::int64_t n, int bits) {
  if (n == 0 || bits == 0) return {};
  const auto stream = static_cast<cudaStream_t>(place.stream);
  const auto bytes = static_cast<std::size_t>(n) * 8;
  const Scratch other_keys(place, bytes), other_values(place, bytes);
  LUMIGRAD_TRY(other_keys.status());
  LUMIGRAD_TRY(other_values.status());
  cub::DoubleBuffer<std::uint64_t> by(keys, other_keys.as<std::uint64_t>());
  cub::DoubleBuffer<std::int64_t> of(values, other_values.as<std::int64_t>());
  std::size_t room = 0;
  cub::DeviceRadixSort::SortPairs(nullptr, room, by, of, n, 0, bits, stream);
  const Scratch scratch(place, room);
  LUMIGRAD_TRY(scratch.status());
  cub::DeviceRadixSort::SortPairs(scratch.as<void>(), room, by, of, n, 0, bits, stream);
  if (by.Current() != keys) cudaMemcpyAsync(keys, by.Current(), bytes, cudaMemcpyDeviceToDevice, stream);
  if (of.Current() != values) cudaMemcpyAsync(values, of.Current(), bytes, cudaMemcpyDeviceToDevice, stream);
  return launched();
}

#endif

}  // namespace lumigrad::cuda
