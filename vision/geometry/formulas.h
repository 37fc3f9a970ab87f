// SPDX-License-Identifier: Apache-2.0
// The formulas of this area, compiled together. Each header ends with a list of its own.
#pragma once
#include <lumigrad/engine/cpu/formula_table.h>
#include <lumigrad/vision/geometry/matrix_formulas.h>

namespace lumigrad::geometry {

using GeometryFormulas = MatrixFormulas;
LUMIGRAD_FORMULA_TABLE(geometry, GeometryFormulas);

}  // namespace lumigrad::geometry
