// SPDX-License-Identifier: Apache-2.0
// homography_warp against its definition, written out once more in long double: positions from normalised coordinates
// by one exact division, the image between pixels from its four neighbours, gradients from differences of that.
#include <doctest/doctest.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/vision/geometry/transform.h>
#include <cmath>

using namespace lumigrad;

namespace {

using Real = long double;
constexpr int height = 7, width = 9, rows = 6, columns = 8;

// Outside is zero, or the outermost pixel.
Real pixel_at(const std::vector<double>& image, long row, long column, bool clamped) {
  if (clamped) {
    row = std::min(std::max(row, 0L), height - 1L);
    column = std::min(std::max(column, 0L), width - 1L);
  } else if (row < 0 || row >= height || column < 0 || column >= width) {
    return 0;
  }
  return image[static_cast<std::size_t>(row * width + column)];
}

// The image of one channel under m, result pixels in order. What is added to the divisor is 0 by definition.
std::vector<Real> warped(const std::vector<double>& image, const std::vector<Real>& m, bool align_corners, bool clamped,
                         Real added = 0) {
  std::vector<Real> result;
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) {
      const Real u = 2 * Real(j) / (columns - 1) - 1, v = 2 * Real(i) / (rows - 1) - 1;
      const Real w = m[6] * u + m[7] * v + m[8] + added;
      const Real gx = (m[0] * u + m[1] * v + m[2]) / w, gy = (m[3] * u + m[4] * v + m[5]) / w;
      const Real x = align_corners ? (gx + 1) * (width - 1) / 2 : ((gx + 1) * width - 1) / 2;
      const Real y = align_corners ? (gy + 1) * (height - 1) / 2 : ((gy + 1) * height - 1) / 2;
      const long left = static_cast<long>(std::floor(x)), top = static_cast<long>(std::floor(y));
      const Real s = x - static_cast<Real>(left), t = y - static_cast<Real>(top);
      const auto at = [&](long row, long column) { return pixel_at(image, top + row, left + column, clamped); };
      result.push_back((1 - t) * ((1 - s) * at(0, 0) + s * at(0, 1)) + t * ((1 - s) * at(1, 0) + s * at(1, 1)));
    }
  return result;
}

Real weighed(const std::vector<Real>& result, const std::vector<double>& weight) {
  Real sum = 0;
  for (std::size_t i = 0; i < result.size(); ++i) sum += result[i] * weight[i];
  return sum;
}

std::vector<Real> slopes(const std::vector<double>& image, const std::vector<Real>& m,
                         const std::vector<double>& weight, bool align_corners, bool clamped, Real added = 0) {
  std::vector<Real> result;
  for (std::size_t k = 0; k < 9; ++k) {
    const Real step = 1e-7L;
    std::vector<Real> more = m, less = m;
    more[k] += step;
    less[k] -= step;
    result.push_back((weighed(warped(image, more, align_corners, clamped, added), weight) -
                      weighed(warped(image, less, align_corners, clamped, added), weight)) /
                     (2 * step));
  }
  return result;
}

}  // namespace

TEST_CASE("a homography in normalised coordinates divides exactly, value and gradient") {
  const Tensor image = uniform({41, 1}, {1, 1, height, width}, 0, 1, DType::f64);
  const Tensor seed = uniform({41, 2}, {1, 1, rows, columns}, -1, 1, DType::f64);
  const std::vector<double> entries = {0.8311, 0.1129, 0.0573, -0.0717, 0.7531, 0.0371, 0.1213, -0.0917, 1.0217};
  const std::vector<Real> m(entries.begin(), entries.end());
  for (const bool align_corners : {true, false})
    for (const bool clamped : {true, false}) {
      CAPTURE(align_corners);
      CAPTURE(clamped);
      const Tensor matrix = Tensor::from(entries, {1, 3, 3}).requires_grad();
      const Tensor result = geometry::homography_warp(image, matrix,
                                                      {.size = {rows, columns},
                                                       .border = clamped ? Border::border : Border::zeros,
                                                       .align_corners = align_corners});
      const std::vector<Real> wanted = warped(image.values(), m, align_corners, clamped);
      const std::vector<double> got = result.values();
      for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::fabs(got[i] - wanted[i]) < 1e-13);

      const std::vector<double> slope = grad({result}, {matrix}, {.seeds = {seed}})[0].values();
      const std::vector<Real> expected = slopes(image.values(), m, seed.values(), align_corners, clamped);
      // Division by w + 1e-8, as another library has it, would show.
      const std::vector<Real> shifted = slopes(image.values(), m, seed.values(), align_corners, clamped, 1e-8L);
      Real shift = 0;
      for (std::size_t k = 0; k < 9; ++k) {
        CHECK(std::fabs(slope[k] - expected[k]) < 1e-10);
        shift = std::max(shift, std::fabs(shifted[k] - expected[k]));
      }
      CHECK(shift > 1e-9);
    }
}
