// SPDX-License-Identifier: Apache-2.0
// The neighbourhood is read on a grid of 18 x 18 points that turns and grows with the blob, three quarters of its width
// apart: gradients between them are in the blob's own frame, and nothing needs to be turned afterwards. Every gradient
// goes into the two nearest of eight directions in the four nearest of 4 x 4 fields.
#include <lumigrad/vision/features/descriptor.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lumigrad::features {
namespace {

constexpr int grid = 16;          ///< gradients along a side
constexpr int fields = 4;         ///< along a side
constexpr int directions = 8;     ///< of a histogram
constexpr double spacing = 0.75;  ///< of the grid, in widths of the blob

/// The angle of (x, y) in turns, in [0, 1), to 2e-6.
float turns(float y, float x) {
  const float ax = std::fabs(x), ay = std::fabs(y);
  const float t = std::min(ax, ay) / (std::max(ax, ay) + 1e-30f), s = t * t;
  float a = t * (0.99997726f +
                 s * (-0.33262347f + s * (0.19354346f + s * (-0.11643287f + s * (0.05265332f - s * 0.01172120f)))));
  if (ay > ax) a = 1.57079637f - a;
  if (x < 0) a = 3.14159274f - a;
  if (y < 0) a = 6.28318548f - a;
  a *= 0.159154943f;
  return a < 1.0f ? a : 0.0f;
}

/// Fields a grid line falls into: the first of two and the share of the second; the weight of the line.
struct Line {
  int field;
  float second, weight;
};

const std::array<Line, grid>& lines() {
  static const std::array<Line, grid> table = [] {
    std::array<Line, grid> t{};
    for (int i = 0; i < grid; ++i) {
      const double at = (i + 0.5) / (grid / fields) - 0.5, from_middle = (i + 0.5 - 0.5 * grid) / (0.5 * grid);
      const double field = std::floor(at);
      t[static_cast<std::size_t>(i)] = {static_cast<int>(field), static_cast<float>(at - field),
                                        static_cast<float>(std::exp(-0.5 * from_middle * from_middle))};
    }
    return t;
  }();
  return table;
}

}  // namespace

std::vector<Direction> main_directions(const Plane& gaussian, const Blob& blob) {
  constexpr int bins = 36;
  const double window = 1.5 * blob.width;
  const int radius = std::min(24, static_cast<int>(std::lround(3 * window)));
  const int cx = static_cast<int>(std::lround(blob.x)), cy = static_cast<int>(std::lround(blob.y));
  float weight[25], histogram[bins] = {};
  for (int k = 0; k <= radius; ++k) weight[k] = static_cast<float>(std::exp(-0.5 * k * k / (window * window)));
  for (int j = -radius; j <= radius; ++j) {
    const int y = cy + j;
    if (y < 1 || y >= gaussian.height() - 1) continue;
    const float *row = gaussian.row(y), *up = gaussian.row(y - 1), *down = gaussian.row(y + 1);
    const int first = std::max(-radius, 1 - cx), last = std::min(radius, gaussian.width() - 2 - cx);
    for (int i = first; i <= last; ++i) {
      const int x = cx + i;
      const float gx = row[x + 1] - row[x - 1], gy = down[x] - up[x];
      const float size = std::sqrt(gx * gx + gy * gy) * weight[std::abs(i)] * weight[std::abs(j)];
      const float at = turns(gy, gx) * bins + 0.5f;
      const int bin = static_cast<int>(at);
      histogram[bin >= bins ? 0 : bin] += size;
    }
  }
  float smooth[bins];
  for (int round = 0; round < 2; ++round) {
    for (int k = 0; k < bins; ++k)
      smooth[k] = 0.25f * (histogram[(k + bins - 1) % bins] + histogram[(k + 1) % bins]) + 0.5f * histogram[k];
    std::copy(smooth, smooth + bins, histogram);
  }
  const float top = *std::max_element(histogram, histogram + bins);
  struct Peak {
    float height;
    Direction direction;
  };
  std::vector<Peak> peaks;
  for (int k = 0; k < bins; ++k) {
    const float l = histogram[(k + bins - 1) % bins], m = histogram[k], r = histogram[(k + 1) % bins];
    if (!(m > 0 && m >= 0.8f * top && m > l && m >= r)) continue;
    const double at = k + static_cast<double>(0.5f * (l - r) / (l - 2 * m + r));
    const double angle = 2 * std::numbers::pi * at / bins;
    peaks.push_back({m, {std::cos(angle), std::sin(angle)}});
  }
  std::stable_sort(peaks.begin(), peaks.end(), [](const Peak& a, const Peak& b) { return a.height > b.height; });
  std::vector<Direction> found;
  for (const Peak& p : peaks)
    if (found.size() < 3) found.push_back(p.direction);
  return found;
}

void describe(const Plane& gaussian, const Blob& blob, const Direction& d, float* to) {
  constexpr int side = grid + 2;
  float patch[side][side];
  const float h = static_cast<float>(spacing * blob.width), c = static_cast<float>(d.cosine) * h,
              s = static_cast<float>(d.sine) * h;
  const float right = static_cast<float>(gaussian.width()) - 1.001f,
              bottom = static_cast<float>(gaussian.height()) - 1.001f;
  for (int j = 0; j < side; ++j) {
    const float v = static_cast<float>(j) - 0.5f * (side - 1);
    for (int i = 0; i < side; ++i) {
      const float u = static_cast<float>(i) - 0.5f * (side - 1);
      const float x = std::clamp(static_cast<float>(blob.x) + c * u - s * v, 0.0f, right);
      const float y = std::clamp(static_cast<float>(blob.y) + s * u + c * v, 0.0f, bottom);
      const int ix = static_cast<int>(x), iy = static_cast<int>(y);
      const float fx = x - static_cast<float>(ix), fy = y - static_cast<float>(iy);
      const float *p = gaussian.row(iy) + ix, *q = p + gaussian.stride();
      const float top = p[0] + fx * (p[1] - p[0]), low = q[0] + fx * (q[1] - q[0]);
      patch[j][i] = top + fy * (low - top);
    }
  }
  // Two more fields on each side take what falls outside, and are left out.
  float histogram[fields + 2][fields + 2][directions + 1] = {};
  const auto& line = lines();
  for (int j = 0; j < grid; ++j)
    for (int i = 0; i < grid; ++i) {
      const Line &a = line[static_cast<std::size_t>(i)], &b = line[static_cast<std::size_t>(j)];
      const float gu = patch[j + 1][i + 2] - patch[j + 1][i], gv = patch[j + 2][i + 1] - patch[j][i + 1];
      const float size = std::sqrt(gu * gu + gv * gv) * a.weight * b.weight, at = turns(gv, gu) * directions;
      const int k = static_cast<int>(at);
      const float second = size * (at - static_cast<float>(k)), first = size - second;
      float *top = histogram[b.field + 1][a.field + 1] + k, *low = histogram[b.field + 2][a.field + 1] + k;
      const float wl = (1 - b.second) * (1 - a.second), wr = (1 - b.second) * a.second, vl = b.second * (1 - a.second),
                  vr = b.second * a.second;
      top[0] += wl * first, top[1] += wl * second;
      top[directions + 1] += wr * first, top[directions + 2] += wr * second;
      low[0] += vl * first, low[1] += vl * second;
      low[directions + 1] += vr * first, low[directions + 2] += vr * second;
    }
  float* out = to;
  for (int j = 1; j <= fields; ++j)
    for (int i = 1; i <= fields; ++i) {
      histogram[j][i][0] += histogram[j][i][directions];
      out = std::copy(histogram[j][i], histogram[j][i] + directions, out);
    }
  float squares = 0;
  for (int k = 0; k < descriptor_length; ++k) squares += to[k] * to[k];
  // No single gradient may count for more than a fifth: strong ones come from light rather than shape.
  const float most = 0.2f * std::sqrt(squares);
  float sum = 0;
  for (int k = 0; k < descriptor_length; ++k) sum += to[k] = std::min(to[k], most);
  for (int k = 0; k < descriptor_length; ++k) to[k] = sum > 0 ? std::sqrt(to[k] / sum) : 0.0f;
}

}  // namespace lumigrad::features
