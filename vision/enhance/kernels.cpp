// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/pixel_kernels.h>
#include <lumigrad/vision/enhance/formulas.h>

namespace lumigrad::enhance {

LUMIGRAD_COMPILE_CHAINED_FORMULAS(enhance, EnhanceFormulas);

}  // namespace lumigrad::enhance
