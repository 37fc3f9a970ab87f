// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/planar_motion.h>
#include <lumigrad/vision/registration/refinement.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace lumigrad::registration {

double slope_over_hessian(const NormalEquations& n) {
  const double energy = n.hessian[2][2] + n.hessian[5][5];
  return energy > 0 ? std::clamp(n.slope / energy, 0.2, 1.0) : 1;
}

namespace {

/// Normal equations in the unknowns of a model, then gain and bias: a x = -g.
struct System {
  int size = 0;
  double a[10][10] = {}, g[10] = {};
};

System reduced(const NormalEquations& n, const RefinementOptions& o) {
  System s;
  const int k = unknowns(o.model);
  s.size = k + (o.gain_bias ? 2 : 0);
  const auto& columns = directions(o.model);
  auto coefficient = [&](int unknown, int entry) {
    if (unknown >= k) return entry == unknown - k + 8 ? 1.0 : 0.0;
    return entry < 8 ? columns[static_cast<std::size_t>(unknown)][static_cast<std::size_t>(entry)] : 0.0;
  };
  for (int i = 0; i < s.size; ++i)
    for (int p = 0; p < 10; ++p) {
      const double ci = coefficient(i, p);
      if (ci == 0) continue;
      s.g[i] += ci * n.gradient[p];
      for (int j = 0; j < s.size; ++j)
        for (int q = 0; q < 10; ++q) s.a[i][j] += ci * coefficient(j, q) * n.hessian[p][q];
    }
  return s;
}

bool damped_step(System s, double damping, double* step) {
  // Jacobi scaling: the unknowns of gain and bias have another unit, and pivots can be judged against one.
  double unit[10];
  for (int i = 0; i < s.size; ++i) {
    if (!(s.a[i][i] > 0) || !std::isfinite(s.a[i][i])) return false;
    unit[i] = 1 / std::sqrt(s.a[i][i]);
  }
  for (int i = 0; i < s.size; ++i) {
    s.g[i] *= -unit[i];
    for (int j = 0; j < s.size; ++j) s.a[i][j] *= unit[i] * unit[j];
    s.a[i][i] += damping + 1e-10;
  }
  if (!solve_positive(&s.a[0][0], s.g, step, s.size)) return false;
  for (int i = 0; i < s.size; ++i) {
    step[i] *= unit[i];
    if (!std::isfinite(step[i])) return false;
  }
  return true;
}

}  // namespace

bool damped_step(const NormalEquations& n, const RefinementOptions& o, double damping, double* step) {
  return damped_step(reduced(n, o), damping, step);
}

namespace {

/// Which rows of the fixed image a pass looks at: all, or a quarter of them, in strips across the image, or the rest.
/// Strips are narrow, so that they see some of everything that is in the image, and yet four rows high, because two
/// more have to be read for the gradients of each.
enum class Rows { all, strips, rest };
constexpr int strip_height = 4, strip_distance = 16, first_strip = 6;
/// With fewer, strips do not tell all unknowns apart.
constexpr double enough_pixels = 4000;

NormalEquations equations_at(std::span<const LevelPair> pairs, const Estimate& e, const RefinementOptions& o,
                             const std::vector<double>& scales, std::vector<float>& scratch, Rows rows) {
  NormalEquations sum{};
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    AlignmentPass pass = make_pass(pairs[k], e, o, scales[k], scratch);
    if (rows != Rows::all) pass.band_distance = strip_distance;
    if (rows == Rows::strips) pass.y0 = first_strip, pass.band = strip_height;
    if (rows == Rows::rest)
      pass.y0 = first_strip + strip_height - strip_distance, pass.band = strip_distance - strip_height;
    NormalEquations n;
    alignment_kernels(simd_level()).accumulate(pass, n);
    sum += n;
  }
  return sum;
}

/// What steps taught about the derivative of the gradient of the mean loss.
///
/// Robust weights and noise make J'WJ larger than that derivative. Plain steps fall short by that factor and leave a
/// third of the way to the next one; divided by it they close in as Newton's do. Half of what the slopes of the pass
/// predict is trusted at first; then every step tells how the gradient really changed along it: by how much in all,
/// which scales J'WJ, and in which directions, which bends it (the update of Broyden, Fletcher, Goldfarb and Shanno,
/// from the last two steps).
class Curvature {
 public:
  explicit Curvature(double predicted) : shortness_(0.5 * (1 + predicted)) {}

  /// `step` led from one point to another.
  void learn(const System& before, const System& after, double pixels_before, double pixels_after, const double* step) {
    Secant s;
    double seen = 0, expected = 0;
    for (int i = 0; i < before.size; ++i) {
      s.step[i] = step[i];
      s.change[i] = after.g[i] / pixels_after - before.g[i] / pixels_before;
      seen += step[i] * s.change[i];
      for (int j = 0; j < before.size; ++j) expected += step[i] * before.a[i][j] / pixels_before * step[j];
    }
    shortness_ = expected > 0 ? std::clamp(seen / expected, 0.5, 1.5) : 1;
    if (known_ == 2) secants_[0] = secants_[1], known_ = 1;
    secants_[known_++] = s;
  }
  /// Another loss: only the scale is still true.
  void forget_directions() { known_ = 0; }

  /// Puts what is known in the place of J'WJ.
  void correct(System& s, double pixels) const {
    for (int i = 0; i < s.size; ++i)
      for (int j = 0; j < s.size; ++j) s.a[i][j] *= shortness_;
    for (int k = 0; k < known_; ++k) bend(s, secants_[k], pixels);
  }

 private:
  struct Secant {
    double step[10], change[10];
  };
  static void bend(System& s, const Secant& t, double pixels) {
    double along[10], expected = 0, seen = 0;
    for (int i = 0; i < s.size; ++i) {
      along[i] = 0;
      for (int j = 0; j < s.size; ++j) along[i] += s.a[i][j] * t.step[j];
      expected += t.step[i] * along[i], seen += pixels * t.step[i] * t.change[i];
    }
    if (!(seen > 0.1 * expected && seen < 10 * expected)) return;  // that would be no minimum
    for (int i = 0; i < s.size; ++i)
      for (int j = 0; j < s.size; ++j)
        s.a[i][j] += pixels * t.change[i] * pixels * t.change[j] / seen - along[i] * along[j] / expected;
  }
  double shortness_;
  Secant secants_[2];
  int known_ = 0;
};

}  // namespace

/// Whether a motion of pixels moves all of an image alike, but for less than 1e-4 px.
static bool is_shift(const Matrix3& m, const PlaneView& image) {
  // By how much (m0 x + m1 y + m2) / (m6 x + m7 y + m8) may differ from x + m2 within the image, and so in y.
  const double side = std::max(image.width, image.height), far = std::fabs(m[2]) + std::fabs(m[5]);
  const auto off = [&](std::size_t k) { return std::fabs(m[k] - unit_matrix[k]); };
  const double bent = side * (off(0) + off(1) + off(3) + off(4)) + (side + far) * (side * (off(6) + off(7)) + off(8));
  return bent < 1e-4 && far < 1e6;
}

Matrix3 centred_frame(const PlaneView& fixed) {
  const double unit = 2.0 / std::max(fixed.width, fixed.height);
  return {unit, 0, -0.5 * (fixed.width - 1) * unit, 0, unit, -0.5 * (fixed.height - 1) * unit, 0, 0, 1};
}

AlignmentPass make_pass(const LevelPair& pair, const Estimate& e, const RefinementOptions& o, double scale,
                        std::vector<float>& scratch) {
  const std::size_t wanted = alignment_scratch(pair.fixed.width) + 16;
  if (scratch.size() < wanted) scratch.resize(wanted);
  AlignmentPass p;
  p.fixed = pair.fixed;
  p.moving = pair.moving;
  p.x1 = pair.fixed.width;
  p.y1 = pair.fixed.height;
  p.center_x = 0.5f * static_cast<float>(pair.fixed.width - 1);
  p.center_y = 0.5f * static_cast<float>(pair.fixed.height - 1);
  p.unit = 2.0f / static_cast<float>(std::max(pair.fixed.width, pair.fixed.height));
  // Positions relative to the middle of the moving image keep all their bits in a float.
  const double mx = 0.5 * (pair.moving.width - 1), my = 0.5 * (pair.moving.height - 1);
  const Matrix3 local =
      scaled_to_unit(Matrix3{1, 0, -mx, 0, 1, -my, 0, 0, 1} * e.map * inverse(centred_frame(pair.fixed)));
  for (std::size_t k = 0; k < 9; ++k) p.map[k] = static_cast<float>(local[k]);
  p.shifts = o.model == Model::translation && is_shift(e.map, pair.fixed);
  p.moving_x = static_cast<float>(mx);
  p.moving_y = static_cast<float>(my);
  p.gain = static_cast<float>(e.tone.gain);
  p.bias = static_cast<float>(e.tone.bias);
  p.least_slope = o.nearby ? 0 : 1;
  p.inverse_scale = static_cast<float>(1 / scale);
  p.loss = o.loss;
  p.sampling = o.sampling;
  p.gain_bias = o.gain_bias;
  auto address = reinterpret_cast<std::uintptr_t>(scratch.data());
  p.scratch = scratch.data() + ((64 - address % 64) % 64) / sizeof(float);
  return p;
}

// Near the end most of the work would be done several times over on all pixels, though a part of them says nearly as
// well where to go. A nearby start is mended on strips of rows until the next step is small; only then the rest of the
// rows is added to the sums of the last look, and the step that follows is one of all pixels. It ends as close to where
// all pixels want to be as a step from anywhere near: how much a step leaves over, the strips have told.
Refinement refine(std::span<const LevelPair> pairs, const Estimate& start, const RefinementOptions& o) {
  Refinement r;
  r.estimate = start;
  const PlaneView& fixed = pairs[0].fixed;
  const int h = fixed.height, w = fixed.width;
  const Matrix3 frame = centred_frame(fixed), back = inverse(frame);
  const double least_pixels = std::max(24.0, 0.01 * h * w) * static_cast<double>(pairs.size());
  std::vector<float> scratch;

  auto scales_at = [&](const Estimate& e) {
    std::vector<double> scales;
    for (const LevelPair& pair : pairs) {
      const Samples s = sample_pairs(pair.fixed, pair.moving, e.map, o.samples, o.sampling);
      scales.push_back(o.width * residual_scale(s, e.tone));
    }
    return scales;
  };
  r.scales = scales_at(start);
  auto equations = [&](const Estimate& e, Rows rows) { return equations_at(pairs, e, o, r.scales, scratch, rows); };
  Rows rows = o.nearby && std::min(h, w) >= 8 * strip_distance ? Rows::strips : Rows::all;
  auto least = [&] { return rows == Rows::strips ? least_pixels * strip_height / strip_distance : least_pixels; };
  NormalEquations now = equations(start, rows);
  Curvature curvature(slope_over_hessian(now));
  double damping = o.damping;
  int rescaled = 0;
  bool breaks = false;  // the next loss of the curve is none to compare with those before
  // Moves shrink from step to step by about the ratio of the last two, but a very small one was luck.
  double previous_move = 0, ratio = 1;
  for (;;) {
    // The scale follows the residual for the first few steps; then it stays, so that losses can be compared.
    bool same_scales = true;  // `now` and what is looked at next: only then losses and gradients can be compared
    if (r.iterations > 0 && rescaled < 3) {
      const std::vector<double> fresh = scales_at(r.estimate);
      ++rescaled;
      for (std::size_t k = 0; k < fresh.size(); ++k)
        if (std::fabs(fresh[k] / r.scales[k] - 1) > 0.1) r.scales[k] = fresh[k], same_scales = false;
      if (!same_scales) curvature.forget_directions();
    }
    bool widened = false;
    auto widen = [&] {
      if (same_scales)
        now += equations(r.estimate, Rows::rest);
      else
        now = equations(r.estimate, Rows::all);
      rows = Rows::all, same_scales = widened = breaks = true;
    };
    if (rows == Rows::strips && (now.pixels < std::max(enough_pixels, least()) || r.iterations >= o.max_iterations))
      widen();
    if (breaks && !r.curve.empty()) r.breaks.push_back(r.curve.size());
    r.curve.push_back(now.pixels > 0 ? now.loss / now.pixels : 0);
    breaks = !same_scales;
    for (;;) {
      r.pixels = now.pixels;
      r.loss = now.pixels > 0 ? now.loss / now.pixels : 0;
      r.equations = now;
      if (now.pixels < least()) return r.ending = Ending::low_overlap, r;
      if (r.iterations >= o.max_iterations) return r.ending = Ending::out_of_iterations, r;
      const System system = reduced(now, o);
      System corrected = system;
      curvature.correct(corrected, now.pixels);
      double step[10] = {};
      if (!damped_step(corrected, damping, step)) {
        if (rows == Rows::all) return r.ending = Ending::flat, r;
        widen();
        continue;
      }
      const Matrix3 change = back * step_matrix(o.model, step) * frame;
      Estimate next = r.estimate;
      next.map = scaled_to_unit(r.estimate.map * change);
      const int k = unknowns(o.model);
      if (o.gain_bias) next.tone.gain += step[k], next.tone.bias += step[k + 1];
      r.last_move = corner_distance(r.estimate.map, next.map, h, w);
      if (previous_move > 0 && !widened) ratio = std::clamp(r.last_move / previous_move, 0.2, 1.0);
      const bool small = r.last_move < 10 * o.tolerance;
      if (rows == Rows::strips && small && r.iterations > 0) {
        widen();
        continue;
      }
      ++r.iterations;
      const bool sane = is_plausible(next.map, h, w) && next.tone.gain > 0.01 && next.tone.gain < 100 &&
                        corner_distance(start.map, next.map, h, w) < o.max_move;
      // A small move whose successor would be well within the tolerance is the last, and is taken without another look
      // at the images, unless it is small because it is damped, or the scale has just changed and moves say nothing of
      // each other.
      if (sane && small && same_scales && damping < 0.2 && rows == Rows::all &&
          r.last_move * ratio < 0.25 * o.tolerance)
        return r.estimate = next, r.ending = Ending::settled, r;
      if (sane) {
        const NormalEquations then = equations(next, rows);
        const double before = now.loss / now.pixels, after = then.pixels > 0 ? then.loss / then.pixels : 1e30;
        const bool kept_overlap = then.pixels >= std::max(least(), 0.5 * now.pixels);
        const double slack = r.last_move < 2 * o.tolerance ? 1e-3 : 1e-6;
        if (kept_overlap && (!same_scales || after <= before * (1 + slack))) {
          if (same_scales) curvature.learn(system, reduced(then, o), now.pixels, then.pixels, step);
          r.estimate = next;
          now = then;
          previous_move = r.last_move;
          damping = damping < 1e-6 ? 0 : damping * 0.1;
          break;
        }
      }
      // Newton's steps go too far where the start is off by more than the residuals. Strips that refuse a small step,
      // or a large one twice, know too little; and no answer is one of strips.
      damping = std::max(10 * damping, o.nearby ? 1.0 : 1e-3);
      if (rows == Rows::strips && (small || damping > 1 || r.iterations >= o.max_iterations)) {
        widen();
        damping = o.damping;
        continue;
      }
      if (r.last_move < o.tolerance) return r.ending = Ending::settled, r;
      if (damping > 1e4 || r.iterations >= o.max_iterations) return r.ending = Ending::stuck, r;
    }
  }
}

}  // namespace lumigrad::registration
