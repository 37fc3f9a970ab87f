// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/cuda/formula_list.h>
#include <lumigrad/engine/formulas.h>

namespace lumigrad {
LUMIGRAD_CUDA_FORMULAS(gamma, GammaFormulas);
}  // namespace lumigrad
