// SPDX-License-Identifier: Apache-2.0
// The formulas of this area, compiled together. Each header ends with a list of its own.
#pragma once
#include <lumigrad/engine/cpu/formula_table.h>
#include <lumigrad/vision/enhance/light.h>
#include <lumigrad/vision/enhance/tone.h>

namespace lumigrad::enhance {

using EnhanceFormulas = decltype(LightFormulas() + ToneFormulas());
LUMIGRAD_FORMULA_TABLE(enhance, EnhanceFormulas);

}  // namespace lumigrad::enhance
