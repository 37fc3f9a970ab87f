// SPDX-License-Identifier: Apache-2.0
// What the windows of an image picked (filter_rank.h), and back, on the CPU.
//
//     take      z[i] = x[i + t - a]                        t = place[i] of the window at pixel i
//     collect   x[j] = sum of z[i] over i + t - a = j
//
// Each is the other's adjoint. A scatter would send every z to where it belongs; instead every pixel asks the few
// windows that saw it, whether it was the one: a correlation whose weights are 1 where the place is the right one and 0
// elsewhere. So sums have one owner and one order, and what lies beyond the image is folded back as for all filters.
#pragma once
#include <lumigrad/engine/families/filter_plan.h>
#include <lumigrad/engine/tensor.h>
#include <vector>

namespace lumigrad {

/// One place of the window that takes part.
struct WindowPlace {
  std::int64_t row, column;
};

struct WindowPicks {
  FilterPlan plan;  ///< of two axes
  std::vector<WindowPlace> places;
  Tensor pick;  ///< [planes, results of a plane]: which of the places; -1: none. i32 beside f32, i64 beside f64
};

/// x [planes, pixels of a plane] to [planes, results of a plane], and back. Gradients to every order.
Tensor take(const Tensor& x, const WindowPicks& picks, Here here);
Tensor collect(const Tensor& z, const WindowPicks& picks, Here here);

}  // namespace lumigrad
