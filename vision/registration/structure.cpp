// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/structure.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lumigrad::registration {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// to(x, y) = f(x, y) for inner pixels, NaN on the outermost ring.
template <class F>
Plane inner(const Plane& like, F f) {
  Plane to(like.height(), like.width());
  to.masked = true;
  for (int y = 0; y < to.height(); ++y) {
    float* row = to.row(y);
    if (y == 0 || y == to.height() - 1) {
      std::fill(row, row + to.width(), nan);
      continue;
    }
    row[0] = row[to.width() - 1] = nan;
    for (int x = 1; x < to.width() - 1; ++x) row[x] = f(x, y);
  }
  return to;
}

/// Root of the mean square of differences between neighbours, of those that count.
float typical_step(const Plane& image) {
  double sum = 0, n = 0;
  for (int y = 1; y < image.height() - 1; y += 2)
    for (int x = 1; x < image.width() - 1; x += 2) {
      const float* p = image.row(y) + x;
      const float dx = 0.5f * (p[1] - p[-1]), dy = 0.5f * (p[image.stride()] - p[-image.stride()]);
      if (const double s = static_cast<double>(dx * dx + dy * dy); std::isfinite(s)) sum += s, ++n;
    }
  return static_cast<float>(std::sqrt(sum / std::max(1.0, n)) + 1e-6);
}

}  // namespace

std::vector<Plane> channels(Measure measure, const Plane& image) {
  std::vector<Plane> list;
  const std::ptrdiff_t down = image.stride();
  if (measure == Measure::gradient_correlation) {
    const float floor = 0.5f * typical_step(image);
    for (const std::ptrdiff_t step : {std::ptrdiff_t{1}, down})
      list.push_back(inner(image, [&](int x, int y) {
        const float* p = image.row(y) + x;
        const float dx = 0.5f * (p[1] - p[-1]), dy = 0.5f * (p[down] - p[-down]);
        return (step == 1 ? dx : dy) / std::sqrt(dx * dx + dy * dy + floor * floor);
      }));
  } else if (measure == Measure::census) {
    const float soft = typical_step(image);
    for (const std::ptrdiff_t step : {std::ptrdiff_t{1}, down, down + 1, down - 1})
      list.push_back(inner(image, [&](int x, int y) {
        const float* p = image.row(y) + x;
        const float d = p[step] - p[0];
        return d / std::sqrt(d * d + soft * soft);
      }));
  } else {
    list.push_back(local_contrast(image, 4));
    list.back().masked = true;
  }
  return list;
}

Plane brought(const Plane& moving, const Matrix3& map, int height, int width) {
  Plane to(height, width);
  std::vector<float> scratch;
  AlignmentPass pass =
      make_pass({{nullptr, height, width, 0}, moving}, {map, {}}, {.sampling = Sampling::spline}, 1, scratch);
  pass.x0 = 1;  // the first column that is read is x0 - 1
  for (int y = 0; y < height; ++y) alignment_kernels(simd_level()).sample(pass, y, width, to.row(y));
  for (int y = 0; y < height; ++y)
    for (std::ptrdiff_t x = width; x < to.stride(); ++x) to.row(y)[x] = nan;
  to.masked = true;
  return to;
}

}  // namespace lumigrad::registration
