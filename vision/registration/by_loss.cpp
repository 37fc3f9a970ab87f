// SPDX-License-Identifier: Apache-2.0
// Coarse to fine, and on each level from what the last one found: map <- map (I + P(q)), with q zero at first, so that
// the derivative is always taken at the identity and every model stays within its group. q is in pixels: P(q) is in
// coordinates centred on the fixed image and scaled to [-1, 1] (as in refinement.h), times two pixels over the width.
#include <lumigrad/vision/registration/by_loss.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/vision/geometry/transform.h>
#include <lumigrad/vision/registration/picture.h>
#include <lumigrad/vision/registration/refinement.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>

namespace lumigrad::registration {
namespace {

Tensor matrix_of(const Matrix3& m) { return Tensor::from(std::vector<double>(m.begin(), m.end()), {3, 3}); }

/// I + P(q), recorded; like step_matrix.
Tensor step_of(Model model, const Tensor& q, double unit) {
  const Tensor s = q * unit;
  if (model == Model::rigid) {
    const Tensor c = cos(slice(s, 0, 2, 3)), d = sin(slice(s, 0, 2, 3)), zero = Tensor::zeros({1}, DType::f64),
                 one = Tensor::ones({1}, DType::f64);
    return reshape(concat({c, neg(d), slice(s, 0, 0, 1), d, c, slice(s, 0, 1, 2), zero, zero, one}, 0), {3, 3});
  }
  const int n = unknowns(model);
  Tensor columns = Tensor::zeros({n, 9}, DType::f64);
  for (int k = 0; k < n; ++k)
    for (std::size_t i = 0; i < 8; ++i)
      columns.mutable_data<double>()[k * 9 + static_cast<int>(i)] = directions(model)[static_cast<std::size_t>(k)][i];
  return reshape(matmul(reshape(s, {1, n}), columns), {3, 3}) + Tensor::eye(3, DType::f64);
}

struct Level {
  Picture fixed, moving;
  int height() const { return static_cast<int>(fixed.values.size(2)); }
  int width() const { return static_cast<int>(fixed.values.size(3)); }
  Matrix3 frame() const { return centred_frame({nullptr, height(), width(), 0}); }
  double unit() const { return 2.0 / std::max(height(), width()); }
};

/// The loss under a motion [3, 3], and how much of the fixed image it is taken over.
Tensor loss_under(const PictureLoss& loss, const Level& level, const Tensor& matrix, double* overlap = nullptr) {
  const Tensor map = unsqueeze(matrix.to(DType::f32), 0);
  const geometry::WarpOptions back{.size = {level.height(), level.width()}, .inverse_map = true};
  Tensor counts;
  {
    const NoGrad plain;
    counts = floor(geometry::warp_perspective(level.moving.counts, map.detach(), back) + 1e-3) * level.fixed.counts;
    if (overlap) *overlap = sum(counts).item() / std::max(1.0, sum(level.fixed.counts).item());
  }
  const Tensor result = loss(level.fixed.values, geometry::warp_perspective(level.moving.values, map, back), counts);
  require<ShapeError>(result.defined() && result.numel() == 1, "register_by: expected one number from the loss");
  return reshape(result, Shape());
}

double loss_at(const PictureLoss& loss, const Level& level, const Matrix3& map) {
  const NoGrad plain;
  double overlap = 0;
  const double value = loss_under(loss, level, matrix_of(map), &overlap).item();
  return overlap > 0.2 && std::isfinite(value) ? value : std::numeric_limits<double>::infinity();
}

struct Descent {
  Matrix3 map = unit_matrix;
  double loss = 0;
  int iterations = 0;
  bool settled = false;
  std::vector<double> curve;
};

/// Goes down from a motion on one level.
Descent descend(const PictureLoss& loss, const Level& level, const Matrix3& from, Model model, const LossOptions& o,
                int iterations) {
  Descent d;
  const Matrix3 frame = level.frame(), back = inverse(frame);
  const Tensor before = matrix_of(from * back), after = matrix_of(frame);
  Tensor q = Tensor::zeros({unknowns(model)}, DType::f64);
  q.requires_grad();
  auto evaluate = [&] {
    return loss_under(loss, level, matmul(matmul(before, step_of(model, q, level.unit())), after)).to(DType::f64);
  };
  std::vector<double> best(static_cast<std::size_t>(unknowns(model)), 0.0);
  if (!o.optimizer) {
    // Losses are computed in f32: less than their rounding is no decrease.
    Lbfgs lbfgs({q}, {.iterations = iterations, .gradient_tolerance = 1e-7, .loss_tolerance = 1e-7});
    const MinimizationReport report = lbfgs.minimize(evaluate);
    best = q.detach().values();
    d.loss = report.loss(), d.iterations = report.evaluations, d.curve = report.losses;
    d.settled = report.converged() || report.stop == Stop::stalled;
  } else {
    const std::unique_ptr<GradientOptimizer> optimizer = o.optimizer({q});
    double least = std::numeric_limits<double>::infinity(), early = least;
    for (int i = 0; i < iterations; ++i, ++d.iterations) {
      optimizer->clear_grad();
      const Tensor value = evaluate();
      d.curve.push_back(value.item());
      if (d.curve.back() < least) least = d.curve.back(), best = q.detach().values();
      if (i == iterations * 3 / 4) early = least;
      value.backward();
      optimizer->step();
    }
    d.loss = least;
    // The last quarter changed next to nothing of what was gained.
    d.settled = !d.curve.empty() && early - least <= 0.02 * (d.curve.front() - least) + 1e-7;
  }
  for (double& v : best) v *= level.unit();
  best.resize(8);
  d.map = scaled_to_unit(from * back * step_matrix(model, best.data()) * frame);
  return d;
}

/// Shifts by up to `reach` steps of a share of the image along each axis, and turns by up to `turns` times 12 degrees,
/// from `origin`.
std::vector<Matrix3> grid_around(const Matrix3& origin, const Level& level, Model model, int reach, double share,
                                 int turns) {
  std::vector<Matrix3> grid;
  const double x = 0.5 * (level.width() - 1), y = 0.5 * (level.height() - 1);
  for (int turn = -turns; turn <= turns; ++turn) {
    if (turn != 0 && model == Model::translation) continue;
    const double a = turn * std::numbers::pi / 15, c = std::cos(a), s = std::sin(a);
    for (int j = -reach; j <= reach; ++j)
      for (int i = -reach; i <= reach; ++i)
        grid.push_back(origin * Matrix3{c, -s, x - c * x + s * y + share * i * level.width(), s, c,
                                        y - s * x - c * y + share * j * level.height(), 0, 0, 1});
  }
  return grid;
}

struct Ranked {
  Matrix3 map;
  double loss;
};

std::vector<Ranked> ranked(const PictureLoss& loss, const Level& level, const std::vector<Matrix3>& maps) {
  std::vector<Ranked> list;
  for (const Matrix3& m : maps)
    if (const double value = loss_at(loss, level, m); std::isfinite(value)) list.push_back({m, value});
  std::stable_sort(list.begin(), list.end(), [](const Ranked& a, const Ranked& b) { return a.loss < b.loss; });
  return list;
}

/// How far the loss at a motion stands out from those around it: (median - loss) / deviation.
double distinctness(const PictureLoss& loss, const Level& level, Model model, const Matrix3& map) {
  std::vector<Ranked> around = ranked(loss, level, grid_around(map, level, model, 3, 0.06, 1));
  const double here = loss_at(loss, level, map);
  if (around.size() < 10 || !std::isfinite(here)) return 0;
  const double median = around[around.size() / 2].loss;
  std::vector<double> off;
  for (const Ranked& r : around) off.push_back(std::fabs(r.loss - median));
  std::nth_element(off.begin(), off.begin() + static_cast<std::ptrdiff_t>(off.size() / 2), off.end());
  return (median - here) / (1.4826 * off[off.size() / 2] + 1e-9);
}

Matrix3 coarser(Matrix3 m, int levels) {
  for (; levels > 0; --levels) m = to_half_size(m);
  return m;
}

}  // namespace

Result register_by(const PictureLoss& loss, const Tensor& fixed, const Tensor& moving, const LossOptions& o) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Level> levels = {{picture_of(fixed, o.fixed_mask, "fixed"), picture_of(moving, o.moving_mask, "moving")}};
  require<ShapeError>(levels[0].fixed.values.size(1) == levels[0].moving.values.size(1),
                      "register_by: expected images of the same channels, got ", fixed.shape(), " and ",
                      moving.shape());
  Result r;
  r.model = o.model;
  r.covariance.fill(std::numeric_limits<double>::infinity());
  r.start = o.start == Start::given ? "given" : "identity";
  if (o.start == Start::given) r.matrix = o.initial;
  auto shortest = [](const Level& l) {
    const Shape &f = l.fixed.values.shape(), &m = l.moving.values.shape();
    return std::min({f[2], f[3], m[2], m[3]});
  };
  if (shortest(levels[0]) < 8) return r.status = Status::no_gradient, r;
  while (shortest(levels.back()) >= 2 * std::max(8, o.smallest))
    levels.push_back({halved(levels.back().fixed), halved(levels.back().moving)});
  const int top = static_cast<int>(levels.size()) - 1;
  const Level& coarsest = levels.back();

  Matrix3 map = coarser(r.matrix, top);
  if (o.start == Start::automatic) {
    std::vector<Matrix3> tried = {map};
    for (const Ranked& g : ranked(loss, coarsest, grid_around(map, coarsest, o.model, 4, 0.075, 2))) {
      const bool known = std::any_of(tried.begin(), tried.end(), [&](const Matrix3& t) {
        return corner_distance(t, g.map, coarsest.height(), coarsest.width()) < 0.1 * coarsest.width();
      });
      if (!known && tried.size() < 5) tried.push_back(g.map);
    }
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < tried.size(); ++k) {
      const Model rough = std::min(o.model, Model::similarity);
      const Descent d = descend(loss, coarsest, tried[k], rough, o, o.iterations);
      r.iterations += d.iterations;
      if (const double value = loss_at(loss, coarsest, d.map); value < least) {
        least = value, map = d.map;
        if (k > 0) r.start = "search";
      }
    }
  }
  Descent last;
  for (int l = top; l >= 0; --l) {
    const Level& level = levels[static_cast<std::size_t>(l)];
    const auto start = std::chrono::steady_clock::now();
    last = descend(loss, level, map, o.model, o, o.iterations);
    if (is_plausible(last.map, level.height(), level.width())) map = last.map;
    r.iterations += last.iterations;
    r.levels.push_back({level.height(), level.width(), last.iterations, last.loss,
                        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()});
    if (l > 0) map = to_double_size(map);
  }
  r.matrix = map;
  r.loss = last.loss;
  r.loss_curve = last.curve;
  r.inlier_ratio = 0;
  {
    const NoGrad plain;
    loss_under(loss, levels[0], matrix_of(map), &r.overlap);
  }
  // Judged where there are pixels enough to tell chance from sense, but not more than that takes.
  int judge = 0;
  while (judge < top && shortest(levels[static_cast<std::size_t>(judge)]) > 150) ++judge;
  r.correlation = distinctness(loss, levels[static_cast<std::size_t>(judge)], o.model, coarser(map, judge));
  if (r.overlap < 0.05)
    r.status = Status::low_overlap;
  else
    r.status = last.settled && r.correlation > o.distinct ? Status::converged : Status::stalled;
  r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return r;
}

}  // namespace lumigrad::registration
