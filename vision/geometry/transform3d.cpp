// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/geometry/transform3d.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/geometry/axis_lines.h>
#include <lumigrad/vision/geometry/matrices.h>
#include <lumigrad/vision/geometry/matrices3d.h>
#include <algorithm>
#include <cmath>

namespace lumigrad::geometry {
namespace {

void require_volume(const char* name, const Tensor& volume) {
  require<ShapeError>(volume.rank() == 5, name, ": expected a volume [N, C, D, H, W], got ", volume.shape());
}

VolumeSize size_of_volume(const Tensor& volume) { return {volume.size(2), volume.size(3), volume.size(4)}; }

VolumeSize wanted(const Tensor& volume, const Warp3dOptions& options) {
  return options.size == VolumeSize{} ? size_of_volume(volume) : options.size;
}

SampleOptions reading(const Warp3dOptions& o) {
  // About which plane PyTorch mirrors depends on what +-1 means.
  const Border rule = o.border == Border::reflection && !o.align_corners ? Border::symmetric : o.border;
  return {.mode = o.mode, .border = rule, .fill = o.fill};
}

void require_matrix(const char* name, const Tensor& matrix, std::int64_t rows) {
  require<ShapeError>(matrix.rank() == 3 && matrix.size(1) == rows && matrix.size(2) == 4, name,
                      ": expected a matrix [N, ", rows, ", 4], got ", matrix.shape());
  require<DTypeError>(is_differentiable(matrix.dtype()), name, ": expected a matrix of f32 or f64, got ",
                      matrix.dtype());
}

// One line along each axis of a volume's size.
Tensor along_axes(VolumeSize size, Line (*line)(std::int64_t), const Tensor& like) {
  return diagonal({line(size.width), line(size.height), line(size.depth)}, like);
}

// Corners are centres of voxels, both included.
VolumeSize size_of_box(const Tensor& boxes) {
  require<ShapeError>(boxes.size(0) > 0, "crop_by_boxes3d: expected a size where there are no boxes");
  const std::vector<double> first = slice(boxes.detach(), 0, 0, 1).values();
  double extent[3];
  for (std::size_t axis = 0; axis < 3; ++axis) {
    extent[axis] = std::floor(first[18 + axis] - first[axis]) + 1;  // corner 6 is opposite to corner 0
    require<ShapeError>(extent[axis] >= 1 && extent[axis] < 1e6,
                        "crop_by_boxes3d: expected a destination of 1 to 1e6 voxels a side, got ", extent[axis]);
  }
  return {static_cast<std::int64_t>(extent[2]), static_cast<std::int64_t>(extent[1]),
          static_cast<std::int64_t>(extent[0])};
}

Tensor mirrored(const char* name, const Tensor& volume, int axis, Here here) {
  require_volume(name, volume);
  return flip(volume, std::vector<int>{axis}, here);
}

// Crops make their map themselves, and from source to destination.
Warp3dOptions own_map(Warp3dOptions options) {
  options.inverse_map = false;
  return options;
}

}  // namespace

Tensor warp_affine3d(const Tensor& volume, const Tensor& matrix, const Warp3dOptions& options, Here here) {
  require_volume("warp_affine3d", volume);
  require_matrix("warp_affine3d", matrix, 3);
  const VolumeSize size = wanted(volume, options);
  Tensor to_source = convert_affinematrix_to_homography3d(matrix.to(DType::f64, here), here);
  if (!options.inverse_map) to_source = inverse(to_source, here);
  if (!options.align_corners) {
    to_source = matmul(along_axes(size_of_volume(volume), centres_to_edges, volume), to_source, here);
    to_source = matmul(to_source, along_axes(size, edges_to_centres, volume), here);
  }
  return sample_volume_affine(volume, slice(to_source, 1, 0, 3, 1, here), size, reading(options), here);
}

Tensor warp_perspective3d(const Tensor& volume, const Tensor& matrix, const Warp3dOptions& options, Here here) {
  require_volume("warp_perspective3d", volume);
  require_matrix("warp_perspective3d", matrix, 4);
  Tensor to_source = matrix.to(DType::f64, here);
  if (!options.inverse_map) to_source = inverse(to_source, here);
  if (!options.align_corners)
    to_source = matmul(along_axes(size_of_volume(volume), centres_to_edges, volume), to_source, here);
  return sample_volume_homography(volume, to_source, wanted(volume, options), reading(options), here);
}

Tensor homography_warp3d(const Tensor& volume, const Tensor& matrix, const Warp3dOptions& options, Here here) {
  require_volume("homography_warp3d", volume);
  require_matrix("homography_warp3d", matrix, 4);
  const VolumeSize size = wanted(volume, options);
  const auto normal = [](std::int64_t n) { return Line{n > 1 ? 2 / static_cast<double>(n - 1) : 1, -1}; };
  const auto pixels = [&](int axis) { return to_pixels(volume.size(axis), options.align_corners); };
  Tensor to_source = matmul(matrix.to(DType::f64, here), along_axes(size, normal, volume), here);
  to_source = matmul(diagonal({pixels(4), pixels(3), pixels(2)}, volume), to_source, here);
  return sample_volume_homography(volume, to_source, size, reading(options), here);
}

Tensor affine3d(const Tensor& volume, const Tensor& matrix, const Warp3dOptions& options, Here here) {
  return warp_affine3d(volume, matrix, options, here);
}

Tensor rotate3d(const Tensor& volume, const Tensor& axis_angle, const Tensor& center, const Warp3dOptions& options,
                double axis_epsilon, Here here) {
  require_volume("rotate3d", volume);
  const auto middle = [&](int axis) { return static_cast<double>(volume.size(axis) - 1) / 2; };
  const Tensor about = center.defined() ? center : Tensor({middle(4), middle(3), middle(2)});
  const Tensor matrix = get_rotation_matrix3d(about, axis_angle, 1, axis_epsilon, here);
  return warp_affine3d(volume, following(matrix, volume, here), options, here);
}

Tensor hflip3d(const Tensor& volume, Here here) { return mirrored("hflip3d", volume, 4, here); }
Tensor vflip3d(const Tensor& volume, Here here) { return mirrored("vflip3d", volume, 3, here); }
Tensor dflip3d(const Tensor& volume, Here here) { return mirrored("dflip3d", volume, 2, here); }

Tensor crop_by_boxes3d(const Tensor& volume, const Tensor& source, const Tensor& destination,
                       const Warp3dOptions& options, Here here) {
  require_volume("crop_by_boxes3d", volume);
  const Tensor to = get_perspective_transform3d(source.to(DType::f64, here), destination.to(DType::f64, here), here);
  Warp3dOptions sized = own_map(options);
  if (sized.size == VolumeSize{}) sized.size = size_of_box(destination);
  return warp_affine3d(volume, slice(to, 1, 0, 3, 1, here), sized, here);
}

Tensor crop_and_resize3d(const Tensor& volume, const Tensor& boxes, const Warp3dOptions& options, Here here) {
  require_volume("crop_and_resize3d", volume);
  require<ShapeError>(boxes.rank() == 3 && boxes.size(1) == 8 && boxes.size(2) == 3,
                      "crop_and_resize3d: expected boxes [N, 8, 3], got ", boxes.shape());
  const VolumeSize size = wanted(volume, options);
  const auto x = static_cast<double>(size.width - 1), y = static_cast<double>(size.height - 1);
  const auto z = static_cast<double>(size.depth - 1);
  const Tensor corners = Tensor::from(
      std::vector<double>{0, 0, 0, x, 0, 0, x, y, 0, 0, y, 0, 0, 0, z, x, 0, z, x, y, z, 0, y, z}, {1, 8, 3});
  Warp3dOptions sized = options;
  sized.size = size;
  return crop_by_boxes3d(volume, boxes, expand(corners.to(boxes.device()), {boxes.size(0), 8, 3}), sized, here);
}

Tensor center_crop3d(const Tensor& volume, const Warp3dOptions& options, Here here) {
  require_volume("center_crop3d", volume);
  const VolumeSize size = wanted(volume, options), of = size_of_volume(volume);
  const auto first = [](std::int64_t from, std::int64_t to) { return static_cast<double>(to - from) / 2; };
  const std::vector<double> moved = {1, 0, 0, first(of.width, size.width), 0, 1, 0, first(of.height, size.height),
                                     0, 0, 1, first(of.depth, size.depth)};
  return warp_affine3d(volume, Tensor::from(moved, {1, 3, 4}).to(volume.device()), own_map(options), here);
}

Tensor affine_grid(const Tensor& theta, Size size, bool align_corners, Here here) {
  require<ShapeError>(theta.rank() == 3 && theta.size(1) == 2 && theta.size(2) == 3,
                      "affine_grid: expected maps [N, 2, 3], got ", theta.shape());
  const Tensor normal =
      diagonal({from_pixels(size.width, align_corners), from_pixels(size.height, align_corners)}, theta);
  return position_grid(matmul(theta, normal.to(theta.dtype()), here), size, here);
}

Tensor affine_grid3d(const Tensor& theta, VolumeSize size, bool align_corners, Here here) {
  require<ShapeError>(theta.rank() == 3 && theta.size(1) == 3 && theta.size(2) == 4,
                      "affine_grid3d: expected maps [N, 3, 4], got ", theta.shape());
  const Tensor normal = diagonal({from_pixels(size.width, align_corners), from_pixels(size.height, align_corners),
                                  from_pixels(size.depth, align_corners)},
                                 theta);
  return volume_position_grid(matmul(theta, normal.to(theta.dtype()), here), size, here);
}

Tensor warp_grid(const Tensor& grid, const Tensor& matrix, Here here) {
  const int axes = grid.rank() - 2;
  require<ShapeError>((axes == 2 || axes == 3) && grid.size(-1) == axes,
                      "warp_grid: expected a grid [N, h, w, 2] or [N, d, h, w, 3], got ", grid.shape());
  require<ShapeError>(matrix.rank() == 3 && matrix.size(1) == axes + 1 && matrix.size(2) == axes + 1,
                      "warp_grid: expected matrices [N, ", axes + 1, ", ", axes + 1, "], got ", matrix.shape());
  const std::int64_t n = std::max(grid.size(0), matrix.size(0));
  require<ShapeError>((grid.size(0) == n || grid.size(0) == 1) && (matrix.size(0) == n || matrix.size(0) == 1),
                      "warp_grid: expected as many maps as grids (or one), got ", matrix.size(0), " and ",
                      grid.size(0));
  const Tensor points = expand(grid, grid.shape().with(0, n), here);
  const Tensor rows = reshape(points, Shape{n, points.numel() / std::max<std::int64_t>(1, n * axes), axes}, here);
  const Tensor linear = slice(matrix, 2, 0, axes, 1, here), offset = slice(matrix, 2, axes, axes + 1, 1, here);
  const Tensor all = add(matmul(rows, transpose(expand(linear, {n, axes + 1, axes}, here), 1, 2), here),
                         transpose(offset, 1, 2), here);
  const Tensor plain = div(slice(all, 2, 0, axes, 1, here), slice(all, 2, axes, axes + 1, 1, here), here);
  return reshape(plain, points.shape(), here);
}

}  // namespace lumigrad::geometry
