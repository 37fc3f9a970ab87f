// SPDX-License-Identifier: Apache-2.0
// The formulas of this area, compiled together. Each header ends with a list of its own.
#pragma once
#include <lumigrad/engine/cpu/formula_table.h>
#include <lumigrad/vision/losses/correlation.h>
#include <lumigrad/vision/losses/divergence.h>
#include <lumigrad/vision/losses/robust.h>

namespace lumigrad::losses {

using LossFormulas = decltype(CorrelationFormulas() + DivergenceFormulas() + RobustFormulas());
LUMIGRAD_FORMULA_TABLE(losses, LossFormulas);

}  // namespace lumigrad::losses
