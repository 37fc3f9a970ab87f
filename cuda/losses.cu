// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/cuda/formula_list.h>
#include <lumigrad/vision/losses/formulas.h>

namespace lumigrad::losses {
LUMIGRAD_CUDA_FORMULAS(losses, LossFormulas);
}  // namespace lumigrad::losses
