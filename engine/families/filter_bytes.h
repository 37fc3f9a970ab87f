// SPDX-License-Identifier: Apache-2.0
// A separable filter from interleaved bytes into interleaved bytes.
#pragma once
#include <lumigrad/engine/cpu/relay_kernels.h>
#include <lumigrad/engine/families/filter_plan.h>

namespace lumigrad {

/// What filter_apply_separable does for planes, for the channels of pixels, which stay where they are: the image's
/// bytes are the numbers, without rounding, and results are limited to [0, 255], NaN 0, to nearest, ties to even. plan:
/// of one plane. Only for rows of results that have takes_byte_rows() numbers.
void filter_bytes(const FilterPlan& plan, const InterleavedPixels<const std::uint8_t>& image, const float* column,
                  const float* row, const InterleavedPixels<std::uint8_t>& result);
bool takes_byte_rows(std::int64_t numbers);

}  // namespace lumigrad
