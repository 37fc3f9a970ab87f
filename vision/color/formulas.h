// SPDX-License-Identifier: Apache-2.0
// The formulas of this area, compiled together. Each header ends with a list of its own.
#pragma once
#include <lumigrad/engine/cpu/formula_table.h>
#include <lumigrad/vision/color/alpha.h>
#include <lumigrad/vision/color/gray.h>
#include <lumigrad/vision/color/hls.h>
#include <lumigrad/vision/color/hsv.h>
#include <lumigrad/vision/color/lab.h>
#include <lumigrad/vision/color/linear.h>
#include <lumigrad/vision/color/video.h>

namespace lumigrad::color {

using ColorFormulas = decltype(AlphaFormulas() + GrayFormulas() + HlsFormulas() + HsvFormulas() + LabFormulas() +
                               LinearFormulas() + VideoFormulas());
LUMIGRAD_FORMULA_TABLE(color, ColorFormulas);

}  // namespace lumigrad::color
