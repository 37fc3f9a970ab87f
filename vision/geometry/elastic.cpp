// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/geometry/elastic.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/filters/filters.h>
#include <lumigrad/vision/geometry/axis_lines.h>
#include <lumigrad/vision/geometry/matrices.h>
#include <lumigrad/vision/geometry/transform.h>

namespace lumigrad::geometry {

Tensor elastic_transform2d(const Tensor& image, const Tensor& noise, const ElasticOptions& options, Here here) {
  const char* name = "elastic_transform2d";
  require<ShapeError>(image.rank() == 4, name, ": expected an image [N, C, H, W], got ", image.shape());
  require<ShapeError>(noise.shape() == Shape{image.size(0), 2, image.size(2), image.size(3)}, name,
                      ": expected noise [N, 2, H, W] of the image's size, got ", noise.shape());
  const Tensor alpha = following(options.alpha, image, here);
  const bool each = alpha.shape() == Shape{image.size(0), 2};
  require<ShapeError>(each || alpha.shape() == Shape{2}, name, ": expected alpha [2] or [N, 2], got ", alpha.shape());
  const Size size{image.size(2), image.size(3)};
  const Tensor smooth = filters::gaussian_blur2d(
      noise, {.kernel = options.kernel, .sigma = options.sigma, .border = Border::zeros}, here);
  const Tensor normal = slice(normal_transform_pixel(size.height, size.width, noise.dtype(), noise.device()), 1, 0, 2);
  const Tensor strength = each ? reshape(alpha, Shape{image.size(0), 1, 1, 2}, here) : alpha;
  const Tensor moved = add(position_grid(normal, size), mul(permute(smooth, {0, 2, 3, 1}, here), strength, here), here);
  return grid_sample(image, clamp(moved, -1.0, 1.0, here),
                     {.mode = options.mode, .border = options.border, .align_corners = options.align_corners}, here);
}

}  // namespace lumigrad::geometry
