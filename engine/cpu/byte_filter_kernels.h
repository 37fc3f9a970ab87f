// SPDX-License-Identifier: Apache-2.0
// The seam to separable filters from bytes into bytes (families/filter_bytes.h).
#pragma once
#include <lumigrad/engine/cpu/level_table.h>

#include <cstdint>

namespace lumigrad {

/// Rows of interleaved bytes are rows of numbers here: neighbours of a channel stand `step` (1, 3, 4) numbers apart.
struct ByteFilterKernels {
  /// `outs` (1 or 4) neighbouring lines, down the columns: out[o][i] = sum over r < taps of weight[r] rows[o + r][i],
  /// i < count; count is at least 16.
  void (*down)(const std::uint8_t* const* rows, int taps, const float* weight, float* const* out, int outs,
               std::int64_t count);
  /// to[i] = sum over j < across of weight[j] line[i + step j], limited to [0, 255], NaN 0, to nearest, ties to even;
  /// count is at least 64.
  void (*along)(const float* line, int across, int step, const float* weight, std::uint8_t* to, std::int64_t count);
};
inline constexpr std::int64_t shortest_byte_line = 64;

LUMIGRAD_LEVEL_TABLE(ByteFilterKernels, byte_filters)
inline const ByteFilterKernels& byte_filter_kernels() { return LUMIGRAD_AT(simd_level(), byte_filters); }

}  // namespace lumigrad
