// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/sum_kernels.h>

namespace lumigrad {

namespace baseline {
extern const SumKernels sums;
}
#if defined(__x86_64__)
namespace v3 {
extern const SumKernels sums;
}
namespace v4 {
extern const SumKernels sums;
}
#endif

const SumKernels& sum_kernels() {
#if defined(__x86_64__)
  if (simd_level() == Level::v4) return v4::sums;
  if (simd_level() == Level::v3) return v3::sums;
#endif
  return baseline::sums;
}

}  // namespace lumigrad
