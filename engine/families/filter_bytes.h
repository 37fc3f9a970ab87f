// SPDX-License-Identifier: Apache-2.0
// A separable filter from interleaved bytes into interleaved bytes.
#pragma once
#include <lumigrad/engine/families/filter_plan.h>
#include <lumigrad/engine/interleaved_pixels.h>

namespace lumigrad {

/// What filter_apply_separable does for planes, for the channels of pixels, which stay where they are: the image's
/// bytes are the numbers, without rounding, and results are limited to [0, 255], NaN 0, to nearest, ties to even. plan:
/// of one plane.
void filter_bytes(const FilterPlan& plan, const InterleavedPixels<const std::uint8_t>& image, const float* column,
                  const float* row, const InterleavedPixels<std::uint8_t>& result);

}  // namespace lumigrad
