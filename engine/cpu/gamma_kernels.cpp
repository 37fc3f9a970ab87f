// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/pixel_kernels.h>
#include <lumigrad/engine/formulas.h>

namespace lumigrad {
LUMIGRAD_COMPILE_SMALL_FORMULAS(gamma, GammaFormulas);
}  // namespace lumigrad
