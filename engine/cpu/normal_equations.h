// SPDX-License-Identifier: Apache-2.0
// The seam to the fused second-order pass of image alignment.
//
// One pass over the fixed image F samples the moving image M through a homography, takes the mean of both images'
// gradients (ESM), forms the residual r = gain M(map x) + bias - F(x), weighs it robustly and sums the normal
// equations of ten unknowns: the eight of a compositional homography step, then gain and bias. Nothing of the size of
// an image is written.
//
// A pixel that must not count is NaN. NaN spreads through sampling and gradients and is dropped where the sums are
// taken, so a mask needs no plane of its own and nothing of a masked pixel can leak into a result.
#pragma once
#include <lumigrad/engine/cpu/level_table.h>
#include <lumigrad/engine/robust.h>

#include <cstddef>

namespace lumigrad {

/// A grey image in memory: rows of floats, `stride` floats apart. NaN marks pixels that do not count. Up to 32 floats
/// behind the end of any row must be readable.
struct PlaneView {
  const float* data = nullptr;
  int height = 0;
  int width = 0;
  std::ptrdiff_t stride = 0;
};

/// How the moving image is read between its pixels.
///
/// spline weighs four by four neighbours by cubic B-splines. That smooths, like a Gaussian of 1/3 px^2, and equally
/// wherever a pixel falls, whereas kernels that interpolate smooth most half way between pixels and bend what they read
/// towards the nearest one, some thousandths of a pixel. The fixed image has to be smoothed alike: at pixels the
/// weights are 1/6, 4/6, 1/6.
enum class Sampling { bilinear, spline };

/// What one pass looks at. With u = (x - center_x) unit and v = (y - center_y) unit, the moving position is
/// (moving_x, moving_y) + (m0 u + m1 v + m2, m3 u + m4 v + m5) / (m6 u + m7 v + m8).
struct AlignmentPass {
  PlaneView fixed;
  PlaneView moving;
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;  ///< half-open box of fixed pixels; sums leave out the image's outermost ring
  /// `accumulate` looks at bands of so many rows of the box, the first at y0, each so far from the next.
  int band = 1 << 16, band_distance = 1 << 16;
  int thinning = 1;  ///< `scatter` looks at one row of tiles in so many
  float map[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  /// The map moves all pixels alike (m0 unit = m4 unit = m8 = 1 and, m2 and m5 aside, the others are 0), and only
  /// translations are asked for: the sums of unknowns other than 2, 5, 8 and 9 may be left at zero.
  bool shifts = false;
  float center_x = 0, center_y = 0, unit = 1;
  float moving_x = 0, moving_y = 0;
  float gain = 1, bias = 0;
  /// 1: derivatives take the mean of both images' gradients. -1: half their difference, which is noise and nothing else
  /// where the images agree; its normal equations are what noise adds to the true ones.
  float gradient_sign = 1;
  /// What the Hessian weighs with (see NormalEquations). 1: the robust weights, whose steps lead downhill from anywhere
  /// and fall short by a third and more where large residuals gather at edges. 0: the derivative of the gradient, as in
  /// Newton's steps, without the residuals so large that it is negative there, which say nothing of the minimum.
  float least_slope = 1;
  float inverse_scale = 1;  ///< 1 / (scale of the robust function)
  Robust loss = Robust::l2;
  Sampling sampling = Sampling::bilinear;
  bool gain_bias = true;     ///< false: rows 8 and 9 stay zero
  float* scratch = nullptr;  ///< at least alignment_scratch(x1 - x0) floats, 64-byte aligned
};

/// Floats of scratch for a box of this width.
inline std::size_t alignment_scratch(int width) { return 18 * (static_cast<std::size_t>(width) + 96); }

/// Sums over the pixels that count, r being the residual, J its derivative, w = rho' the robust weight and
/// s = rho' + 2 t rho'' the derivative of w r by r.
struct NormalEquations {
  double hessian[10][10];  ///< sum h J J', symmetric, h = max(s, least_slope w)
  double gradient[10];     ///< sum w J r
  double loss;             ///< sum rho
  double slope;            ///< sum s (A^2 + B^2), A and B the gradients in x and y, in units of J
  double pixels;           ///< how many counted
};

inline NormalEquations& operator+=(NormalEquations& a, const NormalEquations& b) {
  for (int i = 0; i < 10; ++i) {
    a.gradient[i] += b.gradient[i];
    for (int j = 0; j < 10; ++j) a.hessian[i][j] += b.hessian[i][j];
  }
  a.loss += b.loss, a.slope += b.slope, a.pixels += b.pixels;
  return a;
}

/// Side of the tiles of GradientScatter, px.
inline constexpr int alignment_tile = 16;
/// One row in so many says enough of the noise, a number that is a correction.
inline constexpr int noise_rows = 4;

/// Sums of w J r over the tiles of an image, and the sum of their outer products.
struct GradientScatter {
  double outer[10][10];
  double tiles;   ///< how many hold a pixel that counts
  double pixels;  ///< how many counted
};

/// The pass at one instruction level.
struct AlignmentKernels {
  void (*accumulate)(const AlignmentPass& pass, NormalEquations& sums);
  /// Tiles of alignment_tile squared pixels, the first at (x0, y0). Cheaper than a pass of its own for every tile:
  /// neighbours share their sampled rows, and no second-order sums are taken. On the way, from
  /// one in `noise_rows` of the same rows: what `accumulate` would give for gradient_sign -1 without gain and bias.
  void (*scatter)(const AlignmentPass& pass, GradientScatter& sums, NormalEquations& noise);
  /// Row y of moving(map x), columns x0 - 1 to x0 - 1 + count; NaN outside. Whole groups of 16 floats are written.
  void (*sample)(const AlignmentPass& pass, int y, int count, float* row);
};

LUMIGRAD_LEVEL_TABLE(AlignmentKernels, alignment_table)
/// The pass compiled for a level; a level this build or processor lacks falls to the best below it.
inline const AlignmentKernels& alignment_kernels(Level level) { return LUMIGRAD_AT(level, alignment_table); }

}  // namespace lumigrad
