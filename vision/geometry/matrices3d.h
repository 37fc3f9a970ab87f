// SPDX-License-Identifier: Apache-2.0
// Matrices of transformations of space. Every continuous argument is a Tensor with gradients to second order: one
// value, or one for each of N matrices. All matrices act on (x, y, z, 1) in voxels and map source to destination.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad::geometry {

/// Rotation and scaling about `center`, x -> R S (x - c) + c: [N, 3, 4]. center [N, 3] or [3]; scale [N, 3], [3] or one
/// number. axis_angle [N, 3] or [3] lies along the axis and is as long as the angle is large (radians): a right-handed
/// turn in (x, y, z), so that (0, 0, a) takes x towards y, clockwise as displayed. Smooth everywhere, at zero too.
/// O. Rodrigues, Des lois geometriques qui regissent les deplacements d'un systeme solide, 1840.
///
/// Kornia's get_projective_transform takes degrees, and divides by the angle plus 1e-6, which turns by a little less:
/// axis_epsilon is that number (for parity). It leaves angles alone whose square is not larger.
LUMIGRAD_API Tensor get_rotation_matrix3d(const Tensor& center, const Tensor& axis_angle, const Tensor& scale = 1,
                                          double axis_epsilon = 0, Here here = {});

/// Shear about `center` by six angles [N, 6] or [6] (radians), named by the axis that moves after the one it moves
/// with: (xy, xz, yx, yz, zx, zy); applied to z, y and x in turn, with -tan of each: [N, 4, 4]. `fixed_center` = false
/// is the offset that Kornia computes, which moves the centre by products of two shears (for parity).
LUMIGRAD_API Tensor get_shear_matrix3d(const Tensor& center, const Tensor& shear, bool fixed_center = true,
                                       Here here = {});

struct AffineParameters3d {
  Tensor translation = {0.0, 0.0, 0.0};           ///< [N, 3] or [3], voxels
  Tensor center = {0.0, 0.0, 0.0};                ///< [N, 3] or [3]
  Tensor scale = 1;                               ///< [N, 3], [3] or one number
  Tensor axis_angle = {0.0, 0.0, 0.0};            ///< [N, 3] or [3], radians, as in get_rotation_matrix3d
  Tensor shear = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0};  ///< [N, 6] or [6], radians
  double axis_epsilon = 0;                        ///< as in get_rotation_matrix3d
  bool fixed_center = true;                       ///< as in get_shear_matrix3d
};
/// Shear, then rotation and scale, about the centre, then translation: [N, 4, 4].
/// Kornia's get_affine_matrix3d turns the other way and takes degrees.
LUMIGRAD_API Tensor get_affine_matrix3d(const AffineParameters3d& parameters, Here here = {});

/// The projective map that takes corners 0, 1, 2, 5 and 7 of one box to those of another, both [N, 8, 3] (the front
/// face clockwise from the top left, then the back face): [N, 4, 4] with last entry 1. Five points determine it.
/// Degenerate points (four in a plane) give infinities or NaN.
LUMIGRAD_API Tensor get_perspective_transform3d(const Tensor& source, const Tensor& destination, Here here = {});

/// [N, 3, 4] with the row (0, 0, 0, 1) below: [N, 4, 4].
LUMIGRAD_API Tensor convert_affinematrix_to_homography3d(const Tensor& matrix, Here here = {});
/// Rotations [N, 3, 3] and translations [N, 3, 1] side by side: [N, 3, 4].
LUMIGRAD_API Tensor projection_from_Rt(const Tensor& rotation, const Tensor& translation, Here here = {});

}  // namespace lumigrad::geometry
