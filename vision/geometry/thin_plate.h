// SPDX-License-Identifier: Apache-2.0
// Thin-plate splines: the smoothest maps of the plane that take given points to given points, a bent sheet of metal for
// each coordinate. F. Bookstein, Principal warps: thin-plate splines and the decomposition of deformations, 1989.
//
//     f(p) = a_0 + (a_x, a_y) p + sum over centres c_k of  w_k U(|p - c_k|),      U(r) = r^2 log r
//
// U is taken as s log(s + 1e-8) / 2 of the squared distance s, which is smooth at the centres and what Kornia computes.
// Composed of recorded operators; gradients flow to every argument, to second order.
#pragma once
#include <lumigrad/vision/geometry/transform.h>

namespace lumigrad::geometry {

/// Weights of a spline.
struct ThinPlate {
  Tensor kernel_weights;  ///< [N, K, 2], one a centre
  Tensor affine_weights;  ///< [N, 3, 2]: a_0, a_x, a_y
};

/// The spline with centres `destination` that takes `source` to `destination`, both [N, K, 2], K >= 3. Points on a line
/// give infinities or NaN.
LUMIGRAD_API ThinPlate get_tps_transform(const Tensor& source, const Tensor& destination, Here here = {});
/// Points [N, P, 2] under a spline with centres [N, K, 2]: [N, P, 2].
LUMIGRAD_API Tensor warp_points_tps(const Tensor& points, const Tensor& centers, const ThinPlate& spline,
                                    Here here = {});
/// The image read where a spline of normalised coordinates ([-1, 1] being the outermost centres of the result) says,
/// same size; options as in grid_sample. The positions of one image take h w K numbers for a while.
LUMIGRAD_API Tensor warp_image_tps(const Tensor& image, const Tensor& centers, const ThinPlate& spline,
                                   const RemapOptions& options = {}, Here here = {});

}  // namespace lumigrad::geometry
