// SPDX-License-Identifier: Apache-2.0
// Every formula of this area, compiled together.
#pragma once
#include <lumigrad/engine/cpu/formula_table.h>
#include <lumigrad/vision/enhance/light.h>
#include <lumigrad/vision/enhance/tone.h>

namespace lumigrad::enhance {

using EnhanceFormulas =
    FormulaList<Shift<true>, Shift<false>, Scale<true>, Scale<false>, ScaleAbout, Gamma, Logarithm<true>,
                Logarithm<false>, Exponential<true>, Exponential<false>, Sigmoid<false>, Sigmoid<true>, Invert,
                Solarize, SolarizeAdd, Posterize, Threshold<ThresholdRule::binary>,
                Threshold<ThresholdRule::binary_inverse>, Threshold<ThresholdRule::truncate>,
                Threshold<ThresholdRule::to_zero>, Threshold<ThresholdRule::to_zero_inverse>, AddWeighted, Normalize,
                Denormalize, ShiftRgb, Saturate, SaturateAboutGray, TurnHue, TurnHueRaw, SaturateRaw,
                ColorJitter<HueTurn::hexagon>, ColorJitter<HueTurn::axis>>;
LUMIGRAD_FORMULA_TABLE(enhance, EnhanceFormulas);

}  // namespace lumigrad::enhance
