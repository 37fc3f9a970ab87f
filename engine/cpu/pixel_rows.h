// SPDX-License-Identifier: Apache-2.0
// The seam to the kernels that turn interleaved bytes into planes of floats and back.
#pragma once
#include <lumigrad/engine/cpu/level_table.h>

#include <cstddef>
#include <cstdint>

namespace lumigrad {

/// Each works on one row of `n` pixels. Values: integer / largest, correctly rounded; back: clamped, NaN to 0, to
/// nearest, ties to even. `to` and `from` of planes are one pointer a channel.
struct PixelRows {
  /// `channels` (1, 3, 4) interleaved bytes a pixel; reads no byte beyond the row.
  void (*planes_from_bytes)(const std::uint8_t* from, int channels, float* const* to, std::size_t n);
  void (*planes_from_words)(const std::uint16_t* from, int channels, float* const* to, std::size_t n);
  void (*bytes_from_planes)(const float* const* from, int channels, std::uint8_t* to, std::size_t n);
  void (*words_from_planes)(const float* const* from, int channels, std::uint16_t* to, std::size_t n);
  /// Means of 2 x 2 pixels of `channels` (1, 3, 4) interleaved bytes, correctly rounded, ties to even: n pixels from two
  /// rows of 2 n.
  void (*halved_bytes)(const std::uint8_t* above, const std::uint8_t* below, int channels, std::uint8_t* to,
                       std::size_t n);
};

LUMIGRAD_LEVEL_TABLE(PixelRows, pixel_row_table)
/// Those of the level in use.
inline const PixelRows& pixel_rows() { return LUMIGRAD_AT(simd_level(), pixel_row_table); }

}  // namespace lumigrad
