// SPDX-License-Identifier: Apache-2.0
// What crosses the seam between the library and a device module: plain records, no objects. Internal to the engine and
// cuda/.
//
// A module is compiled by another compiler and loaded at run time, so nothing with a constructor, a virtual function or
// an exception passes between the two. Tensors become Arrays, a device and its queue of work become a Place, and an
// error becomes a Status that the library turns into an exception on its own side.
#pragma once
#include <lumigrad/engine/dtype.h>
#include <cstddef>
#include <cstdint>

namespace lumigrad::device {

inline constexpr int max_axes = 8;

/// A strided view of a device's memory.
struct Array {
  void* data = nullptr;  ///< the first element of the view; null where a tensor is not given
  DType dtype = DType::f32;
  std::int32_t rank = 0;
  std::int64_t extents[max_axes] = {};
  std::int64_t strides[max_axes] = {};  ///< in elements; may be zero or negative
};

/// Where work goes: a device, and the queue in which it runs in order.
struct Place {
  int device = 0;
  void* stream = nullptr;
};

/// How a call ended. Work that was only queued may still fail; then the next call that waits says so.
enum class Code : std::int32_t {
  ok,
  no_memory,    ///< the device has no room; empty the cache and try again
  unsupported,  ///< the module cannot do this; `what` says why
  lost          ///< the device is of no more use to this process
};
struct Status {
  Code code = Code::ok;
  const char* what = "";  ///< valid until the thread's next call into the module
};

/// What the module may ask of the library: memory for the time of a call, from the cache that tensors share. Work is
/// in order, so a block given back may be used by the next call at once.
struct Host {
  Status (*take)(int device, std::size_t bytes, void** block);
  void (*give)(int device, void* block, std::size_t bytes);
};

}  // namespace lumigrad::device
