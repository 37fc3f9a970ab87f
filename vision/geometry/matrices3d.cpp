// SPDX-License-Identifier: Apache-2.0
// A few matrices a call: composed of recorded operators, without a kernel of their own.
#include <lumigrad/vision/geometry/matrices3d.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/axis_angle.h>
#include <algorithm>

namespace lumigrad::geometry {
namespace {

// What a matrix is made as. Arguments that a program gave as tensors decide; numbers follow.
struct Made {
  DType dtype = DType::f64;
  Device device;
};
Made settled(std::initializer_list<const Tensor*> all) {
  for (const Tensor* t : all)
    if (!t->is_weak()) return {t->dtype(), t->device()};
  return {};
}

// [N, count], made from [N, count], [count] or, where `spread` allows it, one number.
Tensor rows_of(const char* name, const char* argument, const Tensor& value, std::int64_t count, bool spread,
               const Made& made, Here here) {
  const Tensor x = value.is_weak() ? value.to(made.dtype, here).to(made.device, here) : value.to(made.dtype, here);
  if (spread && x.numel() == 1) return reshape(x, {1, 1}, here);
  require<ShapeError>((x.rank() == 1 || x.rank() == 2) && x.size(-1) == count, name, ": expected ", argument,
                      " of shape [N, ", count, "] or [", count, "], got ", x.shape());
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected ", argument, " of f32 or f64, got ", x.dtype());
  return reshape(x, Shape{x.rank() == 1 ? 1 : x.size(0), count}, here);
}

// [N, 3, 3] and [N, 3] (N or 1) to [N, 3, 4].
Tensor beside(const Tensor& linear, const Tensor& offset, Here here) {
  const std::int64_t n = std::max(linear.size(0), offset.size(0));
  const Tensor column = unsqueeze(offset, 2);
  return concat({expand(linear, {n, 3, 3}, here), expand(column, {n, 3, 1}, here)}, 2, here);
}

// linear c
Tensor applied(const Tensor& linear, const Tensor& c, Here here) {
  return sum(mul(linear, reshape(c, Shape{c.size(0), 1, 3}, here), here), {2}, false, here);
}

// The shears of z, y and x in turn, from the six tangents.
Tensor sheared(const std::vector<Tensor>& t, Here here) {
  const Tensor &xy = t[0], &xz = t[1], &yx = t[2], &yz = t[3], &zx = t[4], &zy = t[5];
  const Tensor one = Tensor::ones(xy.shape(), xy.dtype(), xy.device());
  const Tensor m11 = add(mul(xy, yx, here), one, here), m21 = add(mul(xz, yx, here), yz, here);
  const Tensor m02 = add(mul(yx, zy, here), zx, here), m12 = add(mul(xy, zx, here), mul(zy, m11, here), here);
  const Tensor m22 = add(add(mul(xz, zx, here), mul(zy, m21, here), here), one, here);
  return reshape(concat({one, yx, m02, xy, m11, m12, xz, m21, m22}, 1, here), Shape{xy.size(0), 3, 3}, here);
}

}  // namespace

Tensor get_rotation_matrix3d(const Tensor& center, const Tensor& axis_angle, const Tensor& scale, double axis_epsilon,
                             Here here) {
  const char* name = "get_rotation_matrix3d";
  const Made made = settled({&center, &axis_angle, &scale});
  const Tensor c = rows_of(name, "center", center, 3, false, made, here);
  const Tensor v = rows_of(name, "axis_angle", axis_angle, 3, false, made, here);
  const Tensor s = rows_of(name, "scale", scale, 3, true, made, here);
  const Tensor linear =
      mul(axis_angle_turn(v, axis_epsilon, here), reshape(s, Shape{s.size(0), 1, s.size(1)}, here), here);
  return beside(linear, sub(c, applied(linear, c, here), here), here);
}

Tensor get_shear_matrix3d(const Tensor& center, const Tensor& shear, bool fixed_center, Here here) {
  const char* name = "get_shear_matrix3d";
  const Made made = settled({&center, &shear});
  const Tensor c = rows_of(name, "center", center, 3, false, made, here);
  const Tensor t = tan(rows_of(name, "shear", shear, 6, false, made, here), here);
  std::vector<Tensor> positive, negative;
  for (int k = 0; k < 6; ++k) {
    positive.push_back(slice(t, 1, k, k + 1, 1, here));
    negative.push_back(neg(positive.back(), here));
  }
  const Tensor linear = sheared(negative, here);
  const Tensor offset =
      fixed_center ? sub(c, applied(linear, c, here), here) : sub(applied(sheared(positive, here), c, here), c, here);
  return convert_affinematrix_to_homography3d(beside(linear, offset, here), here);
}

Tensor get_affine_matrix3d(const AffineParameters3d& p, Here here) {
  const char* name = "get_affine_matrix3d";
  const Made made = settled({&p.translation, &p.center, &p.scale, &p.axis_angle, &p.shear});
  const auto as = [&](const char* argument, const Tensor& value, std::int64_t count, bool spread) {
    return rows_of(name, argument, value, count, spread, made, here);
  };
  const Tensor translation = as("translation", p.translation, 3, false), center = as("center", p.center, 3, false);
  const Tensor turned = get_rotation_matrix3d(center, as("axis_angle", p.axis_angle, 3, false),
                                              as("scale", p.scale, 3, true), p.axis_epsilon, here);
  const Tensor offset = add(select(turned, 2, 3, here), translation, here);
  const Tensor placed =
      convert_affinematrix_to_homography3d(beside(slice(turned, 2, 0, 3, 1, here), offset, here), here);
  return matmul(placed, get_shear_matrix3d(center, as("shear", p.shear, 6, false), p.fixed_center, here), here);
}

Tensor get_perspective_transform3d(const Tensor& source, const Tensor& destination, Here here) {
  for (const Tensor* points : {&source, &destination})
    require<ShapeError>(points->rank() == 3 && points->size(1) == 8 && points->size(2) == 3,
                        "get_perspective_transform3d: expected points [N, 8, 3], got ", points->shape());
  require<ShapeError>(source.size(0) == destination.size(0),
                      "get_perspective_transform3d: expected as many sources as destinations, got ", source.size(0),
                      " and ", destination.size(0));
  // u (j x + k y + l z + 1) = a x + b y + c z + d, and two more such: fifteen equations of five points in a ... l.
  const auto five = [&](const Tensor& points) {
    return concat({slice(points, 1, 0, 3, 1, here), slice(points, 1, 5, 6, 1, here), slice(points, 1, 7, 8, 1, here)},
                  1, here);
  };
  const Tensor from = five(source), to = five(destination.to(source.dtype(), here));
  const Tensor one = Tensor::ones({source.size(0), 5, 1}, source.dtype(), source.device());
  const Tensor zero = Tensor::zeros({source.size(0), 5, 4}, source.dtype(), source.device());
  const Tensor row = concat({from, one}, 2, here);
  std::vector<Tensor> equations, values;
  for (int axis = 0; axis < 3; ++axis) {
    values.push_back(slice(to, 2, axis, axis + 1, 1, here));
    std::vector<Tensor> parts(3, zero);
    parts[static_cast<std::size_t>(axis)] = row;
    parts.push_back(neg(mul(from, values.back(), here), here));
    equations.push_back(concat(parts, 2, here));
  }
  const Tensor entries = solve(concat(equations, 1, here), concat(values, 1, here), here);
  return reshape(concat({entries, slice(one, 1, 0, 1)}, 1, here), Shape{source.size(0), 4, 4}, here);
}

Tensor convert_affinematrix_to_homography3d(const Tensor& matrix, Here here) {
  require<ShapeError>(matrix.rank() == 3 && matrix.size(1) == 3 && matrix.size(2) == 4,
                      "convert_affinematrix_to_homography3d: expected matrices [N, 3, 4], got ", matrix.shape());
  const Tensor last = Tensor::from(std::vector<double>{0, 0, 0, 1}, {1, 1, 4}).to(matrix.dtype()).to(matrix.device());
  return concat({matrix, expand(last, {matrix.size(0), 1, 4})}, 1, here);
}

Tensor projection_from_Rt(const Tensor& rotation, const Tensor& translation, Here here) {
  require<ShapeError>(rotation.rank() == 3 && rotation.size(1) == 3 && rotation.size(2) == 3,
                      "projection_from_Rt: expected rotations [N, 3, 3], got ", rotation.shape());
  require<ShapeError>(translation.rank() == 3 && translation.size(1) == 3 && translation.size(2) == 1,
                      "projection_from_Rt: expected translations [N, 3, 1], got ", translation.shape());
  return concat({rotation, translation}, 2, here);
}

}  // namespace lumigrad::geometry
