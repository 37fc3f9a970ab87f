// SPDX-License-Identifier: Apache-2.0
// Planar maps as 3x3 matrices, row-major, acting on (x, y, 1); pixel centres at integers.
#pragma once
#include <array>
#include <cstddef>

namespace lumigrad {

using Matrix3 = std::array<double, 9>;

struct Point {
  double x = 0, y = 0;
};

inline constexpr Matrix3 unit_matrix = {1, 0, 0, 0, 1, 0, 0, 0, 1};

inline Matrix3 operator*(const Matrix3& a, const Matrix3& b) {
  Matrix3 c{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k) c[3 * i + j] += a[3 * i + k] * b[3 * k + j];
  return c;
}

/// The adjugate over the determinant; entries are not finite when there is no inverse.
inline Matrix3 inverse(const Matrix3& m) {
  Matrix3 a = {m[4] * m[8] - m[5] * m[7], m[2] * m[7] - m[1] * m[8], m[1] * m[5] - m[2] * m[4],
               m[5] * m[6] - m[3] * m[8], m[0] * m[8] - m[2] * m[6], m[2] * m[3] - m[0] * m[5],
               m[3] * m[7] - m[4] * m[6], m[1] * m[6] - m[0] * m[7], m[0] * m[4] - m[1] * m[3]};
  const double determinant = m[0] * a[0] + m[1] * a[3] + m[2] * a[6];
  for (double& v : a) v /= determinant;
  return a;
}

/// m / m[8]
inline Matrix3 scaled_to_unit(const Matrix3& m) {
  Matrix3 r = m;
  for (double& v : r) v /= m[8];
  return r;
}

inline Point apply(const Matrix3& m, Point p) {
  const double w = m[6] * p.x + m[7] * p.y + m[8];
  return {(m[0] * p.x + m[1] * p.y + m[2]) / w, (m[3] * p.x + m[4] * p.y + m[5]) / w};
}

}  // namespace lumigrad
