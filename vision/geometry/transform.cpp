// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/geometry/transform.h>

#include <lumigrad/engine/families/sample_volume.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/geometry/axis_lines.h>
#include <lumigrad/vision/geometry/matrices.h>
#include <cmath>

namespace lumigrad::geometry {
namespace {

void require_image(const char* name, const Tensor& image) {
  require<ShapeError>(image.rank() == 4, name, ": expected an image [N, C, H, W], got ", image.shape());
}

Size size_of_image(const Tensor& image) { return {image.size(2), image.size(3)}; }

Size wanted(const Tensor& image, const WarpOptions& options) {
  return options.size == Size{} ? size_of_image(image) : options.size;
}

SampleOptions reading(Interpolation mode, Border border, const Tensor& fill, bool align_corners, double cubic) {
  // About which line PyTorch mirrors depends on what +-1 means.
  const Border rule = border == Border::reflection && !align_corners ? Border::symmetric : border;
  return {.mode = mode, .border = rule, .fill = fill, .cubic = cubic};
}
SampleOptions reading(const WarpOptions& o) { return reading(o.mode, o.border, o.fill, o.align_corners, o.cubic); }
SampleOptions reading(const RemapOptions& o) { return reading(o.mode, o.border, o.fill, o.align_corners, o.cubic); }

void require_matrix(const char* name, const Tensor& matrix, std::int64_t rows) {
  require<ShapeError>(matrix.rank() == 3 && matrix.size(1) == rows && matrix.size(2) == 3, name,
                      ": expected a matrix [N, ", rows, ", 3], got ", matrix.shape());
  require<DTypeError>(is_differentiable(matrix.dtype()), name, ": expected a matrix of f32 or f64, got ",
                      matrix.dtype());
}

Tensor middle_of(const Tensor& image) {
  return {static_cast<double>(image.size(3) - 1) / 2, static_cast<double>(image.size(2) - 1) / 2};
}

// Corners are centres of pixels, both included.
Size size_of_box(const Tensor& boxes) {
  require<ShapeError>(boxes.size(0) > 0, "crop_by_boxes: expected a size where there are no boxes");
  const std::vector<double> first = slice(boxes.detach(), 0, 0, 1).values();
  const double width = std::floor(first[4] - first[0]) + 1, height = std::floor(first[5] - first[1]) + 1;
  require<ShapeError>(width >= 1 && height >= 1 && width < 1e6 && height < 1e6,
                      "crop_by_boxes: expected a destination of 1 to 1e6 pixels a side, got ", height, " x ", width);
  return {static_cast<std::int64_t>(height), static_cast<std::int64_t>(width)};
}

// Crops make their map themselves, and from source to destination.
WarpOptions own_map(WarpOptions options) {
  options.inverse_map = false;
  return options;
}

}  // namespace

Tensor warp_affine(const Tensor& image, const Tensor& matrix, const WarpOptions& options, Here here) {
  require_image("warp_affine", image);
  require_matrix("warp_affine", matrix, 2);
  Tensor to_source = matrix.to(DType::f64, here);
  if (!options.inverse_map) to_source = invert_affine_transform(to_source, here);
  const Size size = wanted(image, options);
  if (!options.align_corners) {
    const Tensor before = diagonal({edges_to_centres(size.width), edges_to_centres(size.height)}, image);
    const Tensor after =
        slice(diagonal({centres_to_edges(image.size(3)), centres_to_edges(image.size(2))}, image), 1, 0, 2);
    to_source = matmul(matmul(after, convert_affinematrix_to_homography(to_source, here), here), before, here);
  }
  return sample_affine(image, to_source, size, reading(options), here);
}

Tensor warp_perspective(const Tensor& image, const Tensor& matrix, const WarpOptions& options, Here here) {
  require_image("warp_perspective", image);
  require_matrix("warp_perspective", matrix, 3);
  Tensor to_source = matrix.to(DType::f64, here);
  if (!options.inverse_map) to_source = inverse(to_source, here);
  if (!options.align_corners)
    to_source =
        matmul(diagonal({centres_to_edges(image.size(3)), centres_to_edges(image.size(2))}, image), to_source, here);
  return sample_homography(image, to_source, wanted(image, options), reading(options), here);
}

Tensor homography_warp(const Tensor& image, const Tensor& matrix, const WarpOptions& options, Here here) {
  require_image("homography_warp", image);
  require_matrix("homography_warp", matrix, 3);
  const Size size = wanted(image, options);
  const Line x = to_pixels(image.size(3), options.align_corners), y = to_pixels(image.size(2), options.align_corners);
  const Tensor normal = normal_transform_pixel(size.height, size.width, DType::f64, image.device());
  Tensor to_source = matmul(matrix.to(DType::f64, here), normal, here);
  to_source = matmul(diagonal({x, y}, image), to_source, here);
  return sample_homography(image, to_source, size, reading(options), here);
}

Tensor remap(const Tensor& image, const Tensor& map_x, const Tensor& map_y, const RemapOptions& options, Here here) {
  require_image("remap", image);
  require<ShapeError>(map_x.rank() == 3 && map_x.shape() == map_y.shape(),
                      "remap: expected two maps of one shape [N, h, w], got ", map_x.shape(), " and ", map_y.shape());
  const auto positions = [&](const Tensor& map, std::int64_t n) {
    if (options.normalized_coordinates) {
      const Line line = to_pixels(n, options.align_corners);
      return add(mul(map, line.scale, here), line.offset, here);
    }
    if (options.align_corners) return map;
    const Line line = centres_to_edges(n);
    return add(mul(map, line.scale, here), line.offset, here);
  };
  const Tensor both = stack({positions(map_x, image.size(3)), positions(map_y, image.size(2))}, 1, here);
  return sample(image, permute(both, {0, 2, 3, 1}, here), reading(options), here);
}

Tensor grid_sample(const Tensor& image, const Tensor& grid, const RemapOptions& options, Here here) {
  if (image.rank() != 5) require_image("grid_sample", image);
  const int axes = image.rank() - 2;
  require<ShapeError>(grid.rank() == image.rank() && grid.size(-1) == axes, "grid_sample: expected a grid ",
                      axes == 3 ? "[N, d, h, w, 3]" : "[N, h, w, 2]", ", got ", grid.shape());
  std::vector<double> scale, offset;
  for (int axis = image.rank() - 1; axis > 1; --axis) {
    const Line line = to_pixels(image.size(axis), options.align_corners);
    scale.push_back(line.scale);
    offset.push_back(line.offset);
  }
  const Shape coordinates{axes};
  const auto like_grid = [&](const std::vector<double>& values) {
    return Tensor::from(values, coordinates).to(grid.dtype()).to(grid.device());
  };
  const Tensor positions = add(mul(grid, like_grid(scale), here), like_grid(offset), here);
  return axes == 3 ? sample_volume(image, positions, reading(options), here)
                   : sample(image, positions, reading(options), here);
}

Tensor affine(const Tensor& image, const Tensor& matrix, const WarpOptions& options, Here here) {
  return warp_affine(image, matrix, options, here);
}

Tensor rotate(const Tensor& image, const Tensor& angle, const Tensor& center, const WarpOptions& options, Here here) {
  require_image("rotate", image);
  const Tensor about = center.defined() ? center : middle_of(image);
  return warp_affine(image, following(get_rotation_matrix2d(about, angle, 1, here), image, here), options, here);
}

Tensor translate(const Tensor& image, const Tensor& translation, const WarpOptions& options, Here here) {
  require_image("translate", image);
  const Tensor matrix = following(get_translation_matrix2d(translation, here), image, here);
  return warp_affine(image, slice(matrix, 1, 0, 2), options, here);
}

Tensor scale(const Tensor& image, const Tensor& factor, const Tensor& center, const WarpOptions& options, Here here) {
  require_image("scale", image);
  const Tensor about = center.defined() ? center : middle_of(image);
  return warp_affine(image, following(get_rotation_matrix2d(about, 0, factor, here), image, here), options, here);
}

Tensor shear(const Tensor& image, const Tensor& shear, const WarpOptions& options, Here here) {
  require_image("shear", image);
  require<ShapeError>((shear.rank() == 1 || shear.rank() == 2) && shear.size(-1) == 2,
                      "shear: expected shears [N, 2] or [2], got ", shear.shape());
  const Tensor k = reshape(shear.to(DType::f64, here), {-1, 2});
  const Tensor kx = slice(k, 1, 0, 1), ky = slice(k, 1, 1, 2);
  const Tensor one = Tensor::ones(kx.shape(), DType::f64, k.device());
  const Tensor zero = Tensor::zeros(kx.shape(), DType::f64, k.device());
  const Tensor rows = concat({one, kx, zero, ky, one, zero}, 1, here);
  const Tensor matrix = following(reshape(rows, Shape{k.size(0), 2, 3}, here), image, here);
  return warp_affine(image, matrix, options, here);
}

Tensor hflip(const Tensor& image, Here here) {
  require_image("hflip", image);
  return flip(image, std::vector<int>{3}, here);
}

Tensor vflip(const Tensor& image, Here here) {
  require_image("vflip", image);
  return flip(image, std::vector<int>{2}, here);
}

Tensor rot180(const Tensor& image, Here here) {
  require_image("rot180", image);
  return flip(image, std::vector<int>{2, 3}, here);
}

Tensor crop_by_boxes(const Tensor& image, const Tensor& source, const Tensor& destination, const WarpOptions& options,
                     Here here) {
  require_image("crop_by_boxes", image);
  const Tensor to = get_perspective_transform(source.to(DType::f64, here), destination.to(DType::f64, here), here);
  WarpOptions sized = own_map(options);
  if (sized.size == Size{}) sized.size = size_of_box(destination);
  return warp_affine(image, slice(to, 1, 0, 2, 1, here), sized, here);
}

Tensor crop_and_resize(const Tensor& image, const Tensor& boxes, const WarpOptions& options, Here here) {
  require_image("crop_and_resize", image);
  require<ShapeError>(boxes.rank() == 3 && boxes.size(1) == 4 && boxes.size(2) == 2,
                      "crop_and_resize: expected boxes [N, 4, 2], got ", boxes.shape());
  const Size size = wanted(image, options);
  const auto right = static_cast<double>(size.width - 1), bottom = static_cast<double>(size.height - 1);
  const Tensor corners = Tensor::from(std::vector<double>{0, 0, right, 0, right, bottom, 0, bottom}, {1, 4, 2});
  return crop_by_boxes(image, boxes, expand(corners.to(boxes.device()), {boxes.size(0), 4, 2}), options, here);
}

Tensor center_crop(const Tensor& image, const WarpOptions& options, Here here) {
  require_image("center_crop", image);
  const Size size = wanted(image, options);
  const double left = static_cast<double>(image.size(3) - size.width) / 2;
  const double top = static_cast<double>(image.size(2) - size.height) / 2;
  const std::vector<double> moved = {1, 0, -left, 0, 1, -top};
  return warp_affine(image, Tensor::from(moved, {1, 2, 3}).to(image.device()), own_map(options), here);
}

}  // namespace lumigrad::geometry
