// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/volume.h>
#include <lumigrad/augment/warp.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/geometry/matrices3d.h>
#include <array>
#include <limits>

namespace lumigrad::augment {
namespace {

constexpr Domain anything = {};
constexpr Domain factors = {1, 1e-3, std::numeric_limits<double>::infinity()};
constexpr Domain shears = {0, -1.5, 1.5};
constexpr std::pair turn = {-0.3, 0.5}, way = {-0.17, 0.23}, about_one = {0.85, 1.15};
constexpr std::array shear_names = {"shear_xy", "shear_xz", "shear_yx", "shear_yz", "shear_zx", "shear_zy"};

Distribution given(const Distribution& distribution) {
  return distribution.defined() ? distribution : Distribution(0.0);
}

void require_volume(const char* name, const Shape& volume) {
  require<ShapeError>(volume.rank() == 5, name, ": expected volumes [N, C, D, H, W], got ", volume);
}

}  // namespace

RandomAffine3D::RandomAffine3D(Affine3DOptions o)
    : Geometric("affine3d", std::move(o.p),
                {{"angle_x", given(o.angle_x), anything, turn},
                 {"angle_y", given(o.angle_y), anything, turn},
                 {"angle_z", given(o.angle_z), anything, turn},
                 {"translate_x", given(o.translate_x), anything, way},
                 {"translate_y", given(o.translate_y), anything, way},
                 {"translate_z", given(o.translate_z), anything, way},
                 {"scale", given(o.scale), factors, about_one},
                 {"scale_x", given(o.scale_x), factors, about_one},
                 {"scale_y", given(o.scale_y), factors, about_one},
                 {"scale_z", given(o.scale_z), factors, about_one},
                 {"shear_xy", given(o.shear_xy), shears, turn},
                 {"shear_xz", given(o.shear_xz), shears, turn},
                 {"shear_yx", given(o.shear_yx), shears, turn},
                 {"shear_yz", given(o.shear_yz), shears, turn},
                 {"shear_zx", given(o.shear_zx), shears, turn},
                 {"shear_zy", given(o.shear_zy), shears, turn}},
                nullptr, o.resampling),
      axis_epsilon_(o.axis_epsilon),
      fixed_center_(o.fixed_center) {}

Settings RandomAffine3D::settings() const {
  Settings all = Geometric::settings();
  all["axis_epsilon"] = axis_epsilon_;
  all["fixed_center"] = fixed_center_;
  return all;
}

void RandomAffine3D::set(const std::string& option, const Setting& value) {
  if (option == "axis_epsilon") {
    require<FormatError>(value.if_number(), name(), ": expected a number for axis_epsilon");
    axis_epsilon_ = *value.if_number();
  } else if (option == "fixed_center") {
    require<FormatError>(value.if_flag(), name(), ": expected true or false for fixed_center");
    fixed_center_ = *value.if_flag();
  } else {
    Geometric::set(option, value);
  }
}

Tensor RandomAffine3D::matrix(const Draw& draw, const Shape& volume) const {
  require_volume("affine3d", volume);
  const auto value = [&](const char* parameter) { return draw.value(parameter).to(DType::f64); };
  const double width = double(volume[4]), height = double(volume[3]), depth = double(volume[2]);
  const Tensor scale = value("scale");
  std::vector<Tensor> shear;
  for (const char* parameter : shear_names) shear.push_back(value(parameter));
  return geometry::get_affine_matrix3d(
      {.translation =
           stack({value("translate_x") * width, value("translate_y") * height, value("translate_z") * depth}, 1),
       .center = {(width - 1) / 2, (height - 1) / 2, (depth - 1) / 2},
       .scale = stack({scale * value("scale_x"), scale * value("scale_y"), scale * value("scale_z")}, 1),
       .axis_angle = stack({value("angle_x"), value("angle_y"), value("angle_z")}, 1),
       .shear = stack(shear, 1),
       .axis_epsilon = axis_epsilon_,
       .fixed_center = fixed_center_});
}

RandomDepthFlip::RandomDepthFlip(Gate p)
    : Geometric("depth_flip", std::move(p), {},
                [](const Draw&, const Shape& volume) {
                  require_volume("depth_flip", volume);
                  return mirror(volume, 2);
                },
                {}) {}
Tensor RandomDepthFlip::transform(const Tensor& volume, const Draw&) const { return flip(volume, std::array{-3}); }

}  // namespace lumigrad::augment
