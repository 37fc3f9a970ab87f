// SPDX-License-Identifier: Apache-2.0
// Every formula of this area, compiled together.
#pragma once
#include <lumigrad/engine/cpu/formula_table.h>
#include <lumigrad/vision/losses/correlation.h>
#include <lumigrad/vision/losses/divergence.h>
#include <lumigrad/vision/losses/robust.h>

namespace lumigrad::losses {

using LossFormulas =
    FormulaList<Absolute, Square, Charbonnier, SoftAbsolute, Cauchy, GemanMcclure, Welsch, Huber, SmoothAbsolute,
                Moments, Correlation, Decibel, KullbackLeibler, JensenShannon, EdgeAware>;
LUMIGRAD_FORMULA_TABLE(losses, LossFormulas);

}  // namespace lumigrad::losses
