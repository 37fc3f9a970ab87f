// SPDX-License-Identifier: Apache-2.0
// Example: an image and what is known about it, moved together.
//
// A geometric augmentation is a matrix that takes pixels of the input to pixels of the output. Annotations follow it:
// masks are read through it without interpolation, points are multiplied by it, boxes become the boxes around their
// moved corners. What these annotations are is in vision/conventions.h: pixel centres at whole numbers, boxes half-open
// (a box that covers pixels 3 to 6 is 3, 7, so its edges lie at 2.5 and 6.5).
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad::augment {

/// A batch. What is not defined is left out; only the image is needed.
struct Example {
  Tensor image;           ///< [N, C, H, W] or [N, C, D, H, W]
  Tensor mask = {};       ///< [N, K, H, W] (or with D), any dtype
  Tensor boxes = {};      ///< [N, B, 4] (x0, y0, x1, y1); in volumes [N, B, 6] (x0, y0, z0, x1, y1, z1)
  Tensor keypoints = {};  ///< [N, K, 2] (x, y); in volumes [N, K, 3]
  Tensor labels = {};     ///< [N, ..]: classes, unchanged by what acts on single images
};

/// Points [N, K, d] under matrices [N, d + 1, d + 1], divided by the last coordinate. Gradients to both.
LUMIGRAD_API Tensor transform_points(const Tensor& matrix, const Tensor& points);
/// The boxes around moved boxes [N, B, 2 d] (not cut at the image). Gradients to both.
LUMIGRAD_API Tensor transform_boxes(const Tensor& matrix, const Tensor& boxes);
/// A mask read at the nearest pixel; `fill` outside. u8, integer and bool masks keep their values and dtype.
LUMIGRAD_API Tensor transform_mask(const Tensor& matrix, const Tensor& mask, double fill = 0);

}  // namespace lumigrad::augment
