// SPDX-License-Identifier: Apache-2.0
// Several short formulas, one after the other, without memory between them (cpu/relay.h), at the level in use.
#pragma once
#include <lumigrad/engine/cpu/level_table.h>

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
};

LUMIGRAD_LEVEL_TABLE(RelayKernels, relays)
/// The kernels of the level in use.
inline const RelayKernels& relay_kernels() { return LUMIGRAD_AT(simd_level(), relays); }

}  // namespace lumigrad
