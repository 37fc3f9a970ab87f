// SPDX-License-Identifier: Apache-2.0
// Coarse levels find the motion to a tenth of a pixel on locally normalised images (starts.h). The polish then works on
// the grey levels at full size, where three things would spoil the last hundredth of a pixel and are dealt with first:
// reading between pixels (both images are smoothed a little, and reading by B-splines is part of it), unequal
// sharpness, and uneven light (appearance.h).
#include <lumigrad/vision/registration/alignment.h>
#include <lumigrad/vision/registration/appearance.h>
#include <lumigrad/vision/registration/certainty.h>
#include <lumigrad/vision/registration/starts.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace lumigrad::registration {
namespace {

/// Smoothing for the polish, px^2 of the coarser image: enough for reading to be exact to 1e-3 of the contrast, too
/// little to lose detail.
constexpr double base_smoothing = 0.49;
/// Local correlation below which a result is not believed.
constexpr double believed_agreement = 0.72;

/// The images as the polish compares them.
struct Polish {
  Plane fixed, moving;
  Estimate estimate;
  RefinementOptions options;
  Refinement result;
};

Samples pairs_of(const Polish& p, const Matrix3& map, int count) {
  return sample_pairs(p.fixed, p.moving, map, count, p.options.sampling);
}

void refine_matched(const PyramidLevel& full, const Matrix3& map, Polish& p) {
  p.estimate = {map, {}};
  double difference = 0;
  Sharpness amount = balance(map, full.fixed, base_smoothing, difference);
  p.fixed = smoothed_as_read(full.fixed, amount.fixed);
  p.moving = smoothed_for_reading(full.moving, amount.moving);
  if (p.options.gain_bias) p.estimate.tone = best_tone(pairs_of(p, map, 1024));
  for (int round = 0; round < 3; ++round) {
    const double more = sharpness_difference({p.fixed, p.moving}, p.estimate, amount);
    if (std::fabs(more) < 0.03) break;
    difference = std::clamp(difference + more, -12.0, 12.0);
    const Sharpness next = balance(map, full.fixed, base_smoothing, difference);
    if (next.fixed != amount.fixed) p.fixed = smoothed_as_read(full.fixed, next.fixed);
    if (next.moving != amount.moving) p.moving = smoothed_for_reading(full.moving, next.moving);
    amount = next;
    if (p.options.gain_bias) p.estimate.tone = improved(pairs_of(p, map, 1024), p.estimate.tone);
  }
  // Light is fitted where the images lie on each other: once at the start, and where it is uneven once more after the
  // motion has been mended under the first fit.
  Plane lit = p.options.gain_bias ? relit({p.fixed, p.moving}, p.estimate, 1600) : Plane();
  if (lit.empty()) {
    p.result = refine({p.fixed, p.moving}, p.estimate, p.options);
    return;
  }
  RefinementOptions rough = p.options;
  rough.tolerance = std::max(0.03, rough.tolerance);
  p.result = refine({lit, p.moving}, p.estimate, rough);
  const Estimate between = p.result.estimate;
  if (Plane better = relit({p.fixed, p.moving}, {between.map, p.estimate.tone}, 4096); !better.empty())
    lit = std::move(better);
  p.fixed = std::move(lit);
  const int before = p.result.iterations;
  p.result = refine({p.fixed, p.moving}, between, p.options);
  p.result.iterations += before;
}

/// What is said of a motion that the polish could not better: the grey levels as they are, and no step.
void tell_of_start(const PyramidLevel& full, const Matrix3& map, Polish& p) {
  p.fixed = smoothed_as_read(full.fixed, base_smoothing);
  p.moving = smoothed_for_reading(full.moving, base_smoothing);
  p.estimate = {map, {}};
  if (p.options.gain_bias) p.estimate.tone = fit_tone(pairs_of(p, map, 1024));
  RefinementOptions no_step = p.options;
  no_step.max_iterations = 0;
  p.result = refine({p.fixed, p.moving}, p.estimate, no_step);
}

bool has_structure(const Plane& p) {
  const Spread s = spread(p);
  return std::min(p.height(), p.width()) >= 8 && s.deviation > 1e-5 * std::max(1e-3, std::fabs(s.mean));
}

/// Share of the overlap whose residual lies within three deviations.
double inliers(const Samples& s, const Tone& tone) {
  const double limit = 3 * residual_scale(s, tone);
  std::size_t count = 0;
  for (std::size_t i = 0; i < s.fixed.size(); ++i)
    count +=
        std::fabs(tone.gain * static_cast<double>(s.moving[i]) + tone.bias - static_cast<double>(s.fixed[i])) <= limit;
  return s.fixed.empty() ? 0 : static_cast<double>(count) / static_cast<double>(s.fixed.size());
}

}  // namespace

Alignment align(Plane fixed, Plane moving, const AlignmentOptions& o) {
  Alignment out;
  out.covariance.fill(std::numeric_limits<double>::infinity());
  if (o.start) out.matrix = *o.start, out.start = "given";
  if (!has_structure(fixed) || !has_structure(moving)) return out.status = Status::no_gradient, out;

  const Pyramid pyramid = make_pyramid(std::move(fixed), std::move(moving));
  const PyramidLevel& full = pyramid[0];
  std::vector<LevelReport> reports(pyramid.size());
  for (std::size_t l = 0; l < pyramid.size(); ++l)
    reports[l].height = pyramid[l].fixed.height(), reports[l].width = pyramid[l].fixed.width();
  const FoundStart start = find_start(pyramid, {o.model, o.loss, o.search, o.start}, reports);
  out.start = start.how;

  const auto begin = std::chrono::steady_clock::now();
  Polish polish;
  polish.options = {.model = o.model,
                    .loss = o.loss,
                    .sampling = Sampling::spline,
                    .gain_bias = o.gain_bias,
                    .max_iterations = o.max_iterations,
                    .tolerance = o.tolerance,
                    .nearby = true};
  polish.options.max_move = 0.1 * std::max(full.fixed.width(), full.fixed.height());
  refine_matched(full, start.map, polish);
  const Refinement r = polish.result;
  auto agreement_of = [&](Matrix3 map) {
    for (int l = 0; l < start.level; ++l) map = to_half_size(map);
    return judged(pyramid, start.level, map);
  };
  const double polished = agreement_of(r.estimate.map), unpolished = start.agreement;
  const bool kept =
      is_plausible(r.estimate.map, full.fixed.height(), full.fixed.width()) && polished >= unpolished - 0.05;
  out.matrix = kept ? r.estimate.map : start.map;
  out.correlation = kept ? polished : unpolished;
  if (!kept) tell_of_start(full, start.map, polish);
  const Refinement& told = polish.result;
  out.tone = told.estimate.tone;
  out.loss = told.loss;
  out.loss_curve = told.curve;
  out.loss_breaks = told.breaks;
  const Samples samples = pairs_of(polish, out.matrix, 2048);
  out.overlap = samples.overlap();
  out.inlier_ratio = inliers(samples, out.tone);
  reports[0].iterations += r.iterations;
  reports[0].loss = told.loss;

  const Matrix3 origin = o.start ? *o.start : unit_matrix;
  if (r.ending == Ending::flat)
    out.status = Status::no_gradient;
  else if (out.overlap < 0.05 || r.ending == Ending::low_overlap)
    out.status = Status::low_overlap;
  else if (out.correlation < believed_agreement)
    out.status = !o.search && corner_distance(origin, out.matrix, full.fixed.height(), full.fixed.width()) >
                                  0.5 * full.fixed.width()
                     ? Status::diverged
                     : Status::stalled;
  else if (!kept || (r.ending != Ending::settled && r.last_move > 0.25))
    out.status = Status::stalled;
  else
    out.status = Status::converged;
  if (kept)
    out.covariance =
        corner_covariance({polish.fixed, polish.moving}, r.estimate, polish.options, r.scales[0], r.equations);
  reports[0].seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  for (const LevelReport& l : reports) out.iterations += l.iterations;
  out.levels.assign(reports.rbegin(), reports.rend());
  return out;
}

}  // namespace lumigrad::registration
