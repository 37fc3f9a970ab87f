// SPDX-License-Identifier: Apache-2.0
// What filters of this area share.
#pragma once
#include <lumigrad/vision/filters/kernels.h>

namespace lumigrad::filters {

/// The column and the row of a Gaussian, [N, taps] each.
struct GaussianPair {
  Tensor column, row;
};
/// sigma: a number, (y, x) or [N, 2]. Errors name `name`.
GaussianPair gaussian_pair(const char* name, Size size, const Tensor& sigma, Here here);

/// Throws unless x is f32 or f64 images [.., C, H, W] (volumes [.., C, D, H, W] where axes is 3).
void require_filterable(const char* name, const Tensor& x, int axes = 2);

}  // namespace lumigrad::filters
