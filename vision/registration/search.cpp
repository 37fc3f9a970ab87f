// SPDX-License-Identifier: Apache-2.0
// The moving image is turned and scaled about its centre onto a square canvas twice the size of the fixed image, and
// correlated with it by Fourier transforms. Both transforms are linear in the moving image, so that two trials ride in
// one as real and imaginary parts. The fixed spectrum is divided by the root of its magnitude: half way between
// correlation (broad peaks) and phase correlation (sharp, but lost under a few degrees of rotation).
#include <lumigrad/vision/registration/fourier.h>
#include <lumigrad/vision/registration/search.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace lumigrad::registration {
namespace {

/// moving(map x) on the canvas whose middle is the middle of the fixed image; zero where there is none. Returns energy.
double draw(const PlaneView& moving, const Matrix3& map, int side, double left, double top,
            std::vector<float>& canvas) {
  double energy = 0;
  const float right = static_cast<float>(moving.width - 1), bottom = static_cast<float>(moving.height - 1);
  for (int y = 0; y < side; ++y) {
    float n[3];  // numerators and denominator of the first pixel of the row; they advance by a column of the map
    for (std::size_t k = 0; k < 3; ++k)
      n[k] = static_cast<float>(map[3 * k] * left + map[3 * k + 1] * (top + y) + map[3 * k + 2]);
    float* row = &canvas[static_cast<std::size_t>(y) * static_cast<std::size_t>(side)];
    for (int x = 0; x < side; ++x) {
      const float step = static_cast<float>(x), w = n[2] + static_cast<float>(map[6]) * step;
      const float px = (n[0] + static_cast<float>(map[0]) * step) / w,
                  py = (n[1] + static_cast<float>(map[3]) * step) / w;
      row[x] = 0;
      if (!(w > 0 && px >= 0 && py >= 0 && px < right && py < bottom)) continue;
      const int ix = static_cast<int>(px), iy = static_cast<int>(py);
      const float* q = moving.data + iy * moving.stride + ix;
      const float fx = px - static_cast<float>(ix), fy = py - static_cast<float>(iy);
      const float a = q[0] + (q[1] - q[0]) * fx, b = q[moving.stride] + (q[moving.stride + 1] - q[moving.stride]) * fx;
      const float v = a + (b - a) * fy;
      if (std::isnan(v)) continue;
      row[x] = v;
      energy += static_cast<double>(v * v);
    }
  }
  return energy;
}

}  // namespace

std::vector<Matrix3> turns(Model model, const PlaneView& fixed, const PlaneView& moving) {
  const int angles = model == Model::translation ? 1 : 24;
  const int octaves = model == Model::translation || model == Model::rigid ? 0 : 3;  // thirds of an octave either way
  const double fx = 0.5 * (fixed.width - 1), fy = 0.5 * (fixed.height - 1);
  const double mx = 0.5 * (moving.width - 1), my = 0.5 * (moving.height - 1);
  std::vector<Matrix3> list;
  for (int k = 0; k < angles; ++k)
    for (int j = -octaves; j <= octaves; ++j) {
      const double angle = 2 * std::numbers::pi * k / angles, scale = std::exp2(j / 3.0);
      const double c = scale * std::cos(angle), s = scale * std::sin(angle);
      list.push_back({c, -s, mx - c * fx + s * fy, s, c, my - s * fx - c * fy, 0, 0, 1});
    }
  return list;
}

std::vector<Candidate> search(const PlaneView& fixed, const PlaneView& moving, const std::vector<Matrix3>& trials,
                              int count) {
  int side = 16;
  while (side < 1.6 * std::max(fixed.width, fixed.height)) side *= 2;
  const auto n = static_cast<std::size_t>(side);
  const double left = std::floor(0.5 * (fixed.width - side)), top = std::floor(0.5 * (fixed.height - side));
  Fourier fourier(side);

  Spectrum reference(side);
  double fixed_energy = 0;
  for (int y = 0; y < fixed.height; ++y)
    for (int x = 0; x < fixed.width; ++x) {
      const float v = fixed.data[y * fixed.stride + x];
      if (std::isnan(v)) continue;
      reference.re[static_cast<std::size_t>(y - static_cast<int>(top)) * n +
                   static_cast<std::size_t>(x - static_cast<int>(left))] = v;
      fixed_energy += static_cast<double>(v * v);
    }
  fourier.transform(reference);
  double mean_magnitude = 0;
  for (std::size_t i = 0; i < reference.re.size(); ++i)
    mean_magnitude += static_cast<double>(std::hypot(reference.re[i], reference.im[i]));
  mean_magnitude /= static_cast<double>(reference.re.size());
  for (std::size_t i = 0; i < reference.re.size(); ++i) {
    const float whitening =
        1.0f / std::sqrt(std::hypot(reference.re[i], reference.im[i]) / static_cast<float>(mean_magnitude) + 0.1f);
    reference.re[i] *= whitening;
    reference.im[i] *= whitening;
  }

  std::vector<Candidate> best;
  Spectrum pair(side);
  for (std::size_t first = 0; first < trials.size(); first += 2) {
    double energy[2] = {draw(moving, trials[first], side, left, top, pair.re), 0};
    const bool two = first + 1 < trials.size();
    if (two)
      energy[1] = draw(moving, trials[first + 1], side, left, top, pair.im);
    else
      std::fill(pair.im.begin(), pair.im.end(), 0.0f);
    fourier.transform(pair);
    // sum over x of F(x) M(x + t) has the spectrum conj(F) M; a second forward transform leaves it at -t.
    for (std::size_t i = 0; i < pair.re.size(); ++i) {
      const float a = reference.re[i], b = -reference.im[i], c = pair.re[i], d = pair.im[i];
      pair.re[i] = a * c - b * d;
      pair.im[i] = a * d + b * c;
    }
    fourier.transform(pair);
    for (std::size_t k = 0; k < (two ? 2u : 1u); ++k) {
      const std::vector<float>& c = k ? pair.im : pair.re;
      const double norm = 1.0 / (static_cast<double>(n * n) *
                                 std::sqrt(fixed_energy * std::max(energy[k], 0.25 * fixed_energy) + 1e-9));
      std::array<std::array<int, 2>, 3> taken;
      taken.fill({-99, -99});
      auto apart = [&](int x, int y) {
        return std::all_of(taken.begin(), taken.end(),
                           [&](auto& t) { return std::abs(x - t[0]) > 3 || std::abs(y - t[1]) > 3; });
      };
      // The highest peaks that are not neighbours.
      for (int rank = 0; rank < 3; ++rank) {
        float high = -1e30f;
        int hx = 0, hy = 0;
        for (int y = 0; y < side; ++y)
          for (int x = 0; x < side; ++x) {
            const float v = c[static_cast<std::size_t>(y) * n + static_cast<std::size_t>(x)];
            if (v > high && apart(x, y)) high = v, hx = x, hy = y;
          }
        taken[static_cast<std::size_t>(rank)] = {hx, hy};
        const int tx = hx == 0         ? 0
                       : hx < side / 2 ? -hx
                                       : side - hx,
                  ty = hy == 0         ? 0
                       : hy < side / 2 ? -hy
                                       : side - hy;
        Candidate found;
        found.map = trials[first + k] * Matrix3{1, 0, static_cast<double>(tx), 0, 1, static_cast<double>(ty), 0, 0, 1};
        found.score = static_cast<double>(high) * norm;
        best.push_back(found);
      }
    }
  }
  std::stable_sort(best.begin(), best.end(), [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  if (best.size() > static_cast<std::size_t>(count)) best.resize(static_cast<std::size_t>(count));
  return best;
}

}  // namespace lumigrad::registration
