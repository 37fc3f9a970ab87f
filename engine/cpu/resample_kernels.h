// SPDX-License-Identifier: Apache-2.0
// The seam to weighted sums along one axis (families/resample.h).
#pragma once
#include <lumigrad/engine/cpu/level_table.h>

#include <cstdint>

namespace lumigrad {

/// How a line makes another: result i = sum over k < taps of weight[k][i] x[source[k][i]], i < count. Results are cut
/// into blocks of as many as a register holds, and what one tap of a block reads mostly lies close together: in the
/// `reach` elements from `corner` on, of which a permutation picks. `place` is the source less the corner, -1 where the
/// result has no such tap; where the sources lie further apart, the corner is -1 and the place is the source itself.
template <class T>
struct LineMap {
  std::int64_t count = 0, blocks = 0;
  int taps = 0;
  const std::int32_t* corner = nullptr;  ///< [taps][blocks]
  const std::uint8_t* holes = nullptr;   ///< the same; whether some places are -1
  const std::int32_t* place = nullptr;   ///< [taps][blocks][block]
  const T* weight = nullptr;             ///< the same; zero where there is no tap
};

/// How many lines of floats share the work that is not their own where they are made along themselves.
inline constexpr int lines_together = 3;

template <class T>
struct ResampleKernels {
  int block, reach;  ///< of LineMap; reach 0: no permutation at this level
  /// A line of the result is a weighted sum of lines: y[j] = sum over k of weight[k] x[k][j].
  void (*lines)(const T* const* x, T* y, std::int64_t count, const T* weight, int taps);
  /// Along each of `count` lines itself, best as many as lines_together.
  void (*along)(const T* const* x, T* const* y, int count, const LineMap<T>& map);
};

struct ResampleTable {
  ResampleKernels<float> f32;
  ResampleKernels<double> f64;
};

LUMIGRAD_LEVEL_TABLE(ResampleTable, resample_table)
inline const ResampleTable& resample_kernels(Level level) { return LUMIGRAD_AT(level, resample_table); }

}  // namespace lumigrad
