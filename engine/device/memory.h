// SPDX-License-Identifier: Apache-2.0
// Memory of devices: the cache behind every tensor there. Internal to the engine.
//
// The policy of engine/allocator.h, smaller: blocks given back are kept by size and handed out again, a budget bounds
// what is held, and a request that finds no room empties the cache and tries once more before it fails. Work on a
// device runs in the order in which it was asked for, so a block may be reused while work that reads it is still
// queued: what will overwrite it comes later in the same queue.
//
// While a step is captured (device/capture.h), blocks come from a pool of the capture's own, which keeps them for as
// long as the step may be replayed.
#pragma once
#include <lumigrad/engine/device.h>
#include <lumigrad/engine/device_memory.h>
#include <cstdint>

namespace lumigrad::device {

/// Uninitialised memory on a device that is not the CPU. Throws ResourceError (with requested, free and total bytes) or
/// DeviceError.
void* allocate(Device device, std::size_t bytes);
void deallocate(Device device, void* block, std::size_t bytes) noexcept;

/// From here on blocks of the device come from a pool of their own; the number names it. One at a time.
std::uint64_t open_pool(Device device);
/// Blocks come from the cache again; those of the pool stay with it.
void close_pool(Device device) noexcept;
/// The pool's free blocks go to the cache, and those in use when they are given back.
void drop_pool(Device device, std::uint64_t pool) noexcept;

/// What a device module may ask for (device/array.h): the same memory without exceptions.
const struct Host& host();

}  // namespace lumigrad::device
