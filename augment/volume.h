// SPDX-License-Identifier: Apache-2.0
// Random changes of place of volumes [N, C, D, H, W]: geometric.h with one axis more. Masks, boxes [N, B, 6] and points
// [N, K, 3] follow, and inverse() takes all of them back.
//
// Angles are a rotation vector (x, y, z) in radians, its length the angle: a right-handed turn, so that a positive z
// takes x towards y, clockwise as displayed. Kornia's RandomAffine3D turns the other way, in degrees.
#pragma once
#include <lumigrad/augment/geometric.h>

namespace lumigrad::augment {

struct Affine3DOptions {
  Distribution angle_x = {}, angle_y = {}, angle_z = {};              ///< radians
  Distribution translate_x = {}, translate_y = {}, translate_z = {};  ///< fractions of width, height and depth
  Distribution scale = {};                                            ///< of all axes, > 0
  Distribution scale_x = {}, scale_y = {}, scale_z = {};              ///< times this along an axis, > 0
  Distribution shear_xy = {}, shear_xz = {}, shear_yx = {}, shear_yz = {}, shear_zx = {}, shear_zy = {};  ///< radians
  Gate p = 0.5;
  Resampling resampling = {};  ///< nearest or bilinear
  double axis_epsilon = 0;     ///< these two as in geometry::get_affine_matrix3d, for parity with Kornia
  bool fixed_center = true;
};
/// Shear, then rotation and scale, about the middle, then translation (geometry::get_affine_matrix3d).
class LUMIGRAD_API RandomAffine3D final : public Geometric {
 public:
  explicit RandomAffine3D(Affine3DOptions options = {});
  Settings settings() const override;
  void set(const std::string& name, const Setting& value) override;

 protected:
  Tensor matrix(const Draw& draw, const Shape& volume) const override;

 private:
  double axis_epsilon_;
  bool fixed_center_;
};

/// Mirrored front to back. Exact. (RandomHorizontalFlip and RandomVerticalFlip take volumes as they take images.)
class LUMIGRAD_API RandomDepthFlip final : public Geometric {
 public:
  explicit RandomDepthFlip(Gate p = 0.5);

 protected:
  Tensor transform(const Tensor& volume, const Draw& draw) const override;
};

}  // namespace lumigrad::augment
