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

NormalEquations sum_of_equations(const std::vector<Plane>& fixed, const std::vector<Plane>& moved, const Estimate& e,
                                 const RefinementOptions& o, const std::vector<double>& scales,
                                 std::vector<float>& scratch) {
  NormalEquations total{};
  for (std::size_t k = 0; k < fixed.size(); ++k) {
    NormalEquations n;
    alignment_kernels(simd_level()).accumulate(make_pass({fixed[k], moved[k]}, e, o, scales[k], scratch), n);
    for (int i = 0; i < 10; ++i) {
      total.gradient[i] += n.gradient[i];
      for (int j = 0; j < 10; ++j) total.hessian[i][j] += n.hessian[i][j];
    }
    total.loss += n.loss, total.weight += n.weight, total.pixels += n.pixels;
  }
  return total;
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
      make_pass({{nullptr, height, width, 0}, moving}, {map, {}}, {.sampling = Sampling::cubic}, 1, scratch);
  pass.x0 = 1;  // the first column that is read is x0 - 1
  for (int y = 0; y < height; ++y) alignment_kernels(simd_level()).sample(pass, y, width, to.row(y));
  for (int y = 0; y < height; ++y)
    for (std::ptrdiff_t x = width; x < to.stride(); ++x) to.row(y)[x] = nan;
  to.masked = true;
  return to;
}

Refinement refine_together(const std::vector<Plane>& fixed, const std::vector<Plane>& moved,
                           const RefinementOptions& options) {
  RefinementOptions o = options;
  o.gain_bias = false;
  Refinement r;
  const PlaneView& frame_of = fixed[0];
  const Matrix3 frame = centred_frame(frame_of), back = inverse(frame);
  std::vector<double> scales;
  for (std::size_t k = 0; k < fixed.size(); ++k)
    scales.push_back(o.width * residual_scale(sample_pairs(fixed[k], moved[k], unit_matrix, o.samples), {}));
  std::vector<float> scratch;
  NormalEquations now = sum_of_equations(fixed, moved, r.estimate, o, scales, scratch);
  const double least = 24.0 * static_cast<double>(fixed.size());
  double damping = o.damping;
  while (true) {
    if (now.pixels < least) return r.ending = Ending::low_overlap, r;
    r.pixels = now.pixels, r.loss = now.loss / now.pixels;
    r.curve.push_back(r.loss);
    if (r.iterations >= o.max_iterations) return r.ending = Ending::out_of_iterations, r;
    while (true) {
      double step[10];
      if (!damped_step(now, o, damping, step)) return r.ending = Ending::flat, r;
      Estimate next;
      next.map = scaled_to_unit(r.estimate.map * back * step_matrix(o.model, step) * frame);
      r.last_move = corner_distance(r.estimate.map, next.map, frame_of.height, frame_of.width);
      ++r.iterations;
      if (is_plausible(next.map, frame_of.height, frame_of.width) &&
          corner_distance(unit_matrix, next.map, frame_of.height, frame_of.width) < o.max_move) {
        const NormalEquations then = sum_of_equations(fixed, moved, next, o, scales, scratch);
        if (then.pixels >= std::max(least, 0.5 * now.pixels) && then.loss / then.pixels <= r.loss * (1 + 1e-6)) {
          r.estimate = next, now = then;
          damping = damping < 1e-6 ? 0 : 0.1 * damping;
          if (r.last_move < o.tolerance) return r.ending = Ending::settled, r;
          break;
        }
      }
      if (r.last_move < o.tolerance) return r.ending = Ending::settled, r;
      damping = std::max(10 * damping, 1e-3);
      if (damping > 1e4 || r.iterations >= o.max_iterations) return r.ending = Ending::stuck, r;
    }
  }
}

}  // namespace lumigrad::registration
