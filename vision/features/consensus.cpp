// SPDX-License-Identifier: Apache-2.0
// Which motion do the matches agree on, when most of them may be wrong?
//
// A keypoint is more than a point: it has a size and a direction. So a single match already is a similarity, right near
// itself whatever the camera did, and trying each of the best few hundred needs no luck. Four matches are a homography;
// drawing them from the most certain first finds a good four early. Either kind of hypothesis is only a seed: the
// quality it reaches counts after it has been refined on all matches that agree, first widely, then closely.
//
// Quality. A match at distance r from where the motion puts it is an inlier for some noise levels and not for others.
// With the level unknown up to a greatest one s (limit = 3.03 s holds 99 in 100), integrating over it leaves the weight
//   w(r) = erfc(r / (s sqrt 2)) - erfc(limit / (s sqrt 2))
// and the loss integral of r w(r) dr, which is tabulated over r^2.
#include <lumigrad/engine/philox.h>
#include <lumigrad/vision/features/planar_fit.h>

#include <algorithm>
#include <cmath>

namespace lumigrad::features {
namespace {

constexpr int table_size = 512;

struct MarginalLoss {
  std::array<double, table_size + 1> weight{}, quality{};  // over r^2 / limit^2
};

const MarginalLoss& marginal_loss() {
  static const MarginalLoss table = [] {
    MarginalLoss t;
    const double k = 3.0349, end = std::erfc(k / std::sqrt(2.0)), top = 1 - end;
    auto weight = [&](double share) { return (std::erfc(share * k / std::sqrt(2.0)) - end) / top; };
    for (int i = 0; i <= table_size; ++i)
      t.weight[static_cast<std::size_t>(i)] = weight(std::sqrt(static_cast<double>(i) / table_size));
    // Over q = r^2 the loss is half of the integral of w dq.
    double sum = 0;
    std::array<double, table_size + 1> loss{};
    for (std::size_t i = 1; i <= table_size; ++i) loss[i] = sum += 0.5 * (t.weight[i] + t.weight[i - 1]);
    for (std::size_t i = 0; i <= table_size; ++i) t.quality[i] = 1 - loss[i] / sum;
    return t;
  }();
  return table;
}

class Search {
 public:
  Search(std::vector<Correspondence> pairs, const ConsensusOptions& options, double unit)
      : pairs_(std::move(pairs)), options_(options), limit_(options.limit * unit), weights_(pairs_.size()) {}

  double quality(const Matrix3& m, double limit) const {
    const MarginalLoss& loss = marginal_loss();
    const double scale = table_size / (limit * limit);
    double sum = 0;
    for (const Correspondence& p : pairs_) {
      const double at = squared_error(m, p) * scale;
      if (at < table_size) sum += loss.quality[static_cast<std::size_t>(at)];
    }
    return sum;
  }

  /// Refines a seed on all matches that agree: through simpler motions and wide limits to the wanted ones.
  void grow(Matrix3 m, bool from_one) {
    const double widest = from_one ? 8 : 2;
    for (double wide = widest; wide >= 1; wide *= 0.5)
      for (int round = 0; round < (wide > 1 ? 2 : 4); ++round) {
        const double support = weigh(m, wide * limit_);
        const Planar motion = std::min(options_.motion, affordable(support, wide));
        Matrix3 next = m;
        if (support < 3 || !fit_step(pairs_, weights_, motion, next)) return;
        m = next;
        const double now = quality(m, limit_);
        if (now > best_quality_) best_quality_ = now, best_ = m;
      }
  }

  void seeds_of_one() {
    const std::size_t count = std::min<std::size_t>(pairs_.size(), 400);
    struct Seed {
      double quality;
      std::size_t index;
    };
    std::vector<Seed> seeds;
    for (std::size_t i = 0; i < count; ++i) seeds.push_back({quality(frame_motion(pairs_[i]), 8 * limit_), i});
    std::stable_sort(seeds.begin(), seeds.end(), [](const Seed& a, const Seed& b) { return a.quality > b.quality; });
    for (std::size_t i = 0; i < std::min<std::size_t>(seeds.size(), 12); ++i)
      grow(frame_motion(pairs_[seeds[i].index]), true);
  }

  void seeds_of_four() {
    const std::size_t n = pairs_.size();
    double wanted = options_.trials;
    double best_seed = 0;
    for (int trial = 0; trial < options_.trials && trial < wanted; ++trial) {
      // The pool grows from the most certain matches to all of them over the first half of the trials.
      const double share = std::min(1.0, 2.0 * (trial + 1) / options_.trials);
      const auto pool = std::min(n, 8 + static_cast<std::size_t>(share * share * static_cast<double>(n)));
      Matrix3 m;
      if (!through_four(pairs_, draw(trial, pool), m)) continue;
      const double q = quality(m, limit_);
      if (q <= best_seed) continue;
      best_seed = q;
      grow(m, false);
      // So many trials draw four right ones with 0.999.
      const double right = std::min(0.99, best_quality_ / static_cast<double>(n));
      wanted = std::log(1e-3) / std::log1p(-std::pow(right, 4));
    }
  }

  const Matrix3& best() const { return best_; }
  double best_quality() const { return best_quality_; }
  const std::vector<Correspondence>& pairs() const { return pairs_; }
  double limit() const { return limit_; }

 private:
  double weigh(const Matrix3& m, double limit) {
    const MarginalLoss& loss = marginal_loss();
    const double scale = table_size / (limit * limit);
    double support = 0;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const double at = squared_error(m, pairs_[i]) * scale;
      weights_[i] = at < table_size ? loss.weight[static_cast<std::size_t>(at)] : 0;
      support += weights_[i];
    }
    return support;
  }

  /// How many unknowns that much support determines without following single matches.
  static Planar affordable(double support, double wide) {
    if (support < 6 || wide > 4) return Planar::similarity;
    return support < 12 || wide > 2 ? Planar::affine : Planar::homography;
  }

  /// Four different matches of the first `pool`.
  std::array<std::size_t, 4> draw(int trial, std::size_t pool) const {
    std::array<std::size_t, 4> four{};
    std::size_t have = 0;
    for (std::uint32_t more = 0; have < 4; ++more) {
      const Words4 words = philox(options_.seed ^ 0x636f6e73u, {{static_cast<std::uint32_t>(trial), more, 0, 0}});
      for (const std::uint32_t word : words.word) {
        const auto pick = static_cast<std::size_t>((std::uint64_t{word} * pool) >> 32);
        if (have < 4 && std::find(four.begin(), four.begin() + static_cast<std::ptrdiff_t>(have), pick) ==
                            four.begin() + static_cast<std::ptrdiff_t>(have))
          four[have++] = pick;
      }
    }
    return four;
  }

  std::vector<Correspondence> pairs_;
  const ConsensusOptions& options_;
  double limit_;
  std::vector<double> weights_;
  Matrix3 best_ = unit_matrix;
  double best_quality_ = 0;
};

}  // namespace

Consensus consensus(const Features& a, const Features& b, const std::vector<Match>& matches,
                    const ConsensusOptions& options) {
  Consensus result;
  if (matches.size() < 4) return result;
  const auto n = static_cast<double>(matches.size());
  double ax = 0, ay = 0, bx = 0, by = 0, spread = 0;
  auto point = [](const Features& f, int i) -> const Keypoint& { return f.points[static_cast<std::size_t>(i)]; };
  for (const Match& m : matches) {
    ax += static_cast<double>(point(a, m.a).x) / n, ay += static_cast<double>(point(a, m.a).y) / n;
    bx += static_cast<double>(point(b, m.b).x) / n, by += static_cast<double>(point(b, m.b).y) / n;
  }
  for (const Match& m : matches)
    spread += (std::hypot(static_cast<double>(point(a, m.a).x) - ax, static_cast<double>(point(a, m.a).y) - ay) +
               std::hypot(static_cast<double>(point(b, m.b).x) - bx, static_cast<double>(point(b, m.b).y) - by)) /
              (2 * n);
  if (!(spread > 0)) return result;
  // Centred and scaled, all unknowns have like size.
  const double unit = 1 / spread;
  std::vector<Correspondence> pairs;
  for (const Match& m : matches) {
    const Keypoint &p = point(a, m.a), &q = point(b, m.b);
    pairs.push_back({(static_cast<double>(p.x) - ax) * unit, (static_cast<double>(p.y) - ay) * unit,
                     (static_cast<double>(q.x) - bx) * unit, (static_cast<double>(q.y) - by) * unit,
                     static_cast<double>(q.scale) / static_cast<double>(p.scale),
                     static_cast<double>(p.angle) - static_cast<double>(q.angle)});
  }
  Search search(std::move(pairs), options, unit);
  search.seeds_of_one();
  search.seeds_of_four();
  if (!(search.best_quality() > 0)) return result;
  const Matrix3& h = search.best();
  const std::vector<Correspondence>& all = search.pairs();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (squared_error(h, all[i]) < search.limit() * search.limit()) result.inliers.push_back(static_cast<int>(i));
  result.quality = search.best_quality();
  const Matrix3 from = {spread, 0, bx, 0, spread, by, 0, 0, 1},
                to = {unit, 0, -ax * unit, 0, unit, -ay * unit, 0, 0, 1};
  result.matrix = scaled_to_unit(from * h * to);
  return result;
}

}  // namespace lumigrad::features
