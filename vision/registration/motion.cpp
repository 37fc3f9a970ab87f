// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/planar_motion.h>
#include <lumigrad/vision/registration/motion.h>

#include <cmath>

namespace lumigrad::registration {

std::array<Point, 4> corners(int height, int width) {
  const double r = width - 1, b = height - 1;
  return {Point{0, 0}, Point{r, 0}, Point{r, b}, Point{0, b}};
}

double corner_distance(const Matrix3& a, const Matrix3& b, int height, int width) {
  return lumigrad::corner_distance(a.data(), b.data(), height, width);
}

Matrix3 to_half_size(const Matrix3& m) { return scaled_to_unit(halving * m * doubling); }
Matrix3 to_double_size(const Matrix3& m) { return scaled_to_unit(doubling * m * halving); }

double local_scale(const Matrix3& m, Point at) {
  const double w = m[6] * at.x + m[7] * at.y + m[8];
  const Point p = apply(m, at);
  const double a = (m[0] - p.x * m[6]) / w, b = (m[1] - p.x * m[7]) / w, c = (m[3] - p.y * m[6]) / w,
               d = (m[4] - p.y * m[7]) / w;
  return std::sqrt(std::fabs(a * d - b * c));
}

bool is_plausible(const Matrix3& m, int height, int width) { return lumigrad::is_plausible(m.data(), height, width); }

int unknowns(Model model) {
  constexpr int count[] = {2, 3, 4, 6, 8};
  return count[static_cast<int>(model)];
}

const std::array<std::array<double, 8>, 8>& directions(Model model) {
  using Table = std::array<std::array<double, 8>, 8>;
  // P = [[p0 p1 p2] [p3 p4 p5] [p6 p7 0]]
  static constexpr Table shift = {{{0, 0, 1}, {0, 0, 0, 0, 0, 1}}};
  static constexpr Table turn = {{{0, 0, 1}, {0, 0, 0, 0, 0, 1}, {0, -1, 0, 1}}};
  static constexpr Table turn_and_scale = {{{0, 0, 1}, {0, 0, 0, 0, 0, 1}, {0, -1, 0, 1}, {1, 0, 0, 0, 1}}};
  static constexpr Table all = {{{1},
                                 {0, 1},
                                 {0, 0, 1},
                                 {0, 0, 0, 1},
                                 {0, 0, 0, 0, 1},
                                 {0, 0, 0, 0, 0, 1},
                                 {0, 0, 0, 0, 0, 0, 1},
                                 {0, 0, 0, 0, 0, 0, 0, 1}}};
  switch (model) {
    case Model::translation:
      return shift;
    case Model::rigid:
      return turn;
    case Model::similarity:
      return turn_and_scale;
    default:
      return all;  // affine uses its first six
  }
}

Matrix3 step_matrix(Model model, const double* s) {
  if (model == Model::rigid) {
    const double c = std::cos(s[2]), d = std::sin(s[2]);
    return {c, -d, s[0], d, c, s[1], 0, 0, 1};
  }
  Matrix3 m = unit_matrix;
  const auto& columns = directions(model);
  for (int k = 0; k < unknowns(model); ++k)
    for (std::size_t i = 0; i < 8; ++i) m[i] += columns[static_cast<std::size_t>(k)][i] * s[k];
  return m;
}

}  // namespace lumigrad::registration
