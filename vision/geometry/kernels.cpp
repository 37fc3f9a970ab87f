// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/pixel_kernels.h>
#include <lumigrad/vision/geometry/formulas.h>

namespace lumigrad::geometry {

LUMIGRAD_COMPILE_SMALL_FORMULAS(geometry, GeometryFormulas);

}  // namespace lumigrad::geometry
