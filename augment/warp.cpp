// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/warp.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/geometry/transform.h>
#include <lumigrad/vision/geometry/transform3d.h>
#include <algorithm>
#include <array>

namespace lumigrad::augment {
namespace {

constexpr std::array modes = {"nearest", "bilinear", "bicubic"};
constexpr std::array borders = {"zeros", "border", "reflection", "symmetric", "circular"};

template <class Names>
std::size_t place_of(const char* what, const Names& names, const std::string& name) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (name == names[i]) return i;
  std::string known;
  for (const char* each : names) known += known.empty() ? each : std::string(", ") + each;
  throw FormatError(message(what, ": expected one of ", known, ", got ", name));
}

}  // namespace

std::string name_of(Border border) { return borders[static_cast<std::size_t>(border)]; }
std::string name_of(Interpolation mode) { return modes[static_cast<std::size_t>(mode)]; }
Border border_named(const std::string& name) { return static_cast<Border>(place_of("border", borders, name)); }
Interpolation mode_named(const std::string& name) { return static_cast<Interpolation>(place_of("mode", modes, name)); }

double max_of(const Tensor& x) {
  const std::vector<double> values = x.values();
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}
double min_of(const Tensor& x) {
  const std::vector<double> values = x.values();
  return values.empty() ? 0 : *std::min_element(values.begin(), values.end());
}

namespace {

Tensor fill_of(const Resampling& reading) {
  return reading.border == Border::zeros && reading.fill != 0 ? Tensor(reading.fill) : Tensor();
}

bool is_affine(const Tensor& matrix) {
  const std::vector<double> last = slice(matrix.detach(), 1, -1).values();
  for (std::size_t i = 0; i < last.size(); ++i)
    if (last[i] != (i % 3 == 2 ? 1 : 0)) return false;
  return true;
}

}  // namespace

Tensor warp_projective(const Tensor& image, const Tensor& matrix, const Resampling& reading) {
  if (image.numel() == 0) return image;
  return geometry::warp_perspective(image, matrix.to(image.device()),
                                    {.mode = reading.mode,
                                     .border = reading.border,
                                     .fill = fill_of(reading),
                                     .align_corners = reading.align_corners});
}

Tensor warp(const Tensor& image, const Tensor& given, const Resampling& reading) {
  if (image.numel() == 0) return image;
  const Tensor matrix = given.to(image.device());
  const Tensor fill = fill_of(reading);
  if (image.rank() == 5)  // bilinear is trilinear there
    return geometry::warp_affine3d(
        image, slice(matrix, 1, 0, 3),
        {.mode = reading.mode, .border = reading.border, .fill = fill, .align_corners = reading.align_corners});
  if (!is_affine(matrix)) return warp_projective(image, matrix, reading);
  return geometry::warp_affine(
      image, slice(matrix, 1, 0, 2),
      {.mode = reading.mode, .border = reading.border, .fill = fill, .align_corners = reading.align_corners});
}

Tensor mirror(const Shape& image, std::int64_t axis) {
  const std::int64_t n = image.rank() - 1;
  Tensor matrix = Tensor::eye(n, DType::f64);
  auto* numbers = matrix.mutable_data<double>();
  numbers[axis * n + axis] = -1;
  numbers[axis * n + n - 1] = double(image[image.rank() - 1 - static_cast<int>(axis)] - 1);
  return expand(unsqueeze(matrix, 0), {image[0], n, n});
}

Tensor transform_points(const Tensor& matrix, const Tensor& points) {
  const std::int64_t d = points.rank() == 3 ? points.size(2) : 0;
  require<ShapeError>(d >= 2 && matrix.rank() == 3 && matrix.size(1) == d + 1 && matrix.size(2) == d + 1 &&
                          (matrix.size(0) == points.size(0) || matrix.size(0) == 1),
                      "transform_points: expected points [N, K, d] and matrices [N, d + 1, d + 1], got ",
                      points.shape(), " and ", matrix.shape());
  const Tensor m = matrix.to(points.dtype());
  const Tensor linear = transpose(slice(m, 2, 0, d), 1, 2), offset = transpose(slice(m, 2, d), 1, 2);
  const Tensor moved = matmul(points, linear) + offset;  // [N, K, d + 1]: row vectors times M'
  return slice(moved, 2, 0, d) / slice(moved, 2, d);
}

// A half-open box covers its pixels, whose outer edges lie half a pixel before each end.
Tensor transform_boxes(const Tensor& matrix, const Tensor& boxes) {
  const std::int64_t d = boxes.rank() == 3 ? boxes.size(2) / 2 : 0;
  require<ShapeError>(d >= 2 && boxes.size(2) == 2 * d, "transform_boxes: expected boxes [N, B, 4] or [N, B, 6], got ",
                      boxes.shape());
  const Tensor edges = boxes - 0.5;
  Tensor low, high;
  for (int corner = 0; corner < 1 << d; ++corner) {
    std::vector<Tensor> coordinates;
    for (std::int64_t axis = 0; axis < d; ++axis)
      coordinates.push_back(select(edges, 2, corner >> axis & 1 ? axis + d : axis));
    const Tensor moved = transform_points(matrix, stack(coordinates, 2));
    low = low.defined() ? minimum(low, moved) : moved;
    high = high.defined() ? maximum(high, moved) : moved;
  }
  return concat({low, high}, 2) + 0.5;
}

// Numbers of any type travel as they are: f64 holds every integer below 2^53.
Tensor transform_mask(const Tensor& matrix, const Tensor& mask, double fill) {
  const Resampling nearest = {.mode = Interpolation::nearest, .fill = fill};
  if (is_differentiable(mask.dtype())) return warp(mask, matrix, nearest);
  const bool small = size_of(mask.dtype()) <= 2;
  return warp(mask.to(small ? DType::f32 : DType::f64), matrix, nearest).to(mask.dtype());
}

void move_annotations(Example& example, const Tensor& matrix) {
  if (example.mask.defined()) example.mask = transform_mask(matrix, example.mask);
  if (example.boxes.defined()) example.boxes = transform_boxes(matrix, example.boxes);
  if (example.keypoints.defined()) example.keypoints = transform_points(matrix, example.keypoints);
}

}  // namespace lumigrad::augment
