// SPDX-License-Identifier: Apache-2.0
// The sample family: warps.
//
// A warp reads an image at positions that do not fall on pixel centres. For each output pixel i there is a position
// p(i) = (x, y), counted in pixels with centres at whole numbers, and the value there is a weighted mean of the K x K
// pixels around it:
//
//     out[i] = sum over taps t of  w_t(p(i)) image[t]          w_t(x, y) = w_j(y - floor y) w_k(x - floor x)
//
// Three things are chosen freely: the image, the map p (a matrix, evaluated where it is needed, or a stored grid), and
// the weights (families/interpolation.h). Two of them can be learned, so a warp has two adjoints.
//
// To the image the warp is linear: a matrix with few entries a row. Its transpose lets the cotangent of output i flow
// back along the same weights, gradient[t] += w_t(p(i)) cotangent[i]. That is a *splat*: what was gathered is
// scattered. Nothing is lost: <cotangent, warp(image)> = <splat(cotangent), image>, and the tests hold it to that.
//
// To the map: a position moved by dx changes its output by the slope of the interpolated image,
//     gx[i] = cotangent[i] sum_t dw_t/dx image[t],
// a sample with the weights' slopes instead of the weights, and if the position came from a matrix, (gx, gy) go on
// through the map's own slopes and are summed.
//
// Both adjoints are again samples and splats, with derivatives of the weights. So the family is closed, and warps can
// be differentiated twice:
//
//     d sample_ab / d image -> splat_ab          d splat_ab / d cotangent -> sample_ab
//     d sample_ab / d x     -> sample_(a+1)b     d splat_ab / d x         -> sample_(a+1)b, and the same in y
//
// where a and b count derivatives in x and y. Between pixel centres this is exact; at whole positions, where the
// interpolation has a kink (bilinear) or jumps (nearest), the slope is the one to the right and below.
//
// What lies outside comes from a rule for indices (Border), so that it needs no slopes of its own. Positions that are
// NaN, infinite or beyond 2^29 pixels read as outside (zero, or the fill value) whatever the border.
#pragma once
#include <lumigrad/engine/families/border.h>
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// Height and width in pixels.
struct Size {
  std::int64_t height = 0;
  std::int64_t width = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

/// How a warp reads an image.
struct SampleOptions {
  Interpolation mode = Interpolation::bilinear;
  Border border = Border::zeros;
  Tensor fill = {};      ///< with Border::zeros: the value outside, one number or one a channel, a learnable argument
  double cubic = -0.75;  ///< Keys' a of the bicubic weights
};

/// An image read at the positions of a grid. image [N, C, H, W] (f32 or f64; u8 and u16 stand for value / 255 and
/// value / 65535, without gradient); grid [N, h, w, 2] of (x, y) in pixels of the image; a batch of 1 goes with any
/// other. Result [N, C, h, w]. Gradients flow to image, grid and fill, to second order; none to the grid for `nearest`.
LUMIGRAD_API Tensor sample(const Tensor& image, const Tensor& grid, const SampleOptions& options = {}, Here here = {});

/// The same with positions A (x, y, 1), A [N, 2, 3], for output pixels (x, y) of the given size; no grid is stored.
LUMIGRAD_API Tensor sample_affine(const Tensor& image, const Tensor& matrix, Size size,
                                  const SampleOptions& options = {}, Here here = {});
/// The same with positions (a / w, b / w), (a, b, w) = H (x, y, 1), H [N, 3, 3].
LUMIGRAD_API Tensor sample_homography(const Tensor& image, const Tensor& matrix, Size size,
                                      const SampleOptions& options = {}, Here here = {});

/// The order_x-th derivative along x and order_y-th along y of the interpolated image, at the positions of a grid.
/// Together at most 2; throws GraphError beyond.
LUMIGRAD_API Tensor sample_slopes(const Tensor& image, const Tensor& grid, int order_x, int order_y,
                                  const SampleOptions& options = {}, Here here = {});

/// The adjoint of sample to the image: numbers [N, C, h, w] spread over an image of `size` around the positions of a
/// grid, with the weights (or their derivatives). Gradients flow to both arguments.
LUMIGRAD_API Tensor splat(const Tensor& values, const Tensor& grid, Size size, const SampleOptions& options = {},
                          Here here = {});
LUMIGRAD_API Tensor splat_slopes(const Tensor& values, const Tensor& grid, int order_x, int order_y, Size size,
                                 const SampleOptions& options = {}, Here here = {});

/// The positions to which a matrix [N, 2, 3] or [N, 3, 3] takes the pixels of an output: [N, h, w, 2]. Positions with
/// w = 0 are NaN.
LUMIGRAD_API Tensor position_grid(const Tensor& matrix, Size size, Here here = {});

/// The textbook version: one channel, bilinear, zeros outside. Documentation and test oracle. `add(y, x, weight)` is
/// called for each tap inside; reading and splatting differ only in what it does:
///     sample:  out += weight * image[y, x]              splat:  image[y, x] += weight * cotangent
template <class Add>
void sample_reference(double x, double y, std::int64_t height, std::int64_t width, Add add) {
  if (!(x > -1 && x < static_cast<double>(width) && y > -1 && y < static_cast<double>(height))) return;
  const auto whole = [](double v) {
    return static_cast<std::int64_t>(v) - (v < static_cast<double>(static_cast<std::int64_t>(v)));
  };
  const std::int64_t left = whole(x), top = whole(y);
  const double tx = x - static_cast<double>(left), ty = y - static_cast<double>(top);
  const double wx[2] = {1 - tx, tx}, wy[2] = {1 - ty, ty};
  for (int j = 0; j < 2; ++j) {
    for (int k = 0; k < 2; ++k) {
      const std::int64_t row = top + j, column = left + k;
      if (row >= 0 && row < height && column >= 0 && column < width) add(row, column, wy[j] * wx[k]);
    }
  }
}

}  // namespace lumigrad
