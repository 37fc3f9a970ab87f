// SPDX-License-Identifier: Apache-2.0
// The seam to windows that select one of their places (families/filter_rank.h).
#pragma once
#include <lumigrad/engine/cpu/level_table.h>

#include <cstdint>
#include <type_traits>

namespace lumigrad {

/// Results are made in whole vectors: rows are read, results and picks written, up to the next multiple of this.
inline constexpr std::int64_t rank_stretch = 16;
constexpr std::int64_t whole_stretches(std::int64_t n) { return (n + rank_stretch - 1) / rank_stretch * rank_stretch; }

template <class T>
struct RankKernels {
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  /// sign max over t < count of (sign place[t][i] + height[t]), sign 1 or -1, height null: flat. pick (may be null):
  /// the first t that reaches it, -1 where every one is -infinity. NaN is never picked.
  void (*extremum)(const T* const* place, const T* height, int count, T sign, T* out, Integer* pick,
                   std::int64_t stretch);
  /// Medians of 3 x 3 in two steps that neighbouring windows share (f32): row[0 .. 2][i] in ascending order, ...
  void (*sort_columns)(const T* const* row, T* const* sorted, std::int64_t stretch);
  /// ... and the median of the nine numbers sorted[0 .. 2][i .. i + 2].
  void (*median_of_columns)(const T* const* sorted, T* out, std::int64_t stretch);
  /// The value of rank (count - 1) / 2 among place[t][i]; pick (may be null): the first t that has it. `room`, aligned
  /// to 64 bytes, holds rank_stretch (count + 1) numbers.
  void (*median)(const T* const* place, int count, T* out, Integer* pick, T* room, std::int64_t stretch);
  /// The sum of value[t][i] over those t with pick[t][i] = t, in order.
  void (*collect)(const T* const* value, const Integer* const* pick, int count, T* out, std::int64_t stretch);
};

struct RankTable {
  RankKernels<float> f32;
  RankKernels<double> f64;
};

LUMIGRAD_LEVEL_TABLE(RankTable, rank_table)
inline const RankTable& rank_kernels(Level level) { return LUMIGRAD_AT(level, rank_table); }

}  // namespace lumigrad
