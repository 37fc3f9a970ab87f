// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/starts.h>

#include <lumigrad/vision/registration/keypoint_start.h>
#include <lumigrad/vision/registration/matched_level.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace lumigrad::registration {
namespace {

/// The models on the way to one: each start is refined through them in turn.
std::vector<Model> ladder(Model model) {
  switch (model) {
    case Model::translation:
      return {Model::translation};
    case Model::rigid:
      return {Model::translation, Model::rigid};
    case Model::similarity:
      return {Model::translation, Model::similarity};
    case Model::affine:
      return {Model::translation, Model::similarity, Model::affine};
    default:
      return {Model::translation, Model::similarity, Model::affine, Model::homography};
  }
}

class Climb {
 public:
  Climb(const Pyramid& pyramid, const StartOptions& options, std::vector<LevelReport>& reports)
      : pyramid_(pyramid),
        reports_(reports),
        model_(options.model),
        top_(static_cast<int>(pyramid.size()) - 1),
        decide_(std::max(std::min(top_, 1), top_ - 1)),
        verify_(std::max(std::min(top_, 1), decide_ - 1)),
        all_(ladder(options.model)) {
    step_.loss = options.loss;
    step_.gain_bias = false;
    step_.damping = 1e-3;
    step_.samples = 400;
    step_.tolerance = 0.02;
    step_.max_iterations = 8;
  }

  int top() const { return top_; }
  int verify() const { return verify_; }

  Candidate first(const Matrix3& at_top) { return lifted(refined(at_top, top_, decide_, all_)); }

  /// Tries the best shifts of some trials and returns the best of what they become. The refined finds, right or wrong
  /// in shift, are added to `family`.
  Candidate best_of(const std::vector<Matrix3>& trials, int level, int count, std::size_t keep,
                    std::vector<Candidate>& family) {
    const PyramidLevel& l = pyramid_[static_cast<std::size_t>(level)];
    std::vector<Candidate> found = search(l.fixed_contrast, l.moving_contrast, trials, count);
    const std::vector<Model> rough(all_.begin(), all_.begin() + std::min<std::ptrdiff_t>(2, std::ssize(all_)));
    for (Candidate& c : found) {
      c = judge(refined(c.map, level, level, rough), level);
      if (const Candidate up = proven(c, level); up.score >= trusted_agreement) return up;
    }
    found = distinct(std::move(found), level, keep);
    for (Candidate& c : found) {
      Candidate more = judge(refined(c.map, level, level, all_), level);
      if (level == decide_ && top_ > decide_) {
        const Candidate wider = judge(refined(to_half_size(c.map), top_, decide_, all_), level);
        if (wider.score > more.score) more = wider;
      }
      if (more.score > c.score) c = more;
      if (const Candidate up = proven(c, level); up.score >= trusted_agreement) return up;
    }
    found = distinct(std::move(found), level, 5);
    family.insert(family.end(), found.begin(), found.begin() + std::min<std::ptrdiff_t>(4, std::ssize(found)));
    Candidate best;
    for (const Candidate& c : found) {
      const Candidate up = level == verify_ ? c : lifted(c.map);
      if (up.score > best.score) best = up;
      if (best.score >= trusted_agreement) break;
    }
    return best;
  }

  /// Takes a motion at the level `decide` to the level `verify`.
  Matrix3 refined(Matrix3 map, int from, int to, const std::vector<Model>& models) {
    const std::vector<Model> last = {model_};
    for (int l = from;; --l) {
      const PyramidLevel& level = pyramid_[static_cast<std::size_t>(l)];
      LevelReport& report = reports_[static_cast<std::size_t>(l)];
      const auto begin = std::chrono::steady_clock::now();
      for (Model m : l == from ? models : last) {
        step_.model = m;
        step_.max_move = 0.5 * std::max(level.fixed.width(), level.fixed.height());
        const MatchedLevel matched = matched_level(pyramid_, l, map);
        const Refinement r =
            refine(matched.contrast, {to_octaves(map, matched.fixed_octaves, matched.moving_octaves), {}}, step_);
        report.iterations += r.iterations;
        report.loss = r.loss;
        if (r.ending != Ending::low_overlap && r.ending != Ending::flat)
          map = to_octaves(r.estimate.map, -matched.fixed_octaves, -matched.moving_octaves);
      }
      report.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      if (l == to) return map;
      map = to_double_size(map);
    }
  }

  /// What becomes of a full-size motion that is right to a few pixels.
  Candidate from_full_size(Matrix3 map) {
    for (int l = 0; l < verify_; ++l) map = to_half_size(map);
    return judge(refined(map, verify_, verify_, {model_}), verify_);
  }

  int decide() const { return decide_; }

 private:
  /// What becomes of a candidate that looks right already, so that the others need not be tried.
  Candidate proven(const Candidate& c, int level) {
    if (c.score < trusted_agreement) return {};
    const Candidate full = judge(refined(c.map, level, level, all_), level);
    if (full.score < trusted_agreement) return {};
    return level == verify_ ? full : lifted(full.map);
  }

  Candidate judge(const Matrix3& map, int level) const { return {map, judged(pyramid_, level, map)}; }

  Candidate lifted(const Matrix3& map) {
    if (verify_ >= decide_) return judge(map, decide_);
    return judge(refined(to_double_size(map), verify_, verify_, {model_}), verify_);
  }

  std::vector<Candidate> distinct(std::vector<Candidate> from, int level, std::size_t count) const {
    const Plane& frame = pyramid_[static_cast<std::size_t>(level)].fixed;
    std::stable_sort(from.begin(), from.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    std::vector<Candidate> kept;
    for (const Candidate& c : from) {
      const bool known = std::any_of(kept.begin(), kept.end(), [&](const Candidate& k) {
        return corner_distance(k.map, c.map, frame.height(), frame.width()) < 3;
      });
      if (!known && kept.size() < count) kept.push_back(c);
    }
    return kept;
  }

  const Pyramid& pyramid_;
  std::vector<LevelReport>& reports_;
  Model model_;
  int top_, decide_,
      verify_;  ///< coarsest; about 48 px, where starts are told apart; about 96 px, where they are judged
  std::vector<Model> all_;
  RefinementOptions step_;
};

}  // namespace

double judged(const Pyramid& pyramid, int level, const Matrix3& map) {
  const MatchedLevel l = matched_level(pyramid, level, map);
  const Matrix3 m = to_octaves(map, l.fixed_octaves, l.moving_octaves);
  const PlaneView &f = l.contrast.fixed, &g = l.contrast.moving;
  const Agreement a = agreement(f, g, m);
  // A close-up covers little of the wide view but is covered by it: the larger share counts.
  const double scale = local_scale(m, {0.5 * (f.width - 1), 0.5 * (f.height - 1)});
  const double grown = scale * scale * f.width * f.height / (static_cast<double>(g.width) * g.height);
  const double overlap = a.overlap * std::clamp(grown, 1.0, 8.0);
  // A steep perspective fits more by chance: its far end sees many pixels as one.
  double nearest = std::numeric_limits<double>::infinity(), furthest = 0;
  for (const Point& c : corners(f.height, f.width)) {
    const double w = m[6] * c.x + m[7] * c.y + m[8];
    nearest = std::min(nearest, w), furthest = std::max(furthest, w);
  }
  const double doubt = furthest > 2 * nearest ? 0.8 : 1;
  return overlap < 0.05 ? 0 : doubt * a.correlation * std::min(1.0, std::sqrt(overlap / 0.3));
}

FoundStart find_start(const Pyramid& pyramid, const StartOptions& o, std::vector<LevelReport>& reports) {
  Climb climb(pyramid, o, reports);
  const int top = climb.top(), decide = climb.decide(), verify = std::min(climb.verify(), decide);
  Matrix3 begin = o.given ? *o.given : unit_matrix;
  for (int l = 0; l < top; ++l) begin = to_half_size(begin);

  FoundStart result;
  result.how = o.given ? "given" : "identity";
  Candidate best = climb.first(begin);
  auto consider = [&](const Candidate& c, const char* how) {
    if (c.score > best.score) best = c, result.how = how;
  };
  std::vector<Candidate> family;
  const PyramidLevel& level = pyramid[static_cast<std::size_t>(decide)];
  if (o.search && best.score < trusted_agreement)
    consider(climb.best_of(turns(Model::translation, level.fixed, level.moving), decide, 8, 4, family),
             "phase correlation");
  auto keypoints = [&](bool thorough) {
    if (const std::optional<Matrix3> map = keypoint_start(pyramid, o.model, thorough))
      consider(climb.from_full_size(*map), "keypoints");
  };
  if (o.search && best.score < trusted_agreement) keypoints(false);
  if (o.search && best.score < trusted_agreement && o.model != Model::translation)
    consider(climb.best_of(turns(o.model, level.fixed, level.moving), decide, 32, 10, family), "search");
  if (o.search && best.score < trusted_agreement && verify < decide) {
    std::stable_sort(family.begin(), family.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    std::vector<Matrix3> trials;
    for (const Candidate& c : family)
      if (trials.size() < 5) trials.push_back(to_double_size(c.map));
    consider(climb.best_of(trials, verify, 8, 4, family), "relocation");
  }
  if (o.search && best.score < trusted_agreement) keypoints(true);

  result.agreement = best.score;
  result.level = verify;
  result.map = best.map;
  if (verify > 1) result.map = climb.refined(to_double_size(result.map), verify - 1, 1, {o.model});
  for (int l = std::min(verify, 1); l > 0; --l) result.map = to_double_size(result.map);
  return result;
}

}  // namespace lumigrad::registration
