// SPDX-License-Identifier: Apache-2.0
// Slopes and edges. Images are [.., C, H, W], f32 or f64, every channel alike; outside, the outermost pixel goes on.
// Gradients flow to the image, to every order where the operator is smooth.
#pragma once
#include <lumigrad/vision/filters/kernels.h>

namespace lumigrad::filters {

struct Laplacian {
  Size kernel = {3, 3};
  Border border = Border::reflection;
  bool normalized = true;  ///< divide by the sum of the weights' magnitudes
};
/// How much the window's other places exceed its middle: get_laplacian_kernel2d.
LUMIGRAD_API Tensor laplacian(const Tensor& image, const Laplacian& options = {}, Here here = {});

struct SpatialGradient {
  Slopes mode = Slopes::sobel;
  int order = 1;           ///< of the derivatives: 1 or 2
  bool normalized = true;  ///< divide by the sum of the weights' magnitudes
};
/// Derivatives by x and y, [.., C, 2, H, W], or for order 2 by xx, xy and yy, [.., C, 3, H, W].
LUMIGRAD_API Tensor spatial_gradient(const Tensor& image, const SpatialGradient& options = {}, Here here = {});
/// Central differences of volumes [.., C, D, H, W] by x, y and z, [.., C, 3, D, H, W]; for order 2 by xx, yy, zz, xy,
/// yz and xz, [.., C, 6, D, H, W], where the mixed ones are four times the derivative.
/// Kornia turns its kernels round along z: its yz and xz have the other sign.
LUMIGRAD_API Tensor spatial_gradient3d(const Tensor& volume, int order = 1, Here here = {});

struct Sobel {
  bool normalized = true;
  double epsilon = 1e-6;  ///< keeps the root smooth where there is no slope
};
/// The length of the gradient, sqrt(gx^2 + gy^2 + epsilon).
LUMIGRAD_API Tensor sobel(const Tensor& image, const Sobel& options = {}, Here here = {});

struct Canny {
  double low = 0.1;   ///< where the gradient is longer, an edge may be
  double high = 0.2;  ///< and here one is
  Size kernel = {5, 5};
  Tensor sigma = {1.0, 1.0};  ///< of the Gaussian beforehand, (y, x)
  bool hysteresis = true;     ///< keep what may be an edge where a chain of such pixels leads to one that is
  double epsilon = 1e-6;      ///< as for sobel
};
/// Edges of images [N, 1 or 3, H, W], by the grey level.
struct Edges {
  Tensor magnitude;  ///< [N, 1, H, W]: length of the gradient where it is greatest across the edge, elsewhere 0
  Tensor edges;      ///< [N, 1, H, W]: 1 on edges, 0 elsewhere; without hysteresis 0.5 where there may be one
};
/// J. Canny, A computational approach to edge detection, 1986. Directions are rounded to 45 degrees. Gradients flow
/// through `magnitude`, with the selection held fixed; `edges` has none. Throws NumericError unless 0 < low <= high.
LUMIGRAD_API Edges canny(const Tensor& image, const Canny& options = {}, Here here = {});

}  // namespace lumigrad::filters
