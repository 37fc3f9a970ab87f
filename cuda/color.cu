// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/cuda/formula_list.h>
#include <lumigrad/vision/color/formulas.h>

namespace lumigrad::color {
LUMIGRAD_CUDA_FORMULAS(color, ColorFormulas);
}  // namespace lumigrad::color
