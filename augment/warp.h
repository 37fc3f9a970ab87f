// SPDX-License-Identifier: Apache-2.0
// Matrices, and what is moved by them: images, masks, points, boxes.
#pragma once
#include <lumigrad/augment/augmentation.h>

namespace lumigrad::augment {

/// An image under an affine map [N, 3, 3] of source to destination pixels.
Tensor warp(const Tensor& image, const Tensor& matrix, const Resampling& reading);
/// Mask, boxes and keypoints of an example under matrices of source to destination.
void move_annotations(Example& example, const Tensor& matrix);

double max_of(const Tensor& x);
double min_of(const Tensor& x);

}  // namespace lumigrad::augment
