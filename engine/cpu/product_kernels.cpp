// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/product_kernels.h>

namespace lumigrad {

namespace baseline {
extern const ProductKernels products;
}
#if defined(__x86_64__)
namespace v3 {
extern const ProductKernels products;
}
namespace v4 {
extern const ProductKernels products;
}
#endif

const ProductKernels& product_kernels() {
#if defined(__x86_64__)
  if (simd_level() == Level::v4) return v4::products;
  if (simd_level() == Level::v3) return v3::products;
#endif
  return baseline::products;
}

}  // namespace lumigrad
