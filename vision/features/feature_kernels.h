// SPDX-License-Identifier: Apache-2.0
// The seam to what finding and comparing keypoints spends its time in.
#pragma once
#include <lumigrad/engine/cpu/kernels.h>

namespace lumigrad {

/// Rows and columns of a block of products.
inline constexpr int product_rows = 4, product_columns = 16;

struct FeatureKernels {
  /// out[r * product_columns + c] = sum over k < length of a[r * length + k] b[k * product_columns + c].
  void (*products)(const float* a, const float* b, int length, float* out);
  /// The columns x in [first, last) of rows[4] whose value is further from zero than `least` and than all 26 neighbours
  /// (above them all if positive, below them all if negative). rows: three layers of three rows, of which 16 floats
  /// past `last` may be read. Returns how many were written to `columns`.
  int (*extrema)(const float* const* rows, float least, int first, int last, int* columns);
};

const FeatureKernels& feature_kernels(Level level);

namespace baseline {
extern const FeatureKernels feature_kernels;
}
namespace v3 {
extern const FeatureKernels feature_kernels;
}
namespace v4 {
extern const FeatureKernels feature_kernels;
}

}  // namespace lumigrad
