// SPDX-License-Identifier: Apache-2.0
// The weights of filters.
//
// Kernels are correlated with the image as they are. Continuous arguments are tensors with gradients to second order:
// one number, or one a kernel ([N]; [N, 1] is the same), and the result then has a first axis of N (of 1 for a number).
// Sizes are (rows, columns); any from 1 on, even ones too, whose centre lies between two places.
#pragma once
#include <lumigrad/engine/families/sample.h>

namespace lumigrad::filters {

/// exp(-(i - mean)^2 / (2 sigma^2)) at places i = 0 ... taps - 1, divided by their sum: [N, taps]. `mean` left out:
/// the middle of the places. Throws NumericError unless sigma > 0.
LUMIGRAD_API Tensor gaussian(std::int64_t taps, const Tensor& sigma, const Tensor& mean = {}, Here here = {});
/// gaussian() about the middle: what Kornia and OpenCV call by this name.
LUMIGRAD_API Tensor get_gaussian_kernel1d(std::int64_t taps, const Tensor& sigma, Here here = {});
/// The product of a column and a row: sigma is (rows, columns), [2] or one pair a kernel [N, 2]; a number is for both.
/// Result [N, rows, columns].
LUMIGRAD_API Tensor get_gaussian_kernel2d(Size size, const Tensor& sigma, Here here = {});

/// Weights 1 / taps: [1, taps] and [1, rows, columns].
LUMIGRAD_API Tensor get_box_kernel1d(std::int64_t taps, DType dtype = DType::f32);
LUMIGRAD_API Tensor get_box_kernel2d(Size size, DType dtype = DType::f32);

/// kernel / the sum of its magnitudes, over the last `axes` axes.
LUMIGRAD_API Tensor normalize_kernel(const Tensor& kernel, int axes = 2, Here here = {});

}  // namespace lumigrad::filters
