// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/cuda/formula_list.h>
#include <lumigrad/vision/enhance/formulas.h>

namespace lumigrad::enhance {
LUMIGRAD_CUDA_FORMULAS(enhance, EnhanceFormulas);
}  // namespace lumigrad::enhance
