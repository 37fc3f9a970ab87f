// SPDX-License-Identifier: Apache-2.0
// The seam to what finding keypoints spends its time in.
#pragma once
#include <lumigrad/engine/cpu/level_table.h>

namespace lumigrad {

struct FeatureKernels {
  /// The columns x in [first, last) of rows[4] whose value is further from zero than `least` and than all 26 neighbours
  /// (above them all if positive, below them all if negative). rows: three layers of three rows, of which 16 floats
  /// past `last` may be read. Returns how many were written to `columns`.
  int (*extrema)(const float* const* rows, float least, int first, int last, int* columns);
};

LUMIGRAD_LEVEL_TABLE(FeatureKernels, feature_table)
inline const FeatureKernels& feature_kernels(Level level) { return LUMIGRAD_AT(level, feature_table); }

}  // namespace lumigrad
