// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/cuda/formula_list.h>
#include <lumigrad/vision/geometry/formulas.h>

namespace lumigrad::geometry {
LUMIGRAD_CUDA_FORMULAS(geometry, GeometryFormulas);
}  // namespace lumigrad::geometry
