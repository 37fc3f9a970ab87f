// SPDX-License-Identifier: Apache-2.0
// The weights of filters.
//
// Kernels are correlated with the image as they are. Continuous arguments are tensors with gradients to second order:
// one number, or one a kernel ([N]; [N, 1] is the same), and the result then has a first axis of N (of 1 for a number).
// Sizes are (rows, columns); any from 1 on, even ones too, whose centre lies between two places.
#pragma once
#include <lumigrad/engine/families/sample_volume.h>

namespace lumigrad::filters {

/// exp(-(i - mean)^2 / (2 sigma^2)) at places i, divided by their sum: [N, taps]. Places are 0, 1, ... for an odd
/// number of taps, 1/2, 3/2, ... for an even one; `mean` left out: taps / 2 rounded down, the middle. Throws
/// NumericError unless sigma > 0.
LUMIGRAD_API Tensor gaussian(std::int64_t taps, const Tensor& sigma, const Tensor& mean = {}, Here here = {});
/// gaussian() about the middle: what Kornia and OpenCV call by this name.
LUMIGRAD_API Tensor get_gaussian_kernel1d(std::int64_t taps, const Tensor& sigma, Here here = {});
/// The product of a column and a row: sigma is (rows, columns), [2] or one pair a kernel [N, 2]; a number is for both.
/// Result [N, rows, columns].
LUMIGRAD_API Tensor get_gaussian_kernel2d(Size size, const Tensor& sigma, Here here = {});

/// The same along three axes: sigma (depth, rows, columns), [3] or [N, 3], or one number.
LUMIGRAD_API Tensor get_gaussian_kernel3d(VolumeSize size, const Tensor& sigma, Here here = {});
/// The integral of a Gaussian over each place, [i - 1/2, i + 1/2], i counted from taps / 2 rounded down; divided by the
/// sum: [N, taps]. The magnitude of sigma counts.
LUMIGRAD_API Tensor get_gaussian_erf_kernel1d(std::int64_t taps, const Tensor& sigma, Here here = {});

/// Weights 1 / taps: [1, taps] and [1, rows, columns].
LUMIGRAD_API Tensor get_box_kernel1d(std::int64_t taps, DType dtype = DType::f32);
LUMIGRAD_API Tensor get_box_kernel2d(Size size, DType dtype = DType::f32);

/// Binomial coefficients, divided by their sum unless `normalized` is false: [taps] and [rows, columns].
LUMIGRAD_API Tensor get_pascal_kernel_1d(std::int64_t taps, bool normalized = true, DType dtype = DType::f32);
LUMIGRAD_API Tensor get_pascal_kernel_2d(Size size, bool normalized = true, DType dtype = DType::f32);
/// Ones, but 1 - (number of weights) in the middle: [taps] and [rows, columns].
LUMIGRAD_API Tensor get_laplacian_kernel1d(std::int64_t taps, DType dtype = DType::f32);
LUMIGRAD_API Tensor get_laplacian_kernel2d(Size size, DType dtype = DType::f32);
/// The raised cosine 0.5 - 0.5 cos(2 pi i / (taps - 1)), from 3 taps on: [taps] and [rows, columns].
LUMIGRAD_API Tensor get_hanning_kernel1d(std::int64_t taps, DType dtype = DType::f32);
LUMIGRAD_API Tensor get_hanning_kernel2d(Size size, DType dtype = DType::f32);
/// One kernel for each place of a window, 1 there and 0 elsewhere: [rows columns, 1, rows, columns].
LUMIGRAD_API Tensor get_binary_kernel2d(Size size, DType dtype = DType::f32);

/// How slopes are taken from neighbours.
enum class Slopes {
  sobel,  ///< of neighbours smoothed across: 3 x 3 weights, 5 x 5 for second derivatives
  diff    ///< of the neighbours alone
};
/// The weights of spatial_gradient, not normalised: d/dx, d/dy [2, n, n], or for order 2 d2/dx2, d2/dxdy, d2/dy2
/// [3, n, n].
LUMIGRAD_API Tensor get_spatial_gradient_kernel2d(Slopes mode = Slopes::sobel, int order = 1, DType dtype = DType::f32);
/// The weights of spatial_gradient3d: d/dx, d/dy, d/dz [3, 1, 3, 3, 3], or for order 2 xx, yy, zz, xy, yz, xz
/// [6, 1, 3, 3, 3].
LUMIGRAD_API Tensor get_spatial_gradient_kernel3d(int order = 1, DType dtype = DType::f32);

/// kernel / the sum of its magnitudes, over the last `axes` axes.
LUMIGRAD_API Tensor normalize_kernel(const Tensor& kernel, int axes = 2, Here here = {});

}  // namespace lumigrad::filters
