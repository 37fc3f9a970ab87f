// SPDX-License-Identifier: Apache-2.0
// Smaller images without aliasing. Images are [.., C, H, W], f32 or f64; gradients flow to the image.
// R. Zhang, Making convolutional networks shift-invariant again, 2019.
#pragma once
#include <lumigrad/engine/families/sample.h>

namespace lumigrad::filters {

struct BlurPool {
  Size kernel = {3, 3};  ///< extents of the binomial window
  std::int64_t stride = 2;
};
/// Every stride-th pixel of the image averaged with binomial weights (get_pascal_kernel_2d), (extent - 1) / 2 zeros
/// around it: floor((n + 2 ((extent - 1) / 2) - extent) / stride) + 1 pixels along an axis of n.
LUMIGRAD_API Tensor blur_pool2d(const Tensor& image, const BlurPool& options = {}, Here here = {});

struct MaxBlurPool {
  Size kernel = {3, 3};
  std::int64_t stride = 2;
  std::int64_t window = 2;  ///< extent of the maximum
};
/// blur_pool2d of the greatest value in every window x window pixels that lie within the image. The gradient of the
/// maximum goes to the first pixel, in row-major order, that has it.
LUMIGRAD_API Tensor max_blur_pool2d(const Tensor& image, const MaxBlurPool& options = {}, Here here = {});

struct EdgeAwareBlurPool {
  Size kernel = {3, 3};       ///< odd extents
  double threshold = 1.25;    ///< ratio of two values four pixels apart from which on there is an edge between them
  std::int64_t dilation = 3;  ///< extent of the window by which edges are made wider, odd
  double epsilon = 1e-6;      ///< added to values before their ratio is taken
};
/// blur_pool2d of stride 1, except near edges, where the image stays. Images [N, C, H, W] of at least 3 pixels a side,
/// >= 0. Where the edges are has no gradient.
LUMIGRAD_API Tensor edge_aware_blur_pool2d(const Tensor& image, const EdgeAwareBlurPool& options = {}, Here here = {});

}  // namespace lumigrad::filters
