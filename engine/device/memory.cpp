// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/device/memory.h>

#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/machine.h>
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <list>
#include <map>
#include <mutex>
#include <new>
#include <set>

namespace lumigrad::device {
namespace {

// Small blocks by multiples of 512 bytes, larger ones by four sizes to a doubling.
std::size_t block_size(std::size_t bytes) {
  constexpr std::size_t unit = 512;
  bytes = std::max(bytes, unit);
  if (bytes <= (std::size_t{1} << 16)) return (bytes + unit - 1) / unit * unit;
  const std::size_t step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

using Blocks = std::multimap<std::size_t, void*>;

// Blocks of a captured step: its own until it is gone.
struct Pool {
  std::uint64_t number;
  Blocks kept;
  std::set<void*> all;
  Blocks held;  // of the cache, given back while the step was recorded, which may read them when it is replayed
};

struct Cache {
  std::mutex mutex;
  Blocks kept;
  std::list<Pool> pools;
  Pool* open = nullptr;  // where blocks come from at present; null: the cache
  std::uint64_t last_pool = 0;
  DeviceMemoryStats stats;

  std::size_t held() const { return stats.in_use + stats.cached; }

  void release_all(const Table& table, int device) {
    for (const auto& [size, block] : kept) table.memory.release(device, block);
    kept.clear();
    stats.cached = 0;
  }
};

Cache& cache_of(Device device) {
  static Cache* const caches = new Cache[10];  // never destroyed, as in module.cpp
  return caches[device.index];
}

std::size_t default_budget(const Table& table, int device) {
  if (const char* const text = std::getenv("LUMIGRAD_MAX_DEVICE_BYTES"); text && *text) {
    const auto bytes = parse_bytes(text);
    require<ResourceError>(bytes && *bytes > 0, "LUMIGRAD_MAX_DEVICE_BYTES: expected bytes as in 1500, 64K, 2M or 3G, ",
                           "got ", text);
    return *bytes;
  }
  std::size_t free = 0, total = 0;
  if (table.memory.room(device, &free, &total).code != Code::ok) return 0;
  return total / 5 * 4;
}

void set_budget(Cache& cache, const Table& table, int device) {  // under the mutex
  if (cache.stats.budget == 0) cache.stats.budget = default_budget(table, device);
}

Status take(int index, std::size_t bytes, void** block) {
  thread_local std::string what;
  try {
    *block = allocate({Device::Kind::cuda, index}, bytes);
    return {};
  } catch (const ResourceError& error) {
    what = error.what();
    return {Code::no_memory, what.c_str()};
  } catch (const std::bad_alloc&) {
    return {Code::no_memory, "the host's memory is full"};
  } catch (const std::exception& error) {  // a device that is lost is known to be
    what = error.what();
    return {Code::unsupported, what.c_str()};
  }
}

void give(int index, void* block, std::size_t bytes) { deallocate({Device::Kind::cuda, index}, block, bytes); }

}  // namespace

const Host& host() {
  static constexpr Host services{take, give};
  return services;
}

void* allocate(Device device, std::size_t bytes) {
  const Table& all = table(device);
  place_of(device);  // opens it
  Cache& cache = cache_of(device);
  std::lock_guard lock(cache.mutex);
  set_budget(cache, all, device.index);
  const std::size_t size = block_size(bytes);
  require<ResourceError>(size >= bytes, "allocate: expected a size that fits, got ", bytes, " bytes");
  void* block = nullptr;
  bool fresh = false;
  Blocks& kept = cache.open ? cache.open->kept : cache.kept;
  if (const auto found = kept.find(size); found != kept.end()) {
    block = found->second;
    kept.erase(found);
    if (!cache.open) cache.stats.cached -= size;
  } else {
    Status status{Code::no_memory, ""};
    for (const bool again : {false, true}) {
      if (again) cache.release_all(all, device.index);
      if (size > cache.stats.budget || cache.held() > cache.stats.budget - size) continue;
      ++cache.stats.allocations;
      status = all.memory.allocate(device.index, size, &block);
      if (status.code != Code::no_memory) break;
    }
    if (status.code == Code::no_memory) {
      std::size_t free = 0, total = 0;
      all.memory.room(device.index, &free, &total);
      throw ResourceError(message("allocate: expected room for ", bytes, " bytes on ", device, ", got ", free,
                                  " free of ", total, " (held by this process: ", cache.held(), ", budget ",
                                  cache.stats.budget, "; LUMIGRAD_MAX_DEVICE_BYTES sets it)"));
    }
    check("allocate", device, status);
    if (cache.open) cache.open->all.insert(block);
    fresh = true;
  }
  if (fresh || !cache.open) cache.stats.in_use += size;  // what a pool has counts as in use until it is dropped
  cache.stats.peak = std::max(cache.stats.peak, cache.stats.in_use);
  return block;
}

void deallocate(Device device, void* block, std::size_t bytes) noexcept {
  if (!block) return;
  Cache& cache = cache_of(device);
  std::lock_guard lock(cache.mutex);
  const std::size_t size = block_size(bytes);
  try {
    for (Pool& pool : cache.pools)
      if (pool.all.count(block)) {
        pool.kept.emplace(size, block);
        return;
      }
    if (cache.open) {
      cache.open->held.emplace(size, block);
      return;
    }
    cache.stats.in_use -= size;
    cache.kept.emplace(size, block);
    cache.stats.cached += size;
  } catch (...) {  // no memory for the list: the block is lost to the cache, not to the device's driver
  }
}

std::uint64_t open_pool(Device device) {
  Cache& cache = cache_of(device);
  std::lock_guard lock(cache.mutex);
  require<DeviceError>(!cache.open, "capture: expected one step to be recorded at a time on ", device);
  cache.open = &cache.pools.emplace_back(Pool{++cache.last_pool, {}, {}, {}});
  return cache.last_pool;
}

void close_pool(Device device) noexcept {
  Cache& cache = cache_of(device);
  std::lock_guard lock(cache.mutex);
  cache.open = nullptr;
}

void drop_pool(Device device, std::uint64_t number) noexcept {
  Cache& cache = cache_of(device);
  std::lock_guard lock(cache.mutex);
  const auto pool =
      std::find_if(cache.pools.begin(), cache.pools.end(), [&](const Pool& p) { return p.number == number; });
  if (pool == cache.pools.end()) return;
  for (Blocks* blocks : {&pool->kept, &pool->held}) {
    for (const auto& [size, block] : *blocks) {
      cache.stats.in_use -= size;
      cache.stats.cached += size;
    }
    cache.kept.merge(*blocks);
  }
  cache.pools.erase(pool);
}

}  // namespace lumigrad::device

namespace lumigrad {

namespace {
device::Cache& cache_there(Device device) {
  device::table(device);
  return device::cache_of(device);
}
}  // namespace

DeviceMemoryStats memory_stats(Device device) {
  const device::Table& table = device::table(device);
  device::Cache& cache = cache_there(device);
  std::lock_guard lock(cache.mutex);
  device::set_budget(cache, table, device.index);
  return cache.stats;
}

void empty_cache(Device device) {
  const device::Table& table = device::table(device);
  synchronize(device);
  device::Cache& cache = cache_there(device);
  std::lock_guard lock(cache.mutex);
  cache.release_all(table, device.index);
}

void set_memory_budget(Device device, std::size_t bytes) {
  const device::Table& table = device::table(device);
  device::Cache& cache = cache_there(device);
  std::lock_guard lock(cache.mutex);
  cache.stats.budget = bytes;
  device::set_budget(cache, table, device.index);
  if (cache.held() > cache.stats.budget) cache.release_all(table, device.index);
}

void synchronize(Device device) {
  if (device.kind == Device::Kind::cpu) return;
  device::check("synchronize", device, device::table(device).memory.synchronize(device::place_of(device)));
}

}  // namespace lumigrad
