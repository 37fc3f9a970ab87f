// SPDX-License-Identifier: Apache-2.0
// Where a tensor's bytes live.
#pragma once
#include <lumigrad/engine/error.h>

namespace lumigrad {

/// A place to compute: the CPU, or the index-th CUDA device.
struct Device {
  enum class Kind : std::uint8_t { cpu, cuda } kind = Kind::cpu;
  int index = 0;
  friend bool operator==(const Device&, const Device&) = default;
};

/// "cpu", "cuda:0"
LUMIGRAD_API std::string to_string(Device device);
/// "cpu", "cuda" or "cuda:1"; throws DeviceError for anything else.
LUMIGRAD_API Device parse_device(std::string_view name);
/// Why a device cannot be used, or an empty text when it can.
LUMIGRAD_API std::string unavailable_reason(Device device);

}  // namespace lumigrad
