// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/geometry/thin_plate.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/geometry/matrices.h>
#include <algorithm>

namespace lumigrad::geometry {
namespace {

void require_points(const char* name, const char* argument, const Tensor& points, std::int64_t least = 0) {
  require<ShapeError>(points.rank() == 3 && points.size(2) == 2 && points.size(1) >= least, name, ": expected ",
                      argument, " [N, K, 2]", least > 0 ? " with K >= 3" : "", ", got ", points.shape());
  require<DTypeError>(is_differentiable(points.dtype()), name, ": expected ", argument, " of f32 or f64, got ",
                      points.dtype());
}

// U of the distances between points [N, P, 2] and centres [N, K, 2]: [N, P, K].
Tensor bending(const Tensor& points, const Tensor& centers, Here here) {
  const Tensor square =
      sum(lumigrad::square(sub(unsqueeze(points, 2), unsqueeze(centers, 1), here), here), {3}, false, here);
  return mul(mul(square, log(add(square, 1e-8, here), here), here), 0.5, here);
}

// The points with a one before them: [N, P, 3].
Tensor with_one(const Tensor& points, Here here) {
  return concat({Tensor::ones({points.size(0), points.size(1), 1}, points.dtype(), points.device()), points}, 2, here);
}

}  // namespace

ThinPlate get_tps_transform(const Tensor& source, const Tensor& destination, Here here) {
  const char* name = "get_tps_transform";
  require_points(name, "source", source, 3);
  require_points(name, "destination", destination, 3);
  require<ShapeError>(source.shape() == destination.shape(), name, ": expected as many sources as destinations, got ",
                      source.shape(), " and ", destination.shape());
  // K points under f and no bending of affine maps: [U P; P' 0] [w; a] = [destination; 0].
  const Tensor to = destination.to(source.dtype(), here), affine = with_one(source, here);
  const std::int64_t n = source.size(0), count = source.size(1);
  const Tensor upper = concat({bending(source, to, here), affine}, 2, here);
  const Tensor lower =
      concat({transpose(affine, 1, 2), Tensor::zeros({n, 3, 3}, source.dtype(), source.device())}, 2, here);
  const Tensor right = concat({to, Tensor::zeros({n, 3, 2}, source.dtype(), source.device())}, 1, here);
  const Tensor weights = solve(concat({upper, lower}, 1, here), right, here);
  return {slice(weights, 1, 0, count, 1, here), slice(weights, 1, count, count + 3, 1, here)};
}

Tensor warp_points_tps(const Tensor& points, const Tensor& centers, const ThinPlate& spline, Here here) {
  const char* name = "warp_points_tps";
  require_points(name, "points", points);
  require_points(name, "centers", centers);
  require<ShapeError>(spline.kernel_weights.shape() == centers.shape(), name, ": expected kernel weights ",
                      centers.shape(), ", got ", spline.kernel_weights.shape());
  require<ShapeError>(spline.affine_weights.shape() == Shape{centers.size(0), 3, 2}, name,
                      ": expected affine weights [N, 3, 2], got ", spline.affine_weights.shape());
  const std::int64_t n = std::max(points.size(0), centers.size(0));
  require<ShapeError>((points.size(0) == n || points.size(0) == 1) && (centers.size(0) == n || centers.size(0) == 1),
                      name, ": expected as many splines as sets of points (or one), got ", centers.size(0), " and ",
                      points.size(0));
  const auto batch = [&](const Tensor& x) { return x.size(0) == n ? x : expand(x, x.shape().with(0, n), here); };
  const Tensor p = batch(points), basis = concat({bending(p, batch(centers), here), with_one(p, here)}, 2, here);
  return matmul(basis, batch(concat({spline.kernel_weights, spline.affine_weights}, 1, here)), here);
}

Tensor warp_image_tps(const Tensor& image, const Tensor& centers, const ThinPlate& spline, const RemapOptions& options,
                      Here here) {
  const char* name = "warp_image_tps";
  require<ShapeError>(image.rank() == 4, name, ": expected an image [N, C, H, W], got ", image.shape());
  require_points(name, "centers", centers);
  const Size size{image.size(2), image.size(3)};
  const Tensor normal =
      slice(normal_transform_pixel(size.height, size.width, centers.dtype(), centers.device()), 1, 0, 2);
  const Tensor pixels = reshape(position_grid(normal, size), {1, size.height * size.width, 2});
  const Tensor warped = warp_points_tps(pixels, centers, spline, here);
  return grid_sample(image, reshape(warped, Shape{warped.size(0), size.height, size.width, 2}, here), options, here);
}

}  // namespace lumigrad::geometry
