// SPDX-License-Identifier: Apache-2.0
// Local correlation, normalised gradients and comparisons with neighbours have a least-squares form: the moving image
// is brought onto the fixed one by the motion found so far, both become pictures of structure in the same frame, and
// the fused pass finds what is left of the motion; twice, since a turn or a change of scale changes structure too.
// Mutual information has none and goes through the tape.
#include <lumigrad/vision/registration/measure.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/losses/similarity.h>
#include <lumigrad/vision/registration/appearance.h>
#include <lumigrad/vision/registration/by_loss.h>
#include <lumigrad/vision/registration/picture.h>
#include <lumigrad/vision/registration/starts.h>
#include <lumigrad/vision/registration/structure.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace lumigrad::registration {
namespace {

/// Smoothing before structure is taken, px^2 of the coarser image.
constexpr double structure_smoothing = 0.8;
/// As for grey levels: local correlation below which a result is not believed.
constexpr double believed_agreement = 0.72;

Plane plane_of(const Picture& p) {
  const int h = static_cast<int>(p.values.size(2)), w = static_cast<int>(p.values.size(3));
  Plane to(h, w);
  const Tensor dense = p.values.contiguous();
  const float *from = dense.data<float>(), *counts = p.counts.data<float>();
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      const bool used = counts[y * w + x] != 0;
      to.row(y)[x] = used ? from[y * w + x] : std::numeric_limits<float>::quiet_NaN();
      to.masked |= !used;
    }
  return to;
}

std::array<double, 2> range_of(const Picture& p) {
  const std::vector<double> v = p.values.values(), used = p.counts.values();
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (std::size_t i = 0; i < v.size(); ++i)
    if (used[i] != 0) low = std::min(low, v[i]), high = std::max(high, v[i]);
  return high > low ? std::array{low, high} : std::array{0.0, 1.0};
}

Result by_information(const Tensor& fixed, const Tensor& moving, const Options& o, const Result* near) {
  const Picture f = grey_picture_of(fixed, o.fixed_mask, "fixed"), m = grey_picture_of(moving, o.moving_mask, "moving");
  const std::array<double, 2> of_f = range_of(f), of_m = range_of(m);
  auto loss = [&](const Tensor& still, const Tensor& moved, const Tensor& counts) {
    losses::MutualInformation options;
    // About as many bins as the pixels of a level can fill.
    options.bins = std::clamp(static_cast<int>(1.5 * std::cbrt(static_cast<double>(counts.numel()))), 12, 40);
    options.window = losses::Parzen::bspline;
    options.range_a = of_f, options.range_b = of_m;
    options.mask = counts;
    return losses::normalized_mutual_information_loss(still, moved, options);
  };
  LossOptions by{.model = o.model,
                 .fixed_mask = o.fixed_mask,
                 .moving_mask = o.moving_mask,
                 .start = near ? Start::given : o.start,
                 .initial = near ? near->matrix : o.initial,
                 .distinct = 12};
  Result r = register_by(loss, select(f.values, 0, 0), select(m.values, 0, 0), by);
  r.measure = o.measure;
  if (near) r.start = near->start;
  return r;
}

void by_structure(const Tensor& fixed, const Tensor& moving, const Options& o, Result& r) {
  Plane f = plane_of(grey_picture_of(fixed, o.fixed_mask, "fixed"));
  Plane m = plane_of(grey_picture_of(moving, o.moving_mask, "moving"));
  const int h = f.height(), w = f.width();
  if (r.status == Status::no_gradient) return;
  const Sharpness amount = balance(r.matrix, f, structure_smoothing, 0);
  Plane smooth_f = smoothed_as_read(f, amount.fixed), smooth_m = smoothed_for_reading(m, amount.moving);
  smooth_f.masked = smooth_m.masked = true;
  const std::vector<Plane> fixed_channels = channels(o.measure, smooth_f);
  RefinementOptions options = {.model = o.model,
                               .loss = o.loss,
                               .gain_bias = false,
                               .max_iterations = o.max_iterations,
                               .tolerance = o.tolerance};
  options.max_move = 0.1 * std::max(h, w);
  Matrix3 map = r.matrix;
  Refinement last;
  for (int round = 0; round < 2; ++round) {
    const std::vector<Plane> moved_channels = channels(o.measure, brought(smooth_m, map, h, w));
    std::vector<LevelPair> pairs;
    for (std::size_t k = 0; k < fixed_channels.size(); ++k) pairs.push_back({fixed_channels[k], moved_channels[k]});
    last = refine(pairs, {}, options);
    if (last.ending == Ending::low_overlap || last.ending == Ending::flat) break;
    map = scaled_to_unit(map * last.estimate.map);
    r.iterations += last.iterations;
  }
  const Pyramid pyramid = make_pyramid(std::move(f), std::move(m));
  const int level = std::max(std::min(1, static_cast<int>(pyramid.size()) - 1), static_cast<int>(pyramid.size()) - 3);
  auto agreement_of = [&](Matrix3 at) {
    for (int l = 0; l < level; ++l) at = to_half_size(at);
    return judged(pyramid, level, at);
  };
  const double before = agreement_of(r.matrix), after = agreement_of(map);
  const bool ended = last.ending == Ending::settled || last.last_move < 0.25, plausible = is_plausible(map, h, w);
  if (plausible && after >= before) {
    r.matrix = map;
    r.correlation = after;
    r.measure = o.measure;
    r.loss = last.loss, r.loss_curve = last.curve, r.loss_breaks = last.breaks;
    if (r.status != Status::low_overlap)
      r.status = ended && after >= believed_agreement ? Status::converged : Status::stalled;
  } else if (r.status == Status::converged && (!plausible || after < before - 0.05)) {
    r.status =
        Status::stalled;  // otherwise the motion stays, which the grey levels had found as well as structure does
  }
  r.covariance.fill(std::numeric_limits<double>::infinity());
}

}  // namespace

Result register_by_measure(const Tensor& fixed, const Tensor& moving, const Options& o) {
  const auto begin = std::chrono::steady_clock::now();
  Options plain = o;
  plain.measure = Measure::intensity;
  Result r = register_images(fixed, moving, plain);
  if (o.measure != Measure::mutual_information) {
    by_structure(fixed, moving, o, r);
  } else if (r.status != Status::no_gradient) {
    r = by_information(fixed, moving, o, o.start == Start::automatic && r.converged() ? &r : nullptr);
  }
  r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return r;
}

}  // namespace lumigrad::registration
