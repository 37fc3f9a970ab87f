// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/samples.h>

#include <algorithm>
#include <cmath>

namespace lumigrad::registration {
namespace {

float median(std::vector<float>& values) {
  if (values.empty()) return 0;
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

Samples sample_pairs(const PlaneView& fixed, const PlaneView& moving, const Matrix3& map, int count) {
  Samples s;
  const double area = static_cast<double>(fixed.height) * fixed.width;
  const int step = std::max(1, static_cast<int>(std::lround(std::sqrt(area / count))));
  s.fixed.reserve(static_cast<std::size_t>(area / (step * step) * 1.2) + 16);
  s.moving.reserve(s.fixed.capacity());
  float m[9];
  for (std::size_t k = 0; k < 9; ++k) m[k] = static_cast<float>(map[k]);
  const float right = static_cast<float>(moving.width - 1), bottom = static_cast<float>(moving.height - 1);
  for (int y = step / 2; y < fixed.height; y += step) {
    const float v = static_cast<float>(y);
    for (int x = step / 2; x < fixed.width; x += step) {
      const float f = fixed.data[y * fixed.stride + x];
      if (std::isnan(f)) continue;
      ++s.asked;
      const float u = static_cast<float>(x), w = m[6] * u + m[7] * v + m[8];
      const float px = (m[0] * u + m[1] * v + m[2]) / w, py = (m[3] * u + m[4] * v + m[5]) / w;
      if (!(w > 1e-6f && px >= 0 && py >= 0 && px <= right && py <= bottom)) continue;
      const int ix = std::min(static_cast<int>(px), moving.width - 2), iy = std::min(static_cast<int>(py), moving.height - 2);
      if (ix < 0 || iy < 0) continue;
      const float* q = moving.data + iy * moving.stride + ix;
      const float fx = px - static_cast<float>(ix), fy = py - static_cast<float>(iy);
      const float top = q[0] + (q[1] - q[0]) * fx, low = q[moving.stride] + (q[moving.stride + 1] - q[moving.stride]) * fx;
      const float value = top + (low - top) * fy;
      if (std::isnan(value)) continue;
      s.fixed.push_back(f);
      s.moving.push_back(value);
    }
  }
  return s;
}

Tone fit_tone(const Samples& s) {
  const std::size_t n = s.fixed.size();
  if (n < 16) return {};
  Tone tone;
  std::vector<float> work(s.fixed), other(s.moving);
  const double f0 = static_cast<double>(median(work)), m0 = static_cast<double>(median(other));
  for (std::size_t i = 0; i < n; ++i) work[i] = std::fabs(s.fixed[i] - static_cast<float>(f0));
  for (std::size_t i = 0; i < n; ++i) other[i] = std::fabs(s.moving[i] - static_cast<float>(m0));
  const double fd = static_cast<double>(median(work)), md = static_cast<double>(median(other));
  tone.gain = md > 1e-6 && fd > 1e-6 ? std::clamp(fd / md, 0.05, 20.0) : 1.0;
  tone.bias = f0 - tone.gain * m0;
  for (int round = 0; round < 4; ++round) {
    const double scale = 2.0 * residual_scale(s, tone);
    double w0 = 0, wm = 0, wf = 0, wmm = 0, wmf = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double m = static_cast<double>(s.moving[i]), f = static_cast<double>(s.fixed[i]);
      const double t = (tone.gain * m + tone.bias - f) / scale, q = 1 / (1 + t * t), w = q * q;
      w0 += w, wm += w * m, wf += w * f, wmm += w * m * m, wmf += w * m * f;
    }
    const double spread = wmm - wm * wm / w0;
    if (!(spread > 1e-9 * wmm)) break;
    const double gain = (wmf - wm * wf / w0) / spread;
    if (!(gain > 0.02 && gain < 50)) break;
    tone = {gain, (wf - gain * wm) / w0};
  }
  return tone;
}

double residual_scale(const Samples& s, const Tone& tone) {
  std::vector<float> r(s.fixed.size());
  const float g = static_cast<float>(tone.gain), b = static_cast<float>(tone.bias);
  for (std::size_t i = 0; i < r.size(); ++i) r[i] = std::fabs(g * s.moving[i] + b - s.fixed[i]);
  return std::max(1e-5, 1.4826 * static_cast<double>(median(r)));
}

double correlation(const Samples& s) {
  double ff = 0, mm = 0, fm = 0;
  for (std::size_t i = 0; i < s.fixed.size(); ++i) {
    const double f = static_cast<double>(s.fixed[i]), m = static_cast<double>(s.moving[i]);
    ff += f * f, mm += m * m, fm += f * m;
  }
  return ff > 0 && mm > 0 ? fm / std::sqrt(ff * mm) : 0;
}

}  // namespace lumigrad::registration
