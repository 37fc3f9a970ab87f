// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/samples.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace lumigrad::registration {

Lattice::Lattice(const PlaneView& image, int count, int margin)
    : step(std::max(1,
                    static_cast<int>(std::lround(std::sqrt(static_cast<double>(image.height) * image.width / count))))),
      first_x(std::max(margin, step / 2)),
      first_y(first_x),
      across(std::max(0, (image.width - margin - first_x + step - 1) / step)),
      down(std::max(0, (image.height - margin - first_y + step - 1) / step)) {}

LatticeReader::LatticeReader(const PlaneView& image, const Matrix3& map, const Lattice& l, Sampling sampling)
    : across_(l.across), possible_(std::min(image.width, image.height) >= (sampling == Sampling::spline ? 4 : 2)) {
  // A row of the lattice is a row of an image whose pixels are as far apart.
  const double step = l.step;
  const Matrix3 m = map * Matrix3{step, 0, l.first_x * 1.0, 0, step, l.first_y * 1.0, 0, 0, 1};
  pass_.moving = image;
  pass_.sampling = sampling;
  pass_.x0 = 1;
  for (std::size_t k = 0; k < 9; ++k) pass_.map[k] = static_cast<float>(m[k]);
}

void LatticeReader::read(int j, float* row) const {
  if (possible_)
    alignment_kernels(simd_level()).sample(pass_, j, across_, row);
  else
    std::fill(row, row + across_, std::numeric_limits<float>::quiet_NaN());
}

LatticeValues::LatticeValues(const PlaneView& image, const Matrix3& map, const Lattice& l, Sampling sampling) {
  const LatticeReader reader(image, map, l, sampling);
  pitch_ = reader.pitch();
  values_.resize(pitch_ * static_cast<std::size_t>(l.down));
  for (int j = 0; j < l.down; ++j) reader.read(j, values_.data() + static_cast<std::size_t>(j) * pitch_);
}

float median(std::vector<float>& values) {
  if (values.empty()) return 0;
  // The leading bits of floats are in order once negative ones are turned round: counting them leaves a few values to
  // sort out, where a selection by comparisons would mispredict at every other one.
  constexpr int kept = 11;
  auto key = [](float v) {
    const auto bits = std::bit_cast<std::uint32_t>(v);
    return (bits >> 31 ? ~bits : bits | 0x80000000u) >> (32 - kept);
  };
  std::array<std::uint32_t, 1u << kept> counts{};
  std::uint32_t bucket = counts.size() - 1;
  for (const float v : values) ++counts[key(v)], bucket = std::min(bucket, key(v));
  std::size_t below = 0, inside = 0;
  const std::size_t middle = values.size() / 2;
  while (below + counts[bucket] <= middle) below += counts[bucket++];
  for (const float v : values) {
    values[inside] = v;  // of what has been read already
    inside += key(v) == bucket;
  }
  const auto found = values.begin() + static_cast<std::ptrdiff_t>(middle - below);
  std::nth_element(values.begin(), found, values.begin() + static_cast<std::ptrdiff_t>(inside));
  return *found;
}

Samples sample_pairs(const PlaneView& fixed, const PlaneView& moving, const Matrix3& map, int count,
                     Sampling sampling) {
  const Lattice lattice(fixed, count, 0);
  const LatticeValues there(moving, map, lattice, sampling);
  Samples s;
  s.fixed.resize(static_cast<std::size_t>(lattice.across) * static_cast<std::size_t>(lattice.down));
  s.moving.resize(s.fixed.size());
  std::size_t n = 0;
  for (int j = 0; j < lattice.down; ++j) {
    const float *here = fixed.data + lattice.y(j) * fixed.stride, *row = there.row(j);
    for (int i = 0; i < lattice.across; ++i) {
      const float f = here[lattice.x(i)], m = row[i];
      s.asked += !std::isnan(f);
      s.fixed[n] = f, s.moving[n] = m;
      n += !std::isnan(f + m);
    }
  }
  s.fixed.resize(n), s.moving.resize(n);
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
  return improved(s, tone);
}

Tone improved(const Samples& s, Tone tone) {
  const std::size_t n = s.fixed.size();
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

Tone best_tone(const Samples& s) {
  const Tone first = fit_tone(s);
  if (s.fixed.size() < 16) return first;
  std::vector<float> work(s.fixed.size());
  for (std::size_t i = 0; i < work.size(); ++i) work[i] = s.fixed[i] - s.moving[i];
  const Tone other = improved(s, {1, static_cast<double>(median(work))});
  const double scale = 2 * std::min(residual_scale(s, first), residual_scale(s, other));
  auto explained = [&](const Tone& tone) {
    double sum = 0;
    for (std::size_t i = 0; i < s.fixed.size(); ++i) {
      const double t =
          (tone.gain * static_cast<double>(s.moving[i]) + tone.bias - static_cast<double>(s.fixed[i])) / scale;
      sum += 1 / (1 + t * t);
    }
    return sum;
  };
  return explained(other) > 1.02 * explained(first) ? other : first;
}

double residual_scale(const Samples& s, const Tone& tone) {
  std::vector<float> r(s.fixed.size());
  const float g = static_cast<float>(tone.gain), b = static_cast<float>(tone.bias);
  for (std::size_t i = 0; i < r.size(); ++i) r[i] = std::fabs(g * s.moving[i] + b - s.fixed[i]);
  return std::max(1e-5, 1.4826 * static_cast<double>(median(r)));
}

Agreement agreement(const PlaneView& fixed, const PlaneView& moving, const Matrix3& map) {
  constexpr int cell = 8;
  const int across = (fixed.width + cell - 1) / cell, down = (fixed.height + cell - 1) / cell;
  AlignmentPass pass;
  pass.moving = moving;
  pass.x0 = 1;
  for (std::size_t k = 0; k < 9; ++k) pass.map[k] = static_cast<float>(map[k]);
  const auto sample = alignment_kernels(simd_level()).sample;
  const std::size_t pitch = static_cast<std::size_t>(across) * cell + 16;
  std::vector<float> rows(cell * pitch);
  struct Sums {
    double n = 0, f = 0, m = 0, ff = 0, mm = 0, fm = 0;
  };
  std::vector<Sums> cells;
  cells.reserve(static_cast<std::size_t>(across) * static_cast<std::size_t>(down));
  double asked = 0;
  for (int y0 = 0; y0 < fixed.height; y0 += cell) {
    const int y1 = std::min(y0 + cell, fixed.height);
    for (int y = y0; y < y1; ++y) sample(pass, y, fixed.width, &rows[static_cast<std::size_t>(y - y0) * pitch]);
    for (int x0 = 0; x0 < fixed.width; x0 += cell) {
      float n[cell] = {}, f[cell] = {}, m[cell] = {}, ff[cell] = {}, mm[cell] = {}, fm[cell] = {}, here[cell] = {};
      const int width = std::min(cell, fixed.width - x0);
      for (int y = y0; y < y1; ++y) {
        const float* row = fixed.data + y * fixed.stride + x0;  // may be read past its end, lanes there are not used
        const float* mapped = &rows[static_cast<std::size_t>(y - y0) * pitch + static_cast<std::size_t>(x0)];
        for (int k = 0; k < cell; ++k) {
          const float fk = row[k], mk = mapped[k], both = fk + mk;
          const float a = both == both ? fk : 0.0f, b = both == both ? mk : 0.0f;
          here[k] += fk == fk ? 1.0f : 0.0f, n[k] += both == both ? 1.0f : 0.0f;
          f[k] += a, m[k] += b, ff[k] += a * a, mm[k] += b * b, fm[k] += a * b;
        }
      }
      Sums c;
      for (int k = 0; k < width; ++k) {
        asked += static_cast<double>(here[k]), c.n += static_cast<double>(n[k]);
        c.f += static_cast<double>(f[k]), c.m += static_cast<double>(m[k]), c.ff += static_cast<double>(ff[k]);
        c.mm += static_cast<double>(mm[k]), c.fm += static_cast<double>(fm[k]);
      }
      cells.push_back(c);
    }
  }
  struct Ranked {
    double correlation, weight;
  };
  std::vector<Ranked> ranked;
  double total = 0, pixels = 0;
  for (const Sums& c : cells) {
    pixels += c.n;
    if (c.n < cell * cell / 2) continue;
    const double ff = c.ff - c.f * c.f / c.n, mm = c.mm - c.m * c.m / c.n, fm = c.fm - c.f * c.m / c.n;
    const double weight = std::sqrt(std::max(ff, mm));  // one-sided structure counts against the match
    ranked.push_back({ff > 0 && mm > 0 ? fm / std::sqrt(ff * mm) : 0, weight});
    total += weight;
  }
  Agreement a;
  a.overlap = asked > 0 ? pixels / asked : 0;
  if (ranked.size() < 2 || !(total > 0)) return a;
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Ranked& p, const Ranked& q) { return p.correlation > q.correlation; });
  double sum = 0, weight = 0;
  for (const Ranked& r : ranked) {
    if (weight >= 0.7 * total) break;
    sum += r.weight * r.correlation, weight += r.weight;
  }
  a.correlation = sum / weight;
  return a;
}

}  // namespace lumigrad::registration
