// SPDX-License-Identifier: Apache-2.0
// The fused pass against a plain double-precision sum over pixels, at every instruction level.
#include "registration_scene.h"

#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/vision/registration/refinement.h>

#include <doctest/doctest.h>

#include <algorithm>

#include <cmath>
#include <limits>
#include <span>

using namespace lumigrad;
using namespace lumigrad::registration;

namespace {

Plane plane_of(const Tensor& t) {
  Plane p(static_cast<int>(t.size(0)), static_cast<int>(t.size(1)));
  for (int y = 0; y < p.height(); ++y) std::copy_n(t.data<float>() + y * p.width(), p.width(), p.row(y));
  return p;
}

double read(const PlaneView& m, double x, double y, Sampling sampling) {
  const bool spline = sampling == Sampling::spline;
  const int low = spline ? 1 : 0, high = spline ? 2 : 1;
  if (!(x >= low && y >= low && x <= m.width - high && y <= m.height - high)) return std::nan("");
  const int ix = std::min(static_cast<int>(x), m.width - 1 - high),
            iy = std::min(static_cast<int>(y), m.height - 1 - high);
  auto weights = [&](double t, double* w) {
    if (spline) {
      const double s = 1 - t;
      w[0] = s * s * s / 6, w[1] = (4 + t * t * (3 * t - 6)) / 6, w[2] = (4 + s * s * (3 * s - 6)) / 6;
      w[3] = t * t * t / 6;
    } else {
      w[0] = 1 - t, w[1] = t;
    }
  };
  double wx[4], wy[4], sum = 0;
  weights(x - ix, wx);
  weights(y - iy, wy);
  for (int j = 0; j <= low + high; ++j)
    for (int i = 0; i <= low + high; ++i)
      sum += wx[i] * wy[j] * static_cast<double>(m.data[(iy - low + j) * m.stride + ix - low + i]);
  return sum;
}

void robust(Robust loss, double t, double& w, double& rho, double& slope) {
  switch (loss) {
    case Robust::l2:
      w = slope = 1, rho = t;
      return;
    case Robust::huber:
      w = t <= 1 ? 1 : 1 / std::sqrt(t), rho = t <= 1 ? t : 2 * std::sqrt(t) - 1;
      slope = t <= 1;
      return;
    case Robust::charbonnier:
      w = 1 / std::sqrt(1 + t), rho = 2 * (std::sqrt(1 + t) - 1), slope = w * w * w;
      return;
    case Robust::tukey: {
      const double q = std::max(0.0, 1 - t);
      w = q * q, rho = (1 - q * q * q) / 3, slope = q * (q - 4 * t);
      return;
    }
    case Robust::geman_mcclure:
      w = 1 / ((1 + t) * (1 + t)), rho = t / (1 + t), slope = w * (1 - 3 * t) / (1 + t);
      return;
  }
}

/// The definition, pixel by pixel.
NormalEquations plainly(const AlignmentPass& p) {
  NormalEquations n{};
  auto sampled = [&](int x, int y) {
    const double u = (x - static_cast<double>(p.center_x)) * static_cast<double>(p.unit);
    const double v = (y - static_cast<double>(p.center_y)) * static_cast<double>(p.unit);
    double m[9];
    for (int k = 0; k < 9; ++k) m[k] = static_cast<double>(p.map[k]);
    const double w = m[6] * u + m[7] * v + m[8];
    return read(p.moving, static_cast<double>(p.moving_x) + (m[0] * u + m[1] * v + m[2]) / w,
                static_cast<double>(p.moving_y) + (m[3] * u + m[4] * v + m[5]) / w, p.sampling);
  };
  auto fixed = [&](int x, int y) { return static_cast<double>(p.fixed.data[y * p.fixed.stride + x]); };
  const double gain = static_cast<double>(p.gain), unit = static_cast<double>(p.unit);
  for (int y = std::max(1, p.y0); y < std::min(p.y1, p.fixed.height - 1); ++y) {
    if ((y - p.y0) % p.band_distance >= p.band) continue;
    for (int x = std::max(1, p.x0); x < std::min(p.x1, p.fixed.width - 1); ++x) {
      const double u = (x - static_cast<double>(p.center_x)) * unit, v = (y - static_cast<double>(p.center_y)) * unit;
      const double m = sampled(x, y), r = gain * m + static_cast<double>(p.bias) - fixed(x, y);
      const double a =
          0.25 / unit * (gain * (sampled(x + 1, y) - sampled(x - 1, y)) + fixed(x + 1, y) - fixed(x - 1, y));
      const double b =
          0.25 / unit * (gain * (sampled(x, y + 1) - sampled(x, y - 1)) + fixed(x, y + 1) - fixed(x, y - 1));
      if (std::isnan(a + b + r)) continue;
      const double c = -(a * u + b * v), j[10] = {a * u, a * v, a, b * u, b * v, b, c * u, c * v, m, 1};
      double w = 0, rho = 0, slope = 0;
      robust(p.loss, r * r * static_cast<double>(p.inverse_scale) * static_cast<double>(p.inverse_scale), w, rho,
             slope);
      const double h = std::max(slope, static_cast<double>(p.least_slope) * w);
      n.loss += rho, n.slope += slope * (a * a + b * b), n.pixels += 1;
      for (int i = 0; i < (p.gain_bias ? 10 : 8); ++i) {
        n.gradient[i] += w * j[i] * r;
        for (int k = 0; k < (p.gain_bias ? 10 : 8); ++k) n.hessian[i][k] += h * j[i] * j[k];
      }
    }
  }
  return n;
}

constexpr int everything[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

/// The sums of some unknowns against the definition's.
void check_sums(const NormalEquations& fast, const NormalEquations& plain, std::span<const int> unknowns) {
  CHECK(fast.pixels == plain.pixels);
  CHECK(fast.loss == doctest::Approx(plain.loss).epsilon(1e-4));
  CHECK(fast.slope == doctest::Approx(plain.slope).epsilon(1e-4).scale(plain.hessian[2][2]));
  for (const int i : unknowns) {
    const double si = std::sqrt(plain.hessian[i][i]);
    CHECK(std::fabs(fast.gradient[i] - plain.gradient[i]) < 1e-5 * si * std::sqrt(plain.pixels));
    for (const int j : unknowns)
      CHECK(std::fabs(fast.hessian[i][j] - plain.hessian[i][j]) < 2e-5 * si * std::sqrt(plain.hessian[j][j]));
  }
}

}  // namespace

TEST_CASE("the fused pass sums what its definition says, at every level, loss and sampling") {
  const scene::Texture texture(71);
  const Matrix3 map = {1.02, -0.03, 3.217, 0.04, 0.98, -4.683, 2e-4, -1e-4, 1};
  Tensor holes = scene::seen(texture, scene::turned(61, 83, 1, 1, 0.4, 0.3), 61, 83);
  for (int k = 0; k < 9; ++k)
    holes.mutable_data<float>()[(7 + 5 * k) * 83 + 11 * k % 83] = std::numeric_limits<float>::quiet_NaN();
  const Plane fixed = plane_of(scene::seen(texture, unit_matrix, 67, 75)), moving = plane_of(holes);
  for (Level level : {Level::baseline, Level::v3, Level::v4}) {
    if (!available(level)) continue;
    for (Robust loss : {Robust::l2, Robust::huber, Robust::charbonnier, Robust::tukey, Robust::geman_mcclure})
      for (Sampling sampling : {Sampling::bilinear, Sampling::spline})
        for (bool gain_bias : {false, true}) {
          CAPTURE(lumigrad::name(level));
          CAPTURE(static_cast<int>(loss));
          CAPTURE(static_cast<int>(sampling));
          RefinementOptions options;
          options.loss = loss, options.sampling = sampling, options.gain_bias = gain_bias;
          std::vector<float> scratch;
          AlignmentPass pass = make_pass({fixed, moving}, {map, {1.1, -0.04}}, options, 0.1, scratch);
          for (int box = 0; box < 3; ++box) {
            if (box == 1) pass.x0 = 16, pass.x1 = 53, pass.y0 = 9, pass.y1 = 40, pass.least_slope = 0;
            if (box == 2) pass.y0 = -3, pass.band = 7, pass.band_distance = 11, pass.least_slope = 0.25f;
            NormalEquations fast;
            alignment_kernels(level).accumulate(pass, fast);
            const NormalEquations plain = plainly(pass);
            CHECK(plain.pixels > 500);
            check_sums(fast, plain, std::span(everything).first(gain_bias ? 10 : 8));
          }
        }
  }
}

TEST_CASE("where all pixels move alike, what translations ask for is summed as it is anywhere") {
  const scene::Texture texture(74);
  Tensor holes = scene::seen(texture, scene::turned(61, 83, 1, 1, 0.4, 0.3), 61, 83);
  for (int k = 0; k < 9; ++k)
    holes.mutable_data<float>()[(7 + 5 * k) * 83 + 11 * k % 83] = std::numeric_limits<float>::quiet_NaN();
  const Plane fixed = plane_of(scene::seen(texture, unit_matrix, 67, 75)), moving = plane_of(holes);
  constexpr int asked[4] = {2, 5, 8, 9};
  for (Level level : {Level::baseline, Level::v3, Level::v4}) {
    if (!available(level)) continue;
    for (Robust loss : {Robust::huber, Robust::geman_mcclure})
      for (Sampling sampling : {Sampling::bilinear, Sampling::spline})
        for (const Point by :
             {Point{0.25, 0.5}, Point{3.217, -4.683}, Point{-9.25, 2.5}, Point{30.75, 41.5}, Point{-61.3, -50.1}}) {
          CAPTURE(lumigrad::name(level));
          CAPTURE(by.x);
          RefinementOptions options;
          options.model = Model::translation, options.loss = loss, options.sampling = sampling;
          std::vector<float> scratch;
          AlignmentPass pass =
              make_pass({fixed, moving}, {{1, 0, by.x, 0, 1, by.y, 0, 0, 1}, {1.1, -0.04}}, options, 0.1, scratch);
          REQUIRE(pass.shifts);
          NormalEquations fast;
          alignment_kernels(level).accumulate(pass, fast);
          const NormalEquations plain = plainly(pass);
          CHECK(plain.pixels > 50);
          check_sums(fast, plain, asked);
        }
  }
}

TEST_CASE("what a pass takes for a shift moves every pixel as one does, to 1e-4 px, whatever the size") {
  RefinementOptions options;
  options.model = Model::translation;
  std::vector<float> scratch;
  for (const int side : {64, 2000, 65535})
    for (const double by : {0.3, 20000.0})
      for (const std::size_t entry : {0u, 1u, 3u, 4u, 6u, 7u, 8u})
        for (const double bent : {1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 9e-11, 1e-12, 1e-13, 1e-15, 0.0}) {
          CAPTURE(side);
          CAPTURE(by);
          CAPTURE(entry);
          CAPTURE(bent);
          Matrix3 map = {1, 0, by, 0, 1, -by, 0, 0, 1};
          map[entry] += bent;
          double worst = 0;
          for (const Point p : {Point{side - 1.0, 0}, Point{0, side - 1.0}, Point{side - 1.0, side - 1.0}}) {
            const Point q = lumigrad::apply(map, p);
            worst = std::max({worst, std::fabs(q.x - p.x - by), std::fabs(q.y - p.y + by)});
          }
          const bool shifts =
              make_pass({{nullptr, side, side, 0}, {nullptr, side, side, 0}}, {map, {}}, options, 1, scratch).shifts;
          if (shifts) CHECK(worst < 1e-4);
          if (worst < 1e-5) CHECK(shifts);
        }
}

TEST_CASE("a wide box is summed in strips that meet without a seam") {
  const scene::Texture texture(72);
  const Plane fixed = plane_of(scene::seen(texture, unit_matrix, 12, 1300));
  const Plane moving = plane_of(scene::seen(texture, {1, 0, 0.5, 0, 1, 0.25, 0, 0, 1}, 14, 1310));
  RefinementOptions options;
  options.loss = Robust::geman_mcclure;
  std::vector<float> scratch;
  const AlignmentPass pass = make_pass({fixed, moving}, {{1, 0, 0.4, 0, 1, 0.3, 0, 0, 1}, {}}, options, 0.1, scratch);
  NormalEquations fast;
  alignment_kernels(simd_level()).accumulate(pass, fast);
  const NormalEquations plain = plainly(pass);
  CHECK(fast.pixels == plain.pixels);
  CHECK(fast.loss == doctest::Approx(plain.loss).epsilon(1e-4));
  CHECK(fast.hessian[2][2] == doctest::Approx(plain.hessian[2][2]).epsilon(1e-4));
}

TEST_CASE("the tiles of a covariance see the noise of one row in four as passes over those rows do") {
  const scene::Texture texture(73);
  const Plane fixed = plane_of(scene::seen(texture, unit_matrix, 61, 83));
  const Plane moving = plane_of(scene::seen(texture, {1, 0, 0.5, 0, 1, 0.25, 0, 0, 1}, 61, 83));
  RefinementOptions options;
  options.loss = Robust::geman_mcclure, options.sampling = Sampling::spline;
  std::vector<float> scratch;
  AlignmentPass pass = make_pass({fixed, moving}, {{1, 0, 0.4, 0, 1, 0.3, 0, 0, 1}, {}}, options, 0.1, scratch);
  GradientScatter scatter;
  NormalEquations noise, rows{};
  alignment_kernels(simd_level()).scatter(pass, scatter, noise);
  pass.gradient_sign = -1;
  for (int tile = 0; tile < fixed.height(); tile += alignment_tile)
    for (int y = std::max(tile, 1); y < std::min(tile + alignment_tile, fixed.height() - 1); y += noise_rows) {
      NormalEquations row;
      pass.y0 = y, pass.y1 = y + 1;
      alignment_kernels(simd_level()).accumulate(pass, row);
      rows += row;
    }
  CHECK(noise.pixels == rows.pixels);
  CHECK(noise.pixels > 800);
  CHECK(noise.pixels < 0.3 * scatter.pixels);
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j)
      CHECK(
          noise.hessian[i][j] ==
          doctest::Approx(rows.hessian[i][j]).epsilon(1e-4).scale(std::sqrt(rows.hessian[i][i] * rows.hessian[j][j])));
}

namespace {

/// Whether the losses of a curve fall from one to the next, wherever they can be compared.
bool falls(const Refinement& r) {
  for (std::size_t i = 1; i < r.curve.size(); ++i)
    if (std::find(r.breaks.begin(), r.breaks.end(), i) == r.breaks.end() && r.curve[i] > r.curve[i - 1] * 1.001)
      return false;
  return true;
}

}  // namespace

TEST_CASE("a refinement that looks at strips of rows first tells of all rows, wherever it ends") {
  constexpr int height = 200, width = 240;
  const scene::Texture texture(74);
  const Plane fixed = plane_of(scene::seen(texture, unit_matrix, height, width));
  const Plane moving = plane_of(scene::seen(texture, {1, 0, 0.5, 0, 1, 0.25, 0, 0, 1}, height, width));
  const Plane little = plane_of(scene::seen(texture, {1, 0, 0.5, 0, 1, 0.25, 0, 0, 1}, 70, 80));
  for (bool nearby : {false, true})
    for (int iterations = 0; iterations < 8; ++iterations) {
      CAPTURE(nearby);
      CAPTURE(iterations);
      RefinementOptions options;
      options.model = Model::affine, options.nearby = nearby, options.max_iterations = iterations;
      const Estimate start = {{1, 0, -0.7, 0, 1, -0.4, 0, 0, 1}, {}};
      const Refinement all = refine({fixed, moving}, start, options);
      CHECK(all.pixels > 0.95 * height * width);
      CHECK(all.equations.pixels == all.pixels);
      CHECK(all.iterations <= iterations);
      CHECK(falls(all));
      CHECK((all.breaks.empty() || all.breaks.back() < all.curve.size()));
      if (iterations > 5) CHECK(!all.breaks.empty());
      if (iterations > 5) CHECK(all.ending == Ending::settled);
      if (iterations > 5)
        CHECK(corner_distance(all.estimate.map, {1, 0, -0.5, 0, 1, -0.25, 0, 0, 1}, height, width) < 0.01);
      const Refinement part = refine({fixed, little}, start, options);
      CHECK(part.pixels > 0.9 * 70 * 80);
    }

  RefinementOptions options;
  options.max_iterations = 0;
  const Refinement whole = refine({fixed, moving}, {}, options);
  options.nearby = true;
  const Refinement parts = refine({fixed, moving}, {}, options);
  CHECK(parts.pixels == whole.pixels);
  CHECK(parts.loss == doctest::Approx(whole.loss).epsilon(1e-5));
  for (int i = 0; i < 10; ++i)
    CHECK(std::fabs(parts.equations.gradient[i] - whole.equations.gradient[i]) <
          1e-5 * std::sqrt(whole.equations.hessian[i][i] * whole.pixels));
}

TEST_CASE("after a step that lost the overlap, the next one is not judged by a loss of another scale") {
  // The moving image is a strip of eight columns. The first step changes the scale, and the second leaves the strip.
  constexpr int height = 60, width = 70, strip = 8;
  const scene::Texture texture(13);
  const Plane fixed = plane_of(scene::seen(texture, unit_matrix, height, width));
  const Plane moving = plane_of(scene::seen(texture, unit_matrix, height, strip));
  for (Robust loss : {Robust::l2, Robust::huber, Robust::charbonnier, Robust::tukey, Robust::geman_mcclure}) {
    CAPTURE(static_cast<int>(loss));
    RefinementOptions options;
    options.model = Model::translation, options.loss = loss, options.gain_bias = false, options.max_iterations = 30;
    const Refinement found = refine({fixed, moving}, {{1, 0, -9, 0, 1, 0, 0, 0, 1}, {}}, options);
    CHECK(found.ending == Ending::settled);
    CHECK(corner_distance(found.estimate.map, unit_matrix, height, width) < 0.01);
  }
}
