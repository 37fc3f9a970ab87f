// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/pixel_kernels.h>
#include <lumigrad/vision/losses/formulas.h>

namespace lumigrad::losses {

LUMIGRAD_COMPILE_FORMULAS(losses, LossFormulas);

}  // namespace lumigrad::losses
