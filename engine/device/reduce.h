// SPDX-License-Identifier: Apache-2.0
// The reduce family across the seam. Sums of formulas are in pixel.h.
#pragma once
#include <lumigrad/engine/device/array.h>

namespace lumigrad::device {

struct ReduceTable {
  /// y[k] = scale times the sum over the last axes of x [kept..., summed...], of which the first `kept` stay. x and y
  /// of one dtype, f32 or f64; y is dense. `rows`: the innermost axis of x's memory is a summed one.
  Status (*sum_axes)(Place place, const Array* x, std::int32_t kept, bool rows, double scale, const Array* y);
};

}  // namespace lumigrad::device
