// SPDX-License-Identifier: Apache-2.0
// Every formula of this area, compiled together.
#pragma once
#include <lumigrad/engine/cpu/formula_table.h>
#include <lumigrad/vision/geometry/matrix_formulas.h>

namespace lumigrad::geometry {

using GeometryFormulas = FormulaList<RotationMatrix, ShearMatrix, AffineMatrix, InvertAffine>;
LUMIGRAD_FORMULA_TABLE(geometry, GeometryFormulas);

}  // namespace lumigrad::geometry
