// SPDX-License-Identifier: Apache-2.0
// The moving image is turned and scaled about its centre onto a square canvas twice the size of the fixed image, and
// correlated with it by Fourier transforms. Both transforms are linear in the moving image, so that two trials ride in
// one as real and imaginary parts. The fixed spectrum is divided by the root of its magnitude: half way between
// correlation (broad peaks) and phase correlation (sharp, but lost under a few degrees of rotation).
#include <lumigrad/vision/registration/fourier.h>
#include <lumigrad/vision/registration/search.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lumigrad::registration {
namespace {

/// moving(map x) on the canvas whose middle is the middle of the fixed image; zero where there is none. Returns energy.
double draw(const PlaneView& moving, const Matrix3& map, int side, double left, double top,
            std::vector<float>& canvas) {
  AlignmentPass pass;
  pass.moving = moving;
  for (std::size_t k = 0; k < 9; ++k) pass.map[k] = static_cast<float>(map[k]);
  pass.center_x = static_cast<float>(-left), pass.center_y = static_cast<float>(-top);
  const AlignmentKernels& kernels = alignment_kernels(simd_level());
  // Only the box around the moving image's corners can hold any of it (turns and small homographies keep them in
  // front of the horizon).
  const Matrix3 back = inverse(map);
  double box[4] = {1e9, 1e9, -1e9, -1e9};
  for (const Point& corner : corners(moving.height, moving.width)) {
    const Point p = apply(back, corner);
    const double x = p.x - left, y = p.y - top;
    box[0] = std::min(box[0], x), box[1] = std::min(box[1], y);
    box[2] = std::max(box[2], x), box[3] = std::max(box[3], y);
  }
  auto within = [side](double v) { return static_cast<int>(std::clamp(v, 0.0, static_cast<double>(side))); };
  const int x0 = within(std::floor(box[0])) / 16 * 16, x1 = (within(std::ceil(box[2]) + 1) + 15) / 16 * 16;
  const int y0 = within(std::floor(box[1])), y1 = within(std::ceil(box[3]) + 1);
  std::fill(canvas.begin(), canvas.end(), 0.0f);
  pass.x0 = x0 + 1;
  double energy = 0;
  for (int y = y0; y < y1; ++y) {
    float* row = &canvas[static_cast<std::size_t>(y) * static_cast<std::size_t>(side)];
    kernels.sample(pass, y, x1 - x0, row + x0);
    float squares[16] = {};
    for (int x = x0; x < x1; x += 16)
      for (int k = 0; k < 16; ++k) {
        const float v = row[x + k], counted = v == v ? v : 0.0f;
        row[x + k] = counted;
        squares[k] += counted * counted;
      }
    for (float s : squares) energy += static_cast<double>(s);
  }
  return energy;
}

/// The greatest of n numbers, n a multiple of 16.
float greatest(const float* row, int n) {
  float most[16];
  std::copy(row, row + 16, most);
  for (int x = 16; x < n; x += 16)
    for (int k = 0; k < 16; ++k) most[k] = row[x + k] > most[k] ? row[x + k] : most[k];
  return *std::max_element(most, most + 16);
}

/// The highest values of a square that are not neighbours of each other.
class Peaks {
 public:
  struct Peak {
    int x, y;
    float height;
  };
  Peaks(std::vector<float>& square, int side) : square_(square), side_(side), tops_(static_cast<std::size_t>(side)) {
    for (int y = 0; y < side; ++y) tops_[static_cast<std::size_t>(y)] = greatest(row(y), side);
  }
  /// The highest that is left; levels the ground around it.
  Peak next() {
    const auto top = std::max_element(tops_.begin(), tops_.end());
    const int y = static_cast<int>(top - tops_.begin());
    const int x = static_cast<int>(std::find(row(y), row(y) + side_, *top) - row(y));
    const Peak peak{std::min(x, side_ - 1), y, *top};
    for (int v = std::max(0, y - 3); v <= std::min(side_ - 1, y + 3); ++v) {
      std::fill(row(v) + std::max(0, peak.x - 3), row(v) + std::min(side_, peak.x + 4), -1e30f);
      tops_[static_cast<std::size_t>(v)] = greatest(row(v), side_);
    }
    return peak;
  }

 private:
  float* row(int y) { return square_.data() + static_cast<std::ptrdiff_t>(y) * side_; }
  std::vector<float>& square_;
  int side_;
  std::vector<float> tops_;
};

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
      const double norm = 1.0 / (static_cast<double>(n * n) *
                                 std::sqrt(fixed_energy * std::max(energy[k], 0.25 * fixed_energy) + 1e-9));
      Peaks peaks(k ? pair.im : pair.re, side);
      for (int rank = 0; rank < 3; ++rank) {
        const auto [hx, hy, high] = peaks.next();
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
