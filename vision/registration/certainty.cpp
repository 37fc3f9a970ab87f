// SPDX-License-Identifier: Apache-2.0
// The motion solves g(p) = sum w J r = 0, so its error is A^-1 g with A the derivative of g, and its covariance
// A^-1 cov(g) A^-1 (the sandwich of robust statistics).
//
// cov(g). Smoothing, sampling and the camera make residuals of neighbours alike, so products of single pixels would be
// too sure. The sum is cut into tiles wider than that correlation; tiles are independent, and the sum over tiles of
// g_t g_t' is the covariance of their total, whatever the residual is like within one.
//
// A. J'WJ is too large in two ways. Robust weights w = rho' are not the derivative psi' = rho' + 2 t rho''; the ratio
// of their means over the residuals mends it. And noise in the gradients adds its own energy to J'J: the same sums with
// half the difference of both gradients, which holds the noise and none of the scene, are taken off.
#include <lumigrad/vision/registration/certainty.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lumigrad::registration {
namespace {

/// Inverts a symmetric positive matrix in place by Gauss-Jordan with unit diagonal scaling; false when singular.
bool invert(double (&a)[10][10], int n) {
  double s[10];
  for (int i = 0; i < n; ++i) {
    if (!(a[i][i] > 0)) return false;
    s[i] = 1 / std::sqrt(a[i][i]);
  }
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) a[i][j] *= s[i] * s[j];
  for (int k = 0; k < n; ++k) {
    const double pivot = a[k][k];
    if (!(pivot > 1e-12)) return false;
    a[k][k] = 1;
    for (int j = 0; j < n; ++j) a[k][j] /= pivot;
    for (int i = 0; i < n; ++i) {
      if (i == k) continue;
      const double f = a[i][k];
      a[i][k] = 0;
      for (int j = 0; j < n; ++j) a[i][j] -= f * a[k][j];
    }
  }
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) a[i][j] *= s[i] * s[j];
  return true;
}

/// So many tiles know a deviation to a fourteenth. In larger images whole rows of tiles are passed over.
constexpr int enough_tiles = 100;

}  // namespace

Evidence evidence_of(const AlignmentPass& at, const NormalEquations& total) {
  Evidence sums;
  GradientScatter scatter;
  NormalEquations noise;
  AlignmentPass some = at;
  const double tiles = at.fixed.height * at.fixed.width / static_cast<double>(alignment_tile * alignment_tile);
  some.thinning = std::max(1, static_cast<int>(std::lround(tiles / enough_tiles)));
  alignment_kernels(simd_level()).scatter(some, scatter, noise);
  sums.tiles = scatter.tiles;
  const double ratio = slope_over_hessian(total);
  const double rows = noise.pixels > 0 ? total.pixels / noise.pixels : 0;
  const double all = scatter.pixels > 0 ? total.pixels / scatter.pixels : 0;
  // Where noise leaves next to nothing of the gradients, their sum cannot be told from it: keep a tenth.
  for (int i = 0; i < 10; ++i) {
    for (int j = 0; j < 10; ++j) {
      sums.slope[i][j] = ratio * (total.hessian[i][j] - (i < 8 && j < 8 ? rows * noise.hessian[i][j] : 0));
      sums.scatter[i][j] = all * scatter.outer[i][j];
    }
    if (i < 8) sums.slope[i][i] = std::max(sums.slope[i][i], 0.1 * ratio * total.hessian[i][i]);
  }
  return sums;
}

std::array<double, 64> corner_covariance(const Evidence& evidence, const RefinementOptions& o, const Matrix3& map,
                                         int height, int width) {
  std::array<double, 64> covariance;
  covariance.fill(std::numeric_limits<double>::infinity());
  const int k = unknowns(o.model), size = k + (o.gain_bias ? 2 : 0);
  const auto& columns = directions(o.model);
  const double tiles = evidence.tiles;
  if (tiles < size + 2) return covariance;

  auto reduce = [&](const double* full, double* reduced) {
    for (int i = 0; i < size; ++i) {
      reduced[i] = 0;
      if (i >= k)
        reduced[i] = full[8 + i - k];
      else
        for (std::size_t j = 0; j < 8; ++j) reduced[i] += columns[static_cast<std::size_t>(i)][j] * full[j];
    }
  };
  auto reduce_both = [&](const double(&full)[10][10], double(&reduced)[10][10]) {
    double half[10][10];  // transposed
    for (int i = 0; i < 10; ++i) {
      double row[10];
      reduce(full[i], row);
      for (int j = 0; j < size; ++j) half[j][i] = row[j];
    }
    for (int j = 0; j < size; ++j) {
      double column[10];
      reduce(half[j], column);
      for (int i = 0; i < size; ++i) reduced[i][j] = column[i];
    }
  };
  double a[10][10] = {}, b[10][10] = {};
  reduce_both(evidence.slope, a);
  reduce_both(evidence.scatter, b);
  if (!invert(a, size)) return covariance;

  // How the corners move with the unknowns, by central differences of the composed motion.
  const Matrix3 frame = centred_frame({nullptr, height, width, 0}), back = inverse(frame);
  const auto corner = corners(height, width);
  double spread[8][10] = {};
  for (int j = 0; j < k; ++j) {
    double step[8] = {};
    const double h = 1e-5;
    step[j] = h;
    const Matrix3 ahead = map * back * step_matrix(o.model, step) * frame;
    step[j] = -h;
    const Matrix3 behind = map * back * step_matrix(o.model, step) * frame;
    for (std::size_t c = 0; c < 4; ++c) {
      const Point p = apply(ahead, corner[c]), q = apply(behind, corner[c]);
      const double dx = (p.x - q.x) / (2 * h), dy = (p.y - q.y) / (2 * h);
      for (int i = 0; i < size; ++i) spread[2 * c][i] += dx * a[j][i], spread[2 * c + 1][i] += dy * a[j][i];
    }
  }
  const double correction = tiles / (tiles - size);
  for (std::size_t r = 0; r < 8; ++r)
    for (std::size_t c = 0; c < 8; ++c) {
      double sum = 0;
      for (int i = 0; i < size; ++i)
        for (int j = 0; j < size; ++j) sum += spread[r][i] * b[i][j] * spread[c][j];
      covariance[8 * r + c] = correction * sum;
    }
  for (std::size_t r = 0; r < 8; ++r)
    for (std::size_t c = 0; c < r; ++c) covariance[8 * r + c] = covariance[8 * c + r];
  return covariance;
}

std::array<double, 64> corner_covariance(const LevelPair& pair, const Estimate& e, const RefinementOptions& o,
                                         double scale, const NormalEquations& total) {
  std::vector<float> scratch;
  const AlignmentPass pass = make_pass(pair, e, o, scale, scratch);
  return corner_covariance(evidence_of(pass, total), o, e.map, pair.fixed.height, pair.fixed.width);
}

}  // namespace lumigrad::registration
