// SPDX-License-Identifier: Apache-2.0
// Elastic deformation: noise, made smooth, moves the pixels. P. Simard, D. Steinkraus, J. Platt, Best practices for
// convolutional neural networks applied to visual document analysis, 2003.
#pragma once
#include <lumigrad/engine/families/sample.h>

namespace lumigrad::geometry {

struct ElasticOptions {
  Size kernel = {63, 63};       ///< extents of the window of the Gaussian, odd
  Tensor sigma = {32.0, 32.0};  ///< its standard deviations (y, x) in pixels, [2] or [N, 2]
  Tensor alpha = {1.0, 1.0};  ///< strength along (x, y), [2] or [N, 2]: 1 moves by half the image where the noise is 1
  Interpolation mode = Interpolation::bilinear;
  Border border = Border::zeros;
  bool align_corners = true;  ///< as in grid_sample; Kornia's default is false
};
/// The image read at its own pixels moved by noise [N, 2, H, W] of (x, y), blurred (zeros outside) and limited to the
/// image, same size. Gradients flow to image, noise, sigma and alpha, to second order.
LUMIGRAD_API Tensor elastic_transform2d(const Tensor& image, const Tensor& noise, const ElasticOptions& options = {},
                                        Here here = {});

}  // namespace lumigrad::geometry
