// SPDX-License-Identifier: Apache-2.0
// What filters of this area share.
#pragma once
#include <lumigrad/vision/filters/kernels.h>
#include <vector>

namespace lumigrad::filters {

/// The column and the row of a Gaussian, [N, taps] each.
struct GaussianPair {
  Tensor column, row;
};
/// sigma: a number, (y, x) or [N, 2]. Errors name `name`.
GaussianPair gaussian_pair(const char* name, Size size, const Tensor& sigma, Here here);

/// A kernel as an image needs it: its dtype, divided by the sum of its magnitudes or turned round where that is asked
/// for. Errors name `name`.
Tensor prepared(const char* name, const Tensor& kernel, DType dtype, int axes, bool normalized, bool convolve,
                Here here);

/// Three rows of weights whose product is a kernel along (depth, rows, columns); an empty one has no part in it.
struct Lines {
  std::vector<double> depth, column, row;
};
/// The kernels of spatial_gradient and spatial_gradient3d, all of which are products. Errors name `name`.
std::vector<Lines> slope_lines(const char* name, Slopes mode, int order);
std::vector<Lines> slope_lines3d(const char* name, int order);

/// An option of a few numbers in the dtype of the image. One that stands on the CPU stays there, where what is made of
/// it costs least; DeviceError unless it may follow the image.
Tensor beside(const char* name, const Tensor& x, const Tensor& image, Here here);

/// The image with what its border puts around it, so that a window never leaves it.
Tensor surrounded(Tensor image, Size window, Border border, Here here);

/// Throws unless x is f32 or f64 images [.., C, H, W] (volumes [.., C, D, H, W] where axes is 3).
void require_filterable(const char* name, const Tensor& x, int axes = 2);

}  // namespace lumigrad::filters
