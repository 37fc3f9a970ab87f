// SPDX-License-Identifier: Apache-2.0
// Matrices, and what is moved by them: images, masks, points, boxes.
#pragma once
#include <lumigrad/augment/augmentation.h>

namespace lumigrad::augment {

/// An image under a map [N, 3, 3] of source to destination pixels. Where all last rows are 0, 0, 1 they are taken to be
/// so whatever may be learned: affine maps, without a division a pixel.
Tensor warp(const Tensor& image, const Tensor& matrix, const Resampling& reading);
/// Images under homographies.
Tensor warp_projective(const Tensor& image, const Tensor& matrix, const Resampling& reading);
/// The matrix that mirrors along an axis (0: x): x -> extent - 1 - x. [N, 3, 3] or [N, 4, 4].
Tensor mirror(const Shape& image, std::int64_t axis);
/// Mask, boxes and keypoints of an example under matrices of source to destination.
void move_annotations(Example& example, const Tensor& matrix);

/// Borders and interpolations by name; FormatError lists the names.
std::string name_of(Border border);
std::string name_of(Interpolation mode);
Border border_named(const std::string& name);
Interpolation mode_named(const std::string& name);

double max_of(const Tensor& x);
double min_of(const Tensor& x);

}  // namespace lumigrad::augment
