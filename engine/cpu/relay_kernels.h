// SPDX-License-Identifier: Apache-2.0
// Several short formulas, one after the other, without memory between them (cpu/relay.h), at the level in use.
#pragma once
#include <lumigrad/engine/cpu/level_table.h>
#include <lumigrad/engine/interleaved_pixels.h>

#include <cstdint>

namespace lumigrad {

/// One formula of a relay, and its parameters.
struct RelayLeg {
  const PixelKernels* kernels;  // with kernels->relay
  const float* params;
  double* sums;  // backward: gets the gradients of the parameters added; null where nobody wants them
};

/// At most this many legs make a relay.
inline constexpr int longest_relay = 16;

/// lanes: 1 where every formula takes single values, 3 where some take three channels. n: whole tiles.
struct RelayKernels {
  std::size_t tile[2];  // elements of a tile of one lane, pixels of a tile of three
  /// y = legs[count - 1](.. legs[0](x))
  void (*forward)(const RelayLeg* legs, int count, int lanes, const float* const* x, float* const* y, std::size_t n,
                  unsigned flags);
  /// gx = w' dy/dx (unless its first lane is null) and the sums of the legs that have some.
  void (*vjp)(const RelayLeg* legs, int count, int lanes, const float* const* x, const float* const* w,
              float* const* gx, std::size_t n, unsigned flags);
  /// forward of three lanes from pixels of 3 bytes (255 stands for 1) into bytes (limited to [0, 1], NaN 0, to nearest,
  /// ties to even), which must not be the same memory. columns: a tile or more, not only whole ones; no byte beyond the
  /// rows is touched. The last formula may have one result, where the pixels written have one channel.
  void (*bytes)(const RelayLeg* legs, int count, const InterleavedPixels<const std::uint8_t>& x,
                const InterleavedPixels<std::uint8_t>& y, std::size_t rows, std::size_t columns);
};

LUMIGRAD_LEVEL_TABLE(RelayKernels, relays)
/// The kernels of the level in use.
inline const RelayKernels& relay_kernels() { return LUMIGRAD_AT(simd_level(), relays); }

}  // namespace lumigrad
