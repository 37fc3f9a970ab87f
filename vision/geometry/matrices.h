// SPDX-License-Identifier: Apache-2.0
// Matrices of plane transformations. Every continuous argument is a Tensor with gradients to second order: one value,
// or one for each of N matrices. All matrices act on (x, y, 1) in pixels and map source to destination.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad::geometry {

/// Rotation by `angle` (radians, counter-clockwise as displayed) and scaling about `center`: [N, 2, 3].
/// center [N, 2] or [2] (x, y), angle [N] or one number, scale [N, 2], [2] or one number.
/// Kornia's get_rotation_matrix2d takes degrees.
LUMIGRAD_API Tensor get_rotation_matrix2d(const Tensor& center, const Tensor& angle, const Tensor& scale = 1,
                                          Here here = {});
/// Translation by [N, 2] or [2]: [N, 3, 3].
LUMIGRAD_API Tensor get_translation_matrix2d(const Tensor& translation, Here here = {});
/// Shear about `center` by the angles shear [N, 2] or [2] (radians), as [1, -tan sx; 0, 1] [1, 0; -tan sy, 1]: [N, 3,
/// 3].
LUMIGRAD_API Tensor get_shear_matrix2d(const Tensor& center, const Tensor& shear, Here here = {});

struct AffineParameters {
  Tensor translation = {0.0, 0.0};  ///< [N, 2] or [2], pixels
  Tensor center = {0.0, 0.0};       ///< [N, 2] or [2]
  Tensor scale = 1;                 ///< [N, 2], [2] or one number
  Tensor angle = 0;                 ///< [N] or one number, radians, counter-clockwise as displayed
  Tensor shear = {0.0, 0.0};        ///< [N, 2] or [2], radians
};
/// Shear, then rotation and scale, about the centre, then translation: [N, 3, 3].
/// Kornia's get_affine_matrix2d turns the other way and takes degrees.
LUMIGRAD_API Tensor get_affine_matrix2d(const AffineParameters& parameters, Here here = {});

/// The homography that takes four points to four points, both [N, 4, 2]: [N, 3, 3] with last entry 1. Degenerate points
/// (three on a line) give infinities or NaN.
LUMIGRAD_API Tensor get_perspective_transform(const Tensor& source, const Tensor& destination, Here here = {});

/// The inverse of affine maps [N, 2, 3]. A singular one gives infinities or NaN.
LUMIGRAD_API Tensor invert_affine_transform(const Tensor& matrix, Here here = {});
/// [N, 2, 3] with the row (0, 0, 1) below: [N, 3, 3].
LUMIGRAD_API Tensor convert_affinematrix_to_homography(const Tensor& matrix, Here here = {});
/// The matrix that takes pixel coordinates of an image of (h, w) to [-1, 1], corners being the outermost centres:
/// [1, 3, 3]. An axis of one pixel goes to -1.
LUMIGRAD_API Tensor normal_transform_pixel(std::int64_t height, std::int64_t width, DType dtype = DType::f64,
                                           Device device = {});

}  // namespace lumigrad::geometry
