// SPDX-License-Identifier: Apache-2.0
// The seam to the row kernels of small filters (families/filter.h).
#pragma once
#include <lumigrad/engine/cpu/level_table.h>

#include <cstdint>

namespace lumigrad {

/// The most rows of a result that FilterKernels::lines makes at once.
inline constexpr int most_filter_lines = 4;

template <class T>
struct FilterKernels {
  /// `outs` (1, 2 or 4, and at most `taps`) neighbouring rows of a correlation at once, so that a row of the image is
  /// read for all of them:
  ///   out[o][i] = sum over s < slabs, r < taps, j < across of
  ///               weight[(s taps + r) across + j] rows[s (taps + outs - 1) + o + r][i + j]         i < count
  /// Terms are added in this order, whatever `outs` is.
  void (*lines)(const T* const* rows, int slabs, int taps, int across, const T* weight, T* const* out, int outs,
                std::int64_t count);
  /// What a cotangent says of the weights of one row: sums[j] += sum over i < count of g[i] row[i + j], j < across.
  void (*products)(const T* g, const T* row, int across, std::int64_t count, double* sums);
};

struct FilterTable {
  FilterKernels<float> f32;
  FilterKernels<double> f64;
};

LUMIGRAD_LEVEL_TABLE(FilterTable, filter_table)
inline const FilterTable& filter_kernels(Level level) { return LUMIGRAD_AT(level, filter_table); }

}  // namespace lumigrad
