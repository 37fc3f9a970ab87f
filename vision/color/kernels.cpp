// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/pixel_kernels.h>
#include <lumigrad/vision/color/formulas.h>

namespace lumigrad::color {

LUMIGRAD_COMPILE_CHAINED_FORMULAS(color, ColorFormulas);

}  // namespace lumigrad::color
