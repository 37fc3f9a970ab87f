// SPDX-License-Identifier: Apache-2.0
// From tensors to the lanes of a call.
#pragma once
#include <lumigrad/engine/families/pixel_call.h>

namespace lumigrad {

/// All lanes of a kernel call in one row: those that are read, then those that are written. A lane without memory
/// (base null) reads as zero and is written nowhere.
struct LaneSet {
  static constexpr int capacity = 5 * max_lanes;
  Lane lanes[capacity];  // only the first `count` are set
  int count = 0;
  int read = 0;

  /// Room for n more lanes.
  Lane* add(int n) {
    count += n;
    return lanes + count - n;
  }
};

/// Writes the lanes of tensors that hold inputs of the formula; returns how many.
int input_lanes(const PixelPlan& plan, std::span<const Tensor> tensors, Lane* to);
/// Writes the lanes of a result (or of its cotangent): as many as the formula has results, in one tensor.
void result_lanes(const PixelPlan& plan, const Tensor& y, Lane* to);
/// New gradient tensors in the shape of the domain for those inputs that want one, and their lanes (null where not).
void gradient_lanes(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const bool> wants,
                    std::span<Tensor> gradients, Lane* to);

}  // namespace lumigrad
