// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/alignment.h>
#include <lumigrad/vision/registration/search.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace lumigrad::registration {
namespace {
double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Level {
  Plane fixed, moving;
  Plane fixed_contrast, moving_contrast;
  LevelPair contrast() const { return {fixed_contrast, moving_contrast}; }
};

std::vector<Model> ladder(Model model) {
  switch (model) {
    case Model::translation: return {Model::translation};
    case Model::rigid: return {Model::translation, Model::rigid};
    case Model::similarity: return {Model::translation, Model::similarity};
    case Model::affine: return {Model::translation, Model::similarity, Model::affine};
    default: return {Model::translation, Model::similarity, Model::affine, Model::homography};
  }
}

}  // namespace

Alignment align(Plane fixed, Plane moving, const AlignmentOptions& o) {
  Alignment out;
  const bool debug = getenv("REGDEBUG");
  double t0 = now();
  std::vector<Level> levels(1);
  levels[0].fixed = std::move(fixed);
  levels[0].moving = std::move(moving);
  auto smallest = [](const Level& l) { return std::min({l.fixed.height(), l.fixed.width(), l.moving.height(), l.moving.width()}); };
  while (smallest(levels.back()) >= 40) {
    Level next;
    next.fixed = halved(levels.back().fixed);
    next.moving = halved(levels.back().moving);
    levels.push_back(std::move(next));
  }
  const int top = static_cast<int>(levels.size()) - 1;
  double t1 = now();
  for (int l = top ? 1 : 0; l <= top; ++l) {
    auto& v = levels[static_cast<std::size_t>(l)];
    v.fixed_contrast = local_contrast(v.fixed, l == top ? 3.0 : 4.0);
    v.moving_contrast = local_contrast(v.moving, l == top ? 3.0 : 4.0);
  }
  double t2 = now();
  const int decide = std::max(0, top - 1);  // about 48 pixels: big enough to tell right from wrong
  auto at = [&](int l) -> Level& { return levels[static_cast<std::size_t>(l)]; };

  RefinementOptions coarse;
  coarse.loss = o.loss;
  coarse.gain_bias = false;
  coarse.damping = 1e-3;
  coarse.samples = 1024;
  coarse.tolerance = 0.02;
  coarse.max_iterations = 8;
  auto climb = [&](Matrix3 map, int from, int to, std::vector<Model> models) {
    Estimate e{map, {}};
    for (int l = from;; --l) {
      for (Model m : models) {
        coarse.model = m;
        coarse.max_move = 0.5 * at(l).fixed.width();
        Refinement r = refine(at(l).contrast(), e, coarse);
        out.iterations += r.iterations;
        if (r.ending != Ending::low_overlap && r.ending != Ending::flat) e = r.estimate;
      }
      if (l == to) break;
      e.map = to_double_size(e.map);
      models = {o.model};
    }
    return e.map;
  };
  auto judge = [&](const Matrix3& map, int l) {
    Samples s = sample_pairs(at(l).fixed_contrast, at(l).moving_contrast, map, 3000);
    double c = correlation(s), v = s.overlap();
    return Candidate{map, v < 0.05 ? 0 : c * std::min(1.0, std::sqrt(v / 0.3))};
  };
  Matrix3 start = unit_matrix;
  if (o.start) start = *o.start;
  for (int l = 0; l < top; ++l) start = to_half_size(start);
  Candidate best = judge(climb(start, top, decide, ladder(o.model)), decide);
  out.start = o.start ? "given" : "identity";
  const double accept = 0.6;
  double t3 = now();
  if (best.score < accept && o.search) {
    for (int round = 0; round < 2 && best.score < accept; ++round) {
      if (round == 1 && o.model == Model::translation) break;
      auto found = search(at(decide).fixed_contrast, at(decide).moving_contrast, round ? full_grid(o.model) : SearchGrid{}, round ? 12 : 2);
      std::vector<Model> models = ladder(o.model);
      for (const Candidate& c : found) {
        Candidate tried = judge(climb(c.map, decide, decide, models), decide);
        if (debug) fprintf(stderr, "   cand %.3f -> %.3f\n", c.score, tried.score);
        if (tried.score > best.score) best = tried, out.start = round ? "search" : "phase correlation";
      }
    }
  }
  double t4 = now();
  Matrix3 map = best.map;
  if (decide > 1) {
    coarse.damping = 0, coarse.tolerance = 0.02;
    map = climb(to_double_size(map), decide - 1, 1, {o.model});
  }
  for (int l = std::min(decide, 1); l > 0; --l) map = to_double_size(map);
  double t5 = now();
  RefinementOptions fine;
  fine.model = o.model;
  fine.loss = o.loss;
  fine.gain_bias = o.gain_bias;
  fine.sampling = getenv("LIN") ? Sampling::bilinear : Sampling::cubic;
  fine.max_iterations = 12;
  fine.tolerance = o.tolerance;
  double s0 = getenv("S0") ? atof(getenv("S0")) : 0.7;
  if (getenv("RW")) fine.width = atof(getenv("RW"));
  Plane f = smoothed(at(0).fixed, s0 * s0), m = smoothed(at(0).moving, s0 * s0);
  Estimate e{map, {}};
  if (o.gain_bias) e.tone = fit_tone(sample_pairs(f, m, map, 4096));
  double t6 = now();
  Refinement r = refine({f, m}, e, fine);
  out.iterations += r.iterations;
  out.matrix = r.estimate.map;
  out.correlation = best.score;
  out.status = best.score > 0.5 ? Status::converged : Status::stalled;
  double t7 = now();
  if (debug)
    fprintf(stderr, "pyr %.2f lcn %.2f start %.2f search %.2f climb %.2f smooth %.2f polish %.2f ms (%d its, end %d) score %.3f %s\n", 1e3 * (t1 - t0), 1e3 * (t2 - t1),
            1e3 * (t3 - t2), 1e3 * (t4 - t3), 1e3 * (t5 - t4), 1e3 * (t6 - t5), 1e3 * (t7 - t6), r.iterations, (int)r.ending, best.score, out.start.c_str());
  return out;
}

}  // namespace lumigrad::registration
