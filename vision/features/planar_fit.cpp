// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/features/planar_fit.h>

#include <lumigrad/engine/cpu/dense_matrices.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lumigrad::features {
namespace {

/// Solves a x = b, row-major and of n unknowns; false when the answer is not finite.
bool solved(const double* a, const double* b, double* x, int n) {
  solve(a, b, x, n, 1);
  return std::all_of(x, x + n, [](double v) { return std::isfinite(v); });
}

double area(double ax, double ay, double bx, double by, double cx, double cy) {
  return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
}

}  // namespace

Matrix3 frame_motion(const Correspondence& p) {
  const double c = p.scale * std::cos(p.turn), s = p.scale * std::sin(p.turn);
  return {c, -s, p.u - c * p.x + s * p.y, s, c, p.v - s * p.x - c * p.y, 0, 0, 1};
}

bool through_four(const std::vector<Correspondence>& pairs, const std::array<std::size_t, 4>& four, Matrix3& m) {
  const Correspondence* p[4];
  for (std::size_t k = 0; k < 4; ++k) p[k] = &pairs[four[k]];
  for (int k = 0; k < 4; ++k) {
    const Correspondence &q = *p[k], &r = *p[(k + 1) % 4], &s = *p[(k + 2) % 4];
    const double before = area(q.x, q.y, r.x, r.y, s.x, s.y), after = area(q.u, q.v, r.u, r.v, s.u, s.v);
    // The plane is seen from one side: the sense of a triangle stays. Slivers determine nothing.
    if (!(before * after > 0) || std::fabs(before) < 1e-3 || std::fabs(after) < 1e-4) return false;
  }
  double a[8][8], b[8], x[8];
  for (int k = 0; k < 4; ++k) {
    const Correspondence& q = *p[k];
    const double first[8] = {q.x, q.y, 1, 0, 0, 0, -q.u * q.x, -q.u * q.y};
    const double second[8] = {0, 0, 0, q.x, q.y, 1, -q.v * q.x, -q.v * q.y};
    std::copy(first, first + 8, a[2 * k]), b[2 * k] = q.u;
    std::copy(second, second + 8, a[2 * k + 1]), b[2 * k + 1] = q.v;
  }
  if (!solved(a[0], b, x, 8)) return false;
  for (std::size_t k = 0; k < 8; ++k) m[k] = x[k];
  m[8] = 1;
  return true;
}

double squared_error(const Matrix3& m, const Correspondence& p) {
  const double w = m[6] * p.x + m[7] * p.y + m[8];
  if (!(w > 1e-6)) return std::numeric_limits<double>::infinity();
  const double u = (m[0] * p.x + m[1] * p.y + m[2]) / w, v = (m[3] * p.x + m[4] * p.y + m[5]) / w;
  const double a = m[0] - u * m[6], b = m[1] - u * m[7], c = m[3] - v * m[6], d = m[4] - v * m[7];
  const double grown = (a * d - b * c) / (w * w);  // of areas
  if (!(grown > 1e-4 && grown < 1e4)) return std::numeric_limits<double>::infinity();
  const double du = u - p.u, dv = v - p.v;
  return (du * du + dv * dv) / std::sqrt(grown);
}

bool fit_step(const std::vector<Correspondence>& pairs, const std::vector<double>& weights, Planar motion, Matrix3& m) {
  if (motion != Planar::homography) m[6] = m[7] = 0;
  if (motion == Planar::similarity) {
    const double c = 0.5 * (m[0] + m[4]), s = 0.5 * (m[3] - m[1]);
    m[0] = m[4] = c, m[3] = s, m[1] = -s;
  }
  double full[8][8] = {}, right[8] = {};
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (!(weights[i] > 0)) continue;
    const Correspondence& p = pairs[i];
    const double w = m[6] * p.x + m[7] * p.y + m[8], r = 1 / w;
    const double u = (m[0] * p.x + m[1] * p.y + m[2]) * r, v = (m[3] * p.x + m[4] * p.y + m[5]) * r;
    const double ju[8] = {p.x * r, p.y * r, r, 0, 0, 0, -u * p.x * r, -u * p.y * r};
    const double jv[8] = {0, 0, 0, p.x * r, p.y * r, r, -v * p.x * r, -v * p.y * r};
    const double a = m[0] - u * m[6], b = m[1] - u * m[7], c = m[3] - v * m[6], d = m[4] - v * m[7];
    const double weight = weights[i] / std::sqrt(std::fabs(a * d - b * c) * r * r + 1e-9);
    for (int j = 0; j < 8; ++j) {
      right[j] += weight * (ju[j] * (p.u - u) + jv[j] * (p.v - v));
      for (int k = 0; k <= j; ++k) full[j][k] += weight * (ju[j] * ju[k] + jv[j] * jv[k]);
    }
  }
  for (int j = 0; j < 8; ++j)
    for (int k = j + 1; k < 8; ++k) full[j][k] = full[k][j];
  // Columns of the unknowns in the eight entries.
  const int n = motion == Planar::similarity ? 4 : motion == Planar::affine ? 6 : 8;
  double columns[8][8] = {};
  if (motion == Planar::similarity) {
    columns[0][0] = columns[0][4] = 1, columns[1][3] = 1, columns[1][1] = -1, columns[2][2] = 1, columns[3][5] = 1;
  } else {
    for (int k = 0; k < n; ++k) columns[k][k] = 1;
  }
  double system[64] = {}, known[8] = {}, x[8] = {}, total = 0;  // n x n of it are used
  for (int i = 0; i < n; ++i) {
    for (int p = 0; p < 8; ++p) {
      if (columns[i][p] == 0) continue;
      known[i] += columns[i][p] * right[p];
      for (int j = 0; j < n; ++j)
        for (int q = 0; q < 8; ++q) system[i * n + j] += columns[i][p] * columns[j][q] * full[p][q];
    }
    total += system[i * n + i];
  }
  for (int i = 0; i < n; ++i) system[i * n + i] += 1e-9 * total;
  if (!(total > 0) || !solved(system, known, x, n)) return false;
  for (int i = 0; i < n; ++i)
    for (std::size_t p = 0; p < 8; ++p) m[p] += columns[i][p] * x[i];
  return true;
}

}  // namespace lumigrad::features
