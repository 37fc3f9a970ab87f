// SPDX-License-Identifier: Apache-2.0
// Planar motions as nine doubles, row-major, acting on (x, y, 1): what registration asks of them on the CPU and on
// devices.
#pragma once
#include <lumigrad/engine/math.h>
#include <limits>

namespace lumigrad {

struct PlanarPoint {
  double x, y, w;
};
LUMIGRAD_INLINE PlanarPoint moved(const double* m, double x, double y) {
  const double w = m[6] * x + m[7] * y + m[8];
  return {(m[0] * x + m[1] * y + m[2]) / w, (m[3] * x + m[4] * y + m[5]) / w, w};
}
/// Corner k of an image, clockwise from the top left.
LUMIGRAD_INLINE PlanarPoint corner(int k, int height, int width) {
  return {k == 1 || k == 2 ? width - 1.0 : 0.0, k >= 2 ? height - 1.0 : 0.0, 1};
}

/// Mean distance between where two motions put the corners of an image; infinite when one of them is not finite there.
LUMIGRAD_INLINE double corner_distance(const double* a, const double* b, int height, int width) {
  double sum = 0;
  for (int k = 0; k < 4; ++k) {
    const PlanarPoint c = corner(k, height, width), p = moved(a, c.x, c.y), q = moved(b, c.x, c.y);
    sum += 0.25 * std::hypot(p.x - q.x, p.y - q.y);
  }
  return sum - sum == 0 ? sum : std::numeric_limits<double>::infinity();
}

/// Whether the image of the frame is a convex quadrilateral, not mirrored, of sane area, in front of the horizon.
LUMIGRAD_INLINE bool is_plausible(const double* m, int height, int width) {
  const double size = std::fabs(m[8]);
  PlanarPoint q[4];
  for (int k = 0; k < 4; ++k) {
    const PlanarPoint c = corner(k, height, width);
    q[k] = moved(m, c.x, c.y);
    if (!(q[k].w > 0.02 * size && q[k].w < 50 * size)) return false;
    const double both = q[k].x + q[k].y;
    if (!(both - both == 0)) return false;  // not finite
  }
  double area = 0;
  for (int k = 0; k < 4; ++k) {
    const PlanarPoint a = q[k], b = q[(k + 1) % 4], c = q[(k + 2) % 4];
    const double turn = (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x);
    if (!(turn > 0)) return false;
    area += 0.25 * turn;
  }
  const double ratio = area / (static_cast<double>(width) * height);
  return ratio > 0.02 && ratio < 50;
}

/// Solves a x = right for a symmetric positive a, n <= 10, in rows of ten, by Cholesky; a is overwritten. False when a
/// pivot is not positive.
LUMIGRAD_INLINE bool solve_positive(double* a, const double* right, double* x, int n) {
  for (int j = 0; j < n; ++j)
    for (int i = j; i < n; ++i) {
      double sum = a[10 * i + j];
      for (int k = 0; k < j; ++k) sum -= a[10 * i + k] * a[10 * j + k];
      if (i == j) {
        if (!(sum > 1e-300)) return false;
        a[11 * j] = std::sqrt(sum);
      } else {
        a[10 * i + j] = sum / a[11 * j];
      }
    }
  for (int i = 0; i < n; ++i) {
    double sum = right[i];
    for (int k = 0; k < i; ++k) sum -= a[10 * i + k] * x[k];
    x[i] = sum / a[11 * i];
  }
  for (int i = n - 1; i >= 0; --i) {
    double sum = x[i];
    for (int k = i + 1; k < n; ++k) sum -= a[10 * k + i] * x[k];
    x[i] = sum / a[11 * i];
  }
  return true;
}

}  // namespace lumigrad
