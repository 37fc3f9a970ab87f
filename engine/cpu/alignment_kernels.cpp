// SPDX-License-Identifier: Apache-2.0
// Chooses the compiled kernels of planes and alignment by instruction level.
#include <lumigrad/engine/cpu/plane_kernels.h>

namespace lumigrad {

const AlignmentKernels& alignment_kernels([[maybe_unused]] Level level) {
#if defined(__x86_64__)
  if (level == Level::v4) return v4::alignment_kernels;
  if (level == Level::v3) return v3::alignment_kernels;
#endif
  return baseline::alignment_kernels;
}

const PlaneKernels& plane_kernels([[maybe_unused]] Level level) {
#if defined(__x86_64__)
  if (level == Level::v4) return v4::plane_kernels;
  if (level == Level::v3) return v3::plane_kernels;
#endif
  return baseline::plane_kernels;
}

}  // namespace lumigrad
