// SPDX-License-Identifier: Apache-2.0
// A quadratic through the 27 values around an extremum places it between pixels and sizes:
//   offset = -H^-1 g, value there = v + g . offset / 2.
// Edges are extrema too, but slide along themselves; the ratio of curvatures in the plane tells them apart.
#include <lumigrad/vision/features/extrema.h>
#include <lumigrad/vision/features/feature_kernels.h>

#include <algorithm>
#include <cmath>

namespace lumigrad::features {
namespace {

struct Quadratic {
  double g[3], h[3][3], value;  // x, y, layer
};

Quadratic quadratic(const Octave& o, std::size_t layer, int y, int x) {
  auto at = [&](int k, int j, int i) {
    return static_cast<double>(o.difference[layer + static_cast<std::size_t>(k + 1) - 1].row(y + j)[x + i]);
  };
  Quadratic q;
  const double v = q.value = at(0, 0, 0);
  q.g[0] = 0.5 * (at(0, 0, 1) - at(0, 0, -1));
  q.g[1] = 0.5 * (at(0, 1, 0) - at(0, -1, 0));
  q.g[2] = 0.5 * (at(1, 0, 0) - at(-1, 0, 0));
  q.h[0][0] = at(0, 0, 1) + at(0, 0, -1) - 2 * v;
  q.h[1][1] = at(0, 1, 0) + at(0, -1, 0) - 2 * v;
  q.h[2][2] = at(1, 0, 0) + at(-1, 0, 0) - 2 * v;
  q.h[0][1] = q.h[1][0] = 0.25 * (at(0, 1, 1) - at(0, 1, -1) - at(0, -1, 1) + at(0, -1, -1));
  q.h[0][2] = q.h[2][0] = 0.25 * (at(1, 0, 1) - at(1, 0, -1) - at(-1, 0, 1) + at(-1, 0, -1));
  q.h[1][2] = q.h[2][1] = 0.25 * (at(1, 1, 0) - at(1, -1, 0) - at(-1, 1, 0) + at(-1, -1, 0));
  return q;
}

/// -H^-1 g by Cramer's rule; false when H is singular.
bool extremum(const Quadratic& q, double* offset) {
  const auto& h = q.h;
  auto determinant = [](const double(&a)[3], const double(&b)[3], const double(&c)[3]) {
    return a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
  };
  const double all = determinant(h[0], h[1], h[2]);
  if (std::fabs(all) < 1e-30) return false;
  offset[0] = -determinant(q.g, h[1], h[2]) / all;  // H is symmetric: rows are columns
  offset[1] = -determinant(h[0], q.g, h[2]) / all;
  offset[2] = -determinant(h[0], h[1], q.g) / all;
  return std::isfinite(offset[0] + offset[1] + offset[2]);
}

}  // namespace

void find_blobs(const std::vector<Octave>& octaves, std::size_t octave, const SiftOptions& options,
                std::vector<Blob>& found) {
  constexpr int margin = 4;
  const Octave& o = octaves[octave];
  const int height = o.gaussian[0].height(), width = o.gaussian[0].width();
  const float least = static_cast<float>(0.7 * options.contrast);
  const FeatureKernels& kernels = feature_kernels(simd_level());
  std::vector<int> columns(static_cast<std::size_t>(width));
  for (std::size_t first = 1; first <= steps; ++first) {
    for (int y0 = margin; y0 < height - margin; ++y0) {
      const float* rows[9];
      for (int k = 0; k < 9; ++k)
        rows[k] = o.difference[first + static_cast<std::size_t>(k / 3) - 1].row(y0 + k % 3 - 1);
      const int count = kernels.extrema(rows, least, margin, width - margin, columns.data());
      for (int c = 0; c < count; ++c) {
        const int x0 = columns[static_cast<std::size_t>(c)];
        int x = x0, y = y0;
        std::size_t layer = first;
        double offset[3];
        Quadratic q;
        bool settled = false;
        for (int round = 0; round < 5 && !settled; ++round) {
          q = quadratic(o, layer, y, x);
          if (!extremum(q, offset)) break;
          settled = std::fabs(offset[0]) < 0.6 && std::fabs(offset[1]) < 0.6 && std::fabs(offset[2]) < 0.6;
          if (settled) break;
          if (std::fabs(offset[0]) > 3 || std::fabs(offset[1]) > 3 || std::fabs(offset[2]) > 3) break;
          const long next = static_cast<long>(layer) + std::lround(offset[2]);
          x += static_cast<int>(std::lround(offset[0])), y += static_cast<int>(std::lround(offset[1]));
          if (next < 1 || next > steps || x < margin || y < margin || x >= width - margin || y >= height - margin)
            break;
          layer = static_cast<std::size_t>(next);
        }
        if (!settled) continue;
        const double value = q.value + 0.5 * (q.g[0] * offset[0] + q.g[1] * offset[1] + q.g[2] * offset[2]);
        if (std::fabs(value) < options.contrast) continue;
        const double trace = q.h[0][0] + q.h[1][1], area = q.h[0][0] * q.h[1][1] - q.h[0][1] * q.h[0][1];
        const double r = options.edge;
        if (!(area > 0) || trace * trace * r >= (r + 1) * (r + 1) * area) continue;
        Blob b;
        b.octave = octave;
        const double size = static_cast<double>(layer) + offset[2];
        b.layer = static_cast<std::size_t>(std::clamp(std::lround(size), 0l, static_cast<long>(steps) + 2));
        b.x = x + offset[0], b.y = y + offset[1];
        b.width = first_width * std::exp2(size / steps);
        b.response = static_cast<float>(std::fabs(value));
        found.push_back(b);
      }
    }
  }
}

}  // namespace lumigrad::features
