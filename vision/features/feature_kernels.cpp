// SPDX-License-Identifier: Apache-2.0
// Chooses the compiled kernels of features by instruction level.
#include <lumigrad/vision/features/feature_kernels.h>

namespace lumigrad {

const FeatureKernels& feature_kernels([[maybe_unused]] Level level) {
#if defined(__x86_64__)
  if (level == Level::v4) return v4::feature_kernels;
  if (level == Level::v3) return v3::feature_kernels;
#endif
  return baseline::feature_kernels;
}

}  // namespace lumigrad
