// SPDX-License-Identifier: Apache-2.0
// Every formula of this area, compiled together.
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

using ColorFormulas =
    FormulaList<Grayscale, WeightedGrayscale, RgbToHsv, HsvToRgb, RgbToHls, HlsToRgb, ToLinear, FromLinear, RgbToXyz,
                XyzToRgb, RgbToLab, LabToRgb<true>, LabToRgb<false>, RgbToLuv, LuvToRgb, RgbToYcbcr, YcbcrToRgb,
                RgbToYuv, RgbToUv, YuvToRgb, Sepia, AppendAlpha, AppendAlphaPlane, OverColor, OverImage, ToRgb255,
                FromRgb255, NormalsToRgb255, Rgb255ToNormals>;
LUMIGRAD_FORMULA_TABLE(color, ColorFormulas);

}  // namespace lumigrad::color
