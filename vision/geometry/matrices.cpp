// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/geometry/matrices.h>

#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/geometry/formulas.h>

namespace lumigrad::geometry {
namespace {

// What matrices are made of are images of one pixel: the numbers of [N, 2], [2] or [N] are its channels, and a formula
// takes them as they lie there. A lone number counts for both of a pair where `spread` allows it. Those of one image
// follow the others to their device.
Tensor channels_of(const char* name, const char* argument, const Tensor& given, std::int64_t count, bool spread,
                   Device device, Here here) {
  const Tensor value = given.device() == Device() && given.numel() <= count ? given.to(device, here) : given;
  require<DTypeError>(is_differentiable(value.dtype()), name, ": expected ", argument, " of f32 or f64, got ",
                      value.dtype());
  const std::int64_t found = count == 1 ? 1 : value.rank() == 0 ? 0 : value.size(-1);
  if (spread && value.numel() == 1) return expand(reshape(value, {1, 1, 1, 1}, here), {1, count, 1, 1}, here);
  return reshape(value, {found == 0 ? 0 : value.numel() / found, count, 1, 1}, here);
}
Tensor pair_of(const char* name, const char* argument, const Tensor& value, bool spread, Device device, Here here) {
  require<ShapeError>(
      (spread && value.numel() == 1) || ((value.rank() == 1 || value.rank() == 2) && value.size(-1) == 2), name,
      ": expected ", argument, " of shape [N, 2] or [2], got ", value.shape());
  return channels_of(name, argument, value, 2, spread, device, here);
}
Tensor angle_of(const char* name, const Tensor& value, Device device, Here here) {
  require<ShapeError>(value.rank() <= 1, name, ": expected angle of shape [N] or one number, got ", value.shape());
  return channels_of(name, "angle", value, 1, false, device, here);
}

// [N, 6, 1, 1] to [N, 2, 3].
Tensor matrix_from_pixels(const Tensor& rows, Here here) { return reshape(rows, Shape{rows.size(0), 2, 3}, here); }

// Bare numbers together have no dtype to adapt to; they become f64.
Tensor settled(const Tensor& value, std::initializer_list<const Tensor*> all) {
  for (const Tensor* t : all)
    if (!t->is_weak()) return value;
  return value.to(DType::f64);
}

}  // namespace

Tensor get_rotation_matrix2d(const Tensor& center, const Tensor& angle, const Tensor& scale, Here here) {
  const char* name = "get_rotation_matrix2d";
  const Device d = device::device_of({&center, &angle, &scale});
  const Tensor c = pair_of(name, "center", settled(center, {&center, &angle, &scale}), false, d, here);
  const Tensor s = pair_of(name, "scale", scale, true, d, here), a = angle_of(name, angle, d, here);
  return matrix_from_pixels(pixel_planes(RotationMatrix{}, {c, a, s}, {}, name, here), here);
}

Tensor get_translation_matrix2d(const Tensor& translation, Here here) {
  const char* name = "get_translation_matrix2d";
  const Tensor t =
      pair_of(name, "translation", settled(translation, {&translation}), false, translation.device(), here);
  const std::int64_t count = t.size(0);
  const Tensor unit = Tensor::eye(3, t.dtype(), t.device());
  const Tensor one = expand(slice(slice(unit, 0, 2, 3), 1, 2, 3), {count, 1, 1});
  const Tensor last = concat({reshape(t, {count, 2, 1}, here), one}, 1, here);
  return concat({expand(slice(unit, 1, 0, 2), {count, 3, 2}), last}, 2, here);
}

Tensor get_shear_matrix2d(const Tensor& center, const Tensor& shear, Here here) {
  const char* name = "get_shear_matrix2d";
  const Device d = device::device_of({&center, &shear});
  const Tensor c = pair_of(name, "center", settled(center, {&center, &shear}), false, d, here);
  const Tensor k = pair_of(name, "shear", shear, false, d, here);
  return convert_affinematrix_to_homography(
      matrix_from_pixels(pixel_planes(ShearMatrix{}, {c, k}, {}, name, here), here), here);
}

Tensor get_affine_matrix2d(const AffineParameters& p, Here here) {
  const char* name = "get_affine_matrix2d";
  const Tensor translation = settled(p.translation, {&p.translation, &p.center, &p.scale, &p.angle, &p.shear});
  const Device d = device::device_of({&p.translation, &p.center, &p.scale, &p.angle, &p.shear});
  const Tensor t = pair_of(name, "translation", translation, false, d, here),
               c = pair_of(name, "center", p.center, false, d, here),
               s = pair_of(name, "scale", p.scale, true, d, here), a = angle_of(name, p.angle, d, here),
               k = pair_of(name, "shear", p.shear, false, d, here);
  return convert_affinematrix_to_homography(
      matrix_from_pixels(pixel_planes(AffineMatrix{}, {t, c, s, a, k}, {}, name, here), here), here);
}

Tensor get_perspective_transform(const Tensor& source, const Tensor& destination, Here here) {
  for (const Tensor* points : {&source, &destination})
    require<ShapeError>(points->rank() == 3 && points->size(1) == 4 && points->size(2) == 2,
                        "get_perspective_transform: expected points [N, 4, 2], got ", points->shape());
  require<ShapeError>(source.size(0) == destination.size(0),
                      "get_perspective_transform: expected as many sources as "
                      "destinations, got ",
                      source.size(0), " and ", destination.size(0));
  // u (g x + h y + 1) = a x + b y + c and the same for v: eight equations in a ... h.
  const Shape column{source.size(0), 4, 1};
  const Tensor one = Tensor::ones(column, source.dtype(), source.device());
  const Tensor zeros = Tensor::zeros(column.with(2, 3), source.dtype(), source.device());
  const Tensor target = destination.to(source.dtype(), here), against = neg(target, here);
  const auto equations = [&](int axis) {
    const Tensor right = mul(slice(against, 2, axis, axis + 1, 1, here), source, here);
    return axis == 0 ? concat({source, one, zeros, right}, 2, here) : concat({zeros, source, one, right}, 2, here);
  };
  const Tensor values = concat({slice(target, 2, 0, 1, 1, here), slice(target, 2, 1, 2, 1, here)}, 1, here);
  const Tensor entries = solve(concat({equations(0), equations(1)}, 1, here), values, here);
  return reshape(concat({entries, slice(one, 1, 0, 1)}, 1, here), Shape{source.size(0), 3, 3}, here);
}

Tensor invert_affine_transform(const Tensor& matrix, Here here) {
  require<ShapeError>(matrix.rank() == 3 && matrix.size(1) == 2 && matrix.size(2) == 3,
                      "invert_affine_transform: expected matrices [N, 2, 3], got ", matrix.shape());
  require<DTypeError>(is_differentiable(matrix.dtype()),
                      "invert_affine_transform: expected matrices of f32 or f64, got ", matrix.dtype());
  const Tensor entries = reshape(matrix, {matrix.size(0), 6, 1, 1}, here);
  return matrix_from_pixels(pixel_planes(InvertAffine{}, {entries}, {}, "invert_affine_transform", here), here);
}

Tensor convert_affinematrix_to_homography(const Tensor& matrix, Here here) {
  require<ShapeError>(matrix.rank() == 3 && matrix.size(1) == 2 && matrix.size(2) == 3,
                      "convert_affinematrix_to_homography: expected matrices [N, 2, 3], got ", matrix.shape());
  const Tensor last = Tensor::from(std::vector<double>{0, 0, 1}, {1, 1, 3}).to(matrix.dtype()).to(matrix.device());
  return concat({matrix, expand(last, {matrix.size(0), 1, 3})}, 1, here);
}

Tensor normal_transform_pixel(std::int64_t height, std::int64_t width, DType dtype, Device device) {
  const double sx = width > 1 ? 2.0 / static_cast<double>(width - 1) : 1;
  const double sy = height > 1 ? 2.0 / static_cast<double>(height - 1) : 1;
  return Tensor::from(std::vector<double>{sx, 0, -1, 0, sy, -1, 0, 0, 1}, {1, 3, 3}).to(dtype).to(device);
}

}  // namespace lumigrad::geometry
