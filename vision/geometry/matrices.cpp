// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/geometry/matrices.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/geometry/formulas.h>

namespace lumigrad::geometry {
namespace {

// The last axis must be (x, y); a lone number counts for both where `spread` allows it.
struct Pair {
  Tensor x, y;
};
Pair pair_of(const char* name, const char* argument, const Tensor& value, bool spread, Here here) {
  if (spread && value.numel() == 1) return {value, value};
  require<ShapeError>((value.rank() == 1 || value.rank() == 2) && value.size(-1) == 2, name, ": expected ", argument,
                      " of shape [N, 2] or [2], got ", value.shape());
  return {select(value, -1, 0, here), select(value, -1, 1, here)};
}

// [N, 6] or [6] to [N, 2, 3].
Tensor matrix_from_rows(const Tensor& rows, Here here) {
  return reshape(rows, Shape{rows.rank() == 1 ? 1 : rows.size(0), 2, 3}, here);
}

void require_vector(const char* name, const char* argument, const Tensor& value) {
  require<ShapeError>(value.rank() <= 1, name, ": expected ", argument, " of shape [N] or one number, got ",
                      value.shape());
}

// Bare numbers together have no dtype to adapt to; they become f64.
Tensor settled(const Tensor& value, std::initializer_list<const Tensor*> all) {
  for (const Tensor* t : all)
    if (!t->is_weak()) return value;
  return value.to(DType::f64);
}

}  // namespace

Tensor get_rotation_matrix2d(const Tensor& center, const Tensor& angle, const Tensor& scale, Here here) {
  const char* name = "get_rotation_matrix2d";
  const Pair c = pair_of(name, "center", settled(center, {&center, &angle, &scale}), false, here);
  const Pair s = pair_of(name, "scale", scale, true, here);
  require_vector(name, "angle", angle);
  return matrix_from_rows(pixel(RotationMatrix{}, {c.x, c.y, angle, s.x, s.y}, {}, name, here), here);
}

Tensor get_translation_matrix2d(const Tensor& translation, Here here) {
  return get_affine_matrix2d({.translation = translation}, here);
}

Tensor get_shear_matrix2d(const Tensor& center, const Tensor& shear, Here here) {
  const char* name = "get_shear_matrix2d";
  const Pair c = pair_of(name, "center", settled(center, {&center, &shear}), false, here);
  const Pair k = pair_of(name, "shear", shear, false, here);
  return convert_affinematrix_to_homography(
      matrix_from_rows(pixel(ShearMatrix{}, {c.x, c.y, k.x, k.y}, {}, name, here), here), here);
}

Tensor get_affine_matrix2d(const AffineParameters& p, Here here) {
  const char* name = "get_affine_matrix2d";
  const Tensor translation = settled(p.translation, {&p.translation, &p.center, &p.scale, &p.angle, &p.shear});
  const Pair t = pair_of(name, "translation", translation, false, here),
             c = pair_of(name, "center", p.center, false, here);
  const Pair s = pair_of(name, "scale", p.scale, true, here), k = pair_of(name, "shear", p.shear, false, here);
  require_vector(name, "angle", p.angle);
  const Tensor rows = pixel(AffineMatrix{}, {t.x, t.y, c.x, c.y, s.x, s.y, p.angle, k.x, k.y}, {}, name, here);
  return convert_affinematrix_to_homography(matrix_from_rows(rows, here), here);
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
  const Tensor x = slice(source, 2, 0, 1), y = slice(source, 2, 1, 2);
  const Tensor u = slice(destination, 2, 0, 1).to(source.dtype(), here),
               v = slice(destination, 2, 1, 2).to(source.dtype(), here);
  const Tensor one = Tensor::ones(x.shape(), x.dtype(), x.device());
  const Tensor zero = Tensor::zeros(x.shape(), x.dtype(), x.device());
  const auto negative = [&](const Tensor& a, const Tensor& b) { return neg(mul(a, b, here), here); };
  const Tensor upper = concat({x, y, one, zero, zero, zero, negative(x, u), negative(y, u)}, 2, here);
  const Tensor lower = concat({zero, zero, zero, x, y, one, negative(x, v), negative(y, v)}, 2, here);
  const Tensor entries = solve(concat({upper, lower}, 1, here), concat({u, v}, 1, here), here);
  return reshape(concat({entries, slice(one, 1, 0, 1)}, 1, here), Shape{source.size(0), 3, 3}, here);
}

Tensor invert_affine_transform(const Tensor& matrix, Here here) {
  require<ShapeError>(matrix.rank() == 3 && matrix.size(1) == 2 && matrix.size(2) == 3,
                      "invert_affine_transform: expected matrices [N, 2, 3], got ", matrix.shape());
  const auto entry = [&](int row, int column) { return select(select(matrix, 1, row, here), 1, column, here); };
  return matrix_from_rows(
      pixel(InvertAffine{}, {entry(0, 0), entry(0, 1), entry(0, 2), entry(1, 0), entry(1, 1), entry(1, 2)}, {},
            "invert_affine_transform", here),
      here);
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
