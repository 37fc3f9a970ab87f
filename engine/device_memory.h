// SPDX-License-Identifier: Apache-2.0
// How much memory of a device the library holds, and how to bound it. The rules are those of the CPU (allocator.h).
#pragma once
#include <lumigrad/engine/device.h>
#include <cstddef>

namespace lumigrad {

/// Bytes count whole blocks, slack included.
struct DeviceMemoryStats {
  std::size_t in_use = 0;       ///< handed out and not returned
  std::size_t cached = 0;       ///< kept for reuse
  std::size_t peak = 0;         ///< the most that was in use at once
  std::size_t budget = 0;       ///< in_use + cached stay below it
  std::size_t allocations = 0;  ///< requests made to the device so far
};
/// Throws DeviceError where the device cannot be used, or is the CPU (see memory_stats()).
LUMIGRAD_API DeviceMemoryStats memory_stats(Device device);
/// Returns what is kept for reuse to the device.
LUMIGRAD_API void empty_cache(Device device);
/// Bounds the bytes held; 0 restores the default: LUMIGRAD_MAX_DEVICE_BYTES ("1500", "64K", "2M", "3G"), else 80 % of
/// the device's memory.
LUMIGRAD_API void set_memory_budget(Device device, std::size_t bytes);
/// Waits until all work asked of the device so far is done. Reading a value (values(), item(), to(Device{})) waits by
/// itself; measuring time needs this. Returns at once for the CPU.
LUMIGRAD_API void synchronize(Device device);

}  // namespace lumigrad
