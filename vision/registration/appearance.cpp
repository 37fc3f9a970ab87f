// SPDX-License-Identifier: Apache-2.0
// Blur. Smoothing an image by a little more, variance d, adds d/2 times its Laplacian (the heat equation). So the
// difference in sharpness is the coefficient of the Laplacian in the residual: solve sum w Z r = 0 over d with r the
// residual after smoothing and Z an instrument. The Laplacian of either image alone would be biased, because noise
// correlates with its own Laplacian: a noisy image would look sharp. The mixture of both whose noise terms cancel is
// not.
//
// Light. Vignetting, ramps and gamma change grey levels by a smooth function of place and level. Six places times
// three levels and two higher powers are fitted by reweighted least squares on a lattice; gain and bias stay with the
// alignment.
#include <lumigrad/vision/registration/appearance.h>

#include <algorithm>
#include <cmath>

namespace lumigrad::registration {
namespace {

constexpr int terms = 20;

/// Place to second order times 1, level and level squared; level to the third and fourth power.
void basis(double u, double v, double f, double* b) {
  const double place[6] = {1, u, v, u * u, u * v, v * v};
  for (int k = 0; k < 6; ++k) b[k] = place[k], b[6 + k] = place[k] * f, b[12 + k] = place[k] * f * f;
  b[18] = f * f * f;
  b[19] = b[18] * f;
}

/// Solves a x = b for a symmetric positive matrix with a small ridge; false when it is not positive.
bool solve(double (&a)[terms][terms], double* x) {
  double scale[terms];
  for (int i = 0; i < terms; ++i) {
    if (!(a[i][i] > 0)) return false;
    scale[i] = 1 / std::sqrt(a[i][i]);
  }
  for (int i = 0; i < terms; ++i) {
    x[i] *= scale[i];
    for (int j = 0; j < terms; ++j) a[i][j] *= scale[i] * scale[j];
  }
  for (int i = 0; i < terms; ++i) a[i][i] += 1e-7;
  for (int j = 0; j < terms; ++j) {
    for (int k = 0; k < j; ++k) a[j][j] -= a[j][k] * a[j][k];
    if (!(a[j][j] > 0)) return false;
    a[j][j] = std::sqrt(a[j][j]);
    for (int i = j + 1; i < terms; ++i) {
      for (int k = 0; k < j; ++k) a[i][j] -= a[i][k] * a[j][k];
      a[i][j] /= a[j][j];
    }
  }
  for (int i = 0; i < terms; ++i) {
    for (int k = 0; k < i; ++k) x[i] -= a[i][k] * x[k];
    x[i] /= a[i][i];
  }
  for (int i = terms - 1; i >= 0; --i) {
    for (int k = i + 1; k < terms; ++k) x[i] -= a[k][i] * x[k];
    x[i] /= a[i][i];
  }
  for (int i = 0; i < terms; ++i) x[i] *= scale[i];
  return true;
}

}  // namespace

Sharpness balance(const Matrix3& map, const PlaneView& fixed, double base, double difference) {
  const double s = local_scale(map, {0.5 * (fixed.width - 1), 0.5 * (fixed.height - 1)});
  const double coarser = std::max(1.0, 1 / (s * s));  // px^2 of the fixed image per px^2 of the coarser sampled one
  double f = base * coarser, m = base * coarser;
  (difference > 0 ? f : m) += std::fabs(difference);
  return {f, m * s * s};
}

double sharpness_difference(const LevelPair& pair, const Estimate& e, const Sharpness& now) {
  const double s = local_scale(e.map, {0.5 * (pair.fixed.width - 1), 0.5 * (pair.fixed.height - 1)});
  const double g = e.tone.gain;
  const Lattice lattice(pair.fixed, 1600, 1);
  const auto seen = [&](double dx, double dy) {
    return LatticeReader(pair.moving, e.map * Matrix3{1, 0, dx, 0, 1, dy, 0, 0, 1}, lattice, Sampling::spline);
  };
  const LatticeReader readers[5] = {seen(0, 0), seen(-1, 0), seen(1, 0), seen(0, -1), seen(0, 1)};
  const std::size_t pitch = readers[0].pitch();
  std::vector<float> rows(5 * pitch);  // what they read of one row lies close together
  const float *middle = rows.data(), *left = middle + pitch, *right = left + pitch, *above = right + pitch,
              *below = above + pitch;
  std::vector<double> residual, fixed_laplacian, moving_laplacian;
  for (int j = 0; j < lattice.down; ++j) {
    for (std::size_t k = 0; k < 5; ++k) readers[k].read(j, rows.data() + k * pitch);
    for (int i = 0; i < lattice.across; ++i) {
      const float* f = pair.fixed.data + lattice.y(j) * pair.fixed.stride + lattice.x(i);
      const float m = middle[i];
      const double lf = static_cast<double>(f[-1] + f[1] + f[-pair.fixed.stride] + f[pair.fixed.stride] - 4 * f[0]);
      const double lm = g * static_cast<double>(left[i] + right[i] + above[i] + below[i] - 4 * m);
      const double r = g * static_cast<double>(m) + e.tone.bias - static_cast<double>(f[0]);
      if (!std::isfinite(r + lf + lm)) continue;
      residual.push_back(r), fixed_laplacian.push_back(lf), moving_laplacian.push_back(lm);
    }
  }
  if (residual.size() < 100) return 0;
  std::vector<float> size;
  for (const double v : residual) size.push_back(static_cast<float>(std::fabs(v)));
  const double scale = 6 * 1.4826 * static_cast<double>(median(size)) + 1e-6;
  const double noise_fixed = 1 / (now.fixed * now.fixed), noise_moving = g * g * s * s / (now.moving * now.moving);
  const double share = noise_fixed / (noise_fixed + noise_moving);
  double zr = 0, zl = 0;
  for (std::size_t i = 0; i < residual.size(); ++i) {
    const double t = residual[i] / scale, q = 1 / (1 + t * t), w = q * q;
    const double z = (1 - share) * fixed_laplacian[i] + share * moving_laplacian[i];
    zr += w * z * residual[i];
    zl += w * z * 0.5 * (fixed_laplacian[i] + moving_laplacian[i]);
  }
  return zl > 0 ? std::clamp(2 * zr / zl, -3.0, 3.0) : 0;
}

Plane relit(const LevelPair& pair, const Estimate& e, int count) {
  struct Point5 {
    double u, v, f, m;
  };
  std::vector<Point5> points;
  const double cx = 0.5 * (pair.fixed.width - 1), cy = 0.5 * (pair.fixed.height - 1),
               unit = 2.0 / std::max(pair.fixed.width, pair.fixed.height);
  const Lattice lattice(pair.fixed, count, 1);
  const LatticeValues there(pair.moving, e.map, lattice, Sampling::spline);
  for (int j = 0; j < lattice.down; ++j)
    for (int i = 0; i < lattice.across; ++i) {
      const double f = static_cast<double>(pair.fixed.data[lattice.y(j) * pair.fixed.stride + lattice.x(i)]),
                   m = static_cast<double>(there.row(j)[i]);
      if (std::isfinite(f + m)) points.push_back({(lattice.x(i) - cx) * unit, (lattice.y(j) - cy) * unit, f, m});
    }
  if (points.size() < 300) return {};
  // Prediction of the moving image in the fixed image's units, so that gain and bias stay near what they are.
  double c[terms] = {};
  c[6] = 1;
  auto fitted = [&](const Point5& p) {
    double b[terms], sum = 0;
    basis(p.u, p.v, p.f, b);
    for (int k = 0; k < terms; ++k) sum += c[k] * b[k];
    return sum;
  };
  auto spread = [&](std::size_t every, auto predicted) {
    std::vector<float> r;
    r.reserve(points.size());
    for (std::size_t i = 0; i < points.size(); i += every)
      r.push_back(static_cast<float>(std::fabs(e.tone.gain * points[i].m + e.tone.bias - predicted(points[i]))));
    return 1.4826 * static_cast<double>(median(r)) + 1e-6;
  };
  auto as_it_is = [](const Point5& p) { return p.f; };
  const double before = spread(1, as_it_is), hint = spread(3, as_it_is);
  double scale = before;
  for (int round = 0; round < 4; ++round) {
    double a[terms][terms] = {}, x[terms] = {};
    // Whether place and level explain anything can be told from a third of the points: what they do to that third, and
    // whether the others agree.
    for (std::size_t i = 0; i < points.size(); i += round == 0 ? 3 : 1) {
      const Point5& p = points[i];
      double b[terms];
      basis(p.u, p.v, p.f, b);
      double now = 0;
      for (int k = 0; k < terms; ++k) now += c[k] * b[k];
      const double target = e.tone.gain * p.m + e.tone.bias, t = (target - now) / (3 * scale), q = 1 / (1 + t * t),
                   w = q * q;
      for (int k = 0; k < terms; ++k) {
        const double wb = w * b[k];
        x[k] += wb * target;
        for (int j = 0; j <= (k | 1); ++j) a[k][j] += wb * b[j];  // in pairs; what lies above the diagonal is not used
      }
    }
    for (int i = 0; i < terms; ++i)
      for (int j = 0; j < i; ++j) a[j][i] = a[i][j];
    if (!solve(a, x)) return {};
    std::copy(x, x + terms, c);
    if (round == 0 && spread(3, fitted) > 0.92 * hint) return {};
    scale = spread(1, fitted);
    if (round == 0 && scale > 0.97 * before) return {};
  }
  if (!(scale < 0.9 * before)) return {};
  Plane to(pair.fixed.height, pair.fixed.width);
  to.masked = true;
  for (int y = 0; y < to.height(); ++y) {
    const float* f = pair.fixed.data + y * pair.fixed.stride;
    float* out = to.row(y);
    const double v = (y - cy) * unit;
    float k[3][3];  // of level^i: constant, times u, times u^2
    for (int i = 0; i < 3; ++i) {
      const double* q = c + 6 * i;
      k[i][0] = static_cast<float>(q[0] + q[2] * v + q[5] * v * v), k[i][1] = static_cast<float>(q[1] + q[4] * v);
      k[i][2] = static_cast<float>(q[3]);
    }
    const float q3 = static_cast<float>(c[18]), q4 = static_cast<float>(c[19]), u0 = static_cast<float>(-cx * unit),
                du = static_cast<float>(unit);
    for (int x = 0; x < to.width(); ++x) {
      const float u = u0 + du * static_cast<float>(x), s = f[x];
      auto at = [&](int i) { return k[i][0] + u * (k[i][1] + u * k[i][2]); };
      out[x] = at(0) + s * (at(1) + s * (at(2) + s * (q3 + s * q4)));
    }
  }
  return to;
}

}  // namespace lumigrad::registration
