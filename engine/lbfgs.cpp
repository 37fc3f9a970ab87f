// SPDX-License-Identifier: Apache-2.0
// The model of L-BFGS is the inverse H of the second derivative, never stored: it is what the last pairs
// s = x' - x, y = g' - g say about it (H y = s), and `direction` applies it to a gradient in two passes over the pairs.
#include <lumigrad/engine/flat_parameters.h>
#include <lumigrad/engine/optim.h>
#include <lumigrad/engine/tape.h>
#include <algorithm>
#include <cmath>
#include <limits>

namespace lumigrad {
namespace {

constexpr const char* step_name = "lbfgs.step";

struct Point {
  FlatVector x, gradient;
  double loss = std::numeric_limits<double>::infinity();
  double t = 0;      // position on the line, 0 at its start
  double slope = 0;  // of the loss along the line

  bool finite() const { return std::isfinite(loss) && std::isfinite(slope); }
};

double largest(std::span<const double> v) {
  double most = 0;
  for (const double value : v) most = std::isnan(value) ? value : std::max(most, std::abs(value));
  return most;
}

// The minimum, in (a, b), of the cubic with these values and slopes at a and b; the middle where it is of no use.
double cubic_minimum(const Point& a, const Point& b) {
  const double middle = (a.t + b.t) / 2;
  if (!a.finite() || !b.finite()) return middle;
  const double d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t);
  const double square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return middle;
  const double d2 = std::copysign(std::sqrt(square), b.t - a.t);
  const double t = b.t - (b.t - a.t) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
  // Not too close to either end, or the bracket hardly shrinks.
  const double low = std::min(a.t, b.t), width = std::abs(b.t - a.t);
  return std::isfinite(t) ? std::clamp(t, low + 0.1 * width, low + 0.9 * width) : middle;
}

// One search along x + t d. Accepts a point that lowers the loss by a share of the promise and is flat enough.
template <class Evaluate>
class LineSearch {
 public:
  LineSearch(const Evaluate& at, const Point& start, const LbfgsOptions& options)
      : at_(at), start_(start), options_(options), budget_(options.line_evaluations) {}

  // The accepted point; failing that, the lowest one seen below the start; t = 0 if there is none.
  Point from(double t) {
    Point last = start_;
    while (budget_ > 0) {
      Point next = evaluate(t);
      if (too_high(next) || (last.t > 0 && next.loss >= last.loss)) return zoom(last, next);
      if (flat(next)) return next;
      if (next.slope >= 0) return zoom(next, last);
      last = std::move(next);
      t *= 2;
    }
    return best_;
  }

 private:
  Point evaluate(double t) {
    --budget_;
    Point point = at_(t);
    if (point.finite() && !too_high(point) && (best_.t == 0 || point.loss < best_.loss)) best_ = point;
    return point;
  }
  // Negated comparisons: a NaN counts as too high.
  bool too_high(const Point& p) const {
    return !p.finite() || !(p.loss <= start_.loss + options_.armijo * p.t * start_.slope);
  }
  bool flat(const Point& p) const { return std::abs(p.slope) <= -options_.curvature * start_.slope; }

  // Between `low`, the best end of a bracket, and `high` lies an acceptable point.
  Point zoom(Point low, Point high) {
    while (budget_ > 0 && low.t != high.t) {
      Point next = evaluate(cubic_minimum(low, high));
      if (too_high(next) || next.loss >= low.loss) {
        high = std::move(next);
        continue;
      }
      if (flat(next)) return next;
      if (next.slope * (high.t - low.t) >= 0) high = std::move(low);
      low = std::move(next);
    }
    return best_;
  }

  const Evaluate& at_;
  const Point& start_;
  const LbfgsOptions& options_;
  int budget_;
  Point best_;
};

}  // namespace

Lbfgs::Lbfgs(std::vector<Tensor> parameters, LbfgsOptions o) : Optimizer(std::move(parameters)), options(o) {
  require<NumericError>(o.history >= 1, "lbfgs: expected a history of at least 1, got ", o.history);
  require<NumericError>(0 < o.armijo && o.armijo < o.curvature && o.curvature < 1,
                        "lbfgs: expected 0 < armijo < curvature < 1, got ", o.armijo, " and ", o.curvature);
  const auto n = static_cast<std::int64_t>(FlatParameters(parameters_).size());
  steps_ = Tensor::zeros({o.history, n}, DType::f64);
  changes_ = Tensor::zeros({o.history, n}, DType::f64);
  pairs_ = Tensor::zeros({}, DType::i64);
}

State Lbfgs::state() const { return {{"steps", steps_}, {"changes", changes_}, {"pairs", pairs_}}; }

void Lbfgs::check(const State& saved) const {
  const auto found = saved.find("pairs");
  if (found == saved.end() || !found->second.defined()) return;  // load says so
  for (const double value : found->second.values())
    require<FormatError>(value >= 0 && value < 0x1p53, "load: expected a number of pairs >= 0, got ", value);
}

void Lbfgs::remember(std::span<const double> step, std::span<const double> change) {
  // Only pairs along which the slope grew keep the model positive definite.
  const double bend = dot(step, change);
  if (!(bend > 1e-12 * std::sqrt(dot(step, step) * dot(change, change)))) return;
  std::int64_t& pairs = *pairs_.mutable_data<std::int64_t>();
  const std::int64_t row = pairs % steps_.size(0) * steps_.size(1);
  std::copy(step.begin(), step.end(), steps_.mutable_data<double>() + row);
  std::copy(change.begin(), change.end(), changes_.mutable_data<double>() + row);
  ++pairs;
}

std::vector<double> Lbfgs::direction(std::span<const double> gradient) const {
  const std::int64_t history = steps_.size(0), n = steps_.size(1), pairs = *pairs_.data<std::int64_t>();
  const std::int64_t first = std::max<std::int64_t>(0, pairs - history);
  const auto row = [&](const Tensor& table, std::int64_t k) {
    return std::span(table.data<double>() + k % history * n, static_cast<std::size_t>(n));
  };
  FlatVector d = moved(FlatVector(gradient.size()), -1, gradient);
  std::vector<double> weight(static_cast<std::size_t>(pairs - first));
  for (std::int64_t k = pairs - 1; k >= first; --k) {
    const auto s = row(steps_, k), y = row(changes_, k);
    double& a = weight[static_cast<std::size_t>(k - first)] = dot(s, d) / dot(s, y);
    d = moved(d, -a, y);
  }
  if (pairs > first) {  // the size of H, as the latest pair shows it
    const auto s = row(steps_, pairs - 1), y = row(changes_, pairs - 1);
    const double scale = dot(s, y) / dot(y, y);
    for (double& value : d) value *= scale;
  }
  for (std::int64_t k = first; k < pairs; ++k) {
    const auto s = row(steps_, k), y = row(changes_, k);
    d = moved(d, weight[static_cast<std::size_t>(k - first)] - dot(y, d) / dot(s, y), s);
  }
  return d;
}

MinimizationReport Lbfgs::minimize(const Callable<Tensor()>& loss) {
  FlatParameters flat(parameters_);
  MinimizationReport report;
  const auto here = [&] {
    Recording on(true);
    ++report.evaluations;
    Point point;
    point.x = flat.values();
    const Tensor value = loss();
    point.loss = value.item();
    point.gradient = value.needs_grad() ? flat.flat(grad({value}, parameters_)) : FlatVector(flat.size());
    return point;
  };

  Point now;
  now.x = flat.values();
  try {
    now = here();
    report.losses.push_back(now.loss);
    if (!std::isfinite(now.loss) || !std::isfinite(largest(now.gradient))) {
      report.stop = Stop::non_finite;
      report.gradient = largest(now.gradient);
      return report;
    }
    while (true) {
      report.gradient = largest(now.gradient);
      if (report.gradient <= options.gradient_tolerance) {
        report.stop = Stop::gradient;
        break;
      }
      if (report.iterations >= options.iterations) {
        report.stop = Stop::iterations;
        break;
      }
      FlatVector d = direction(now.gradient);
      now.t = 0;
      now.slope = dot(now.gradient, d);
      bool modelled = *pairs_.data<std::int64_t>() > 0;
      if (!(now.slope < 0)) {  // rounding has spoilt the model
        *pairs_.mutable_data<std::int64_t>() = 0;
        d = direction(now.gradient);
        now.slope = dot(now.gradient, d);
        modelled = false;
      }
      const auto at = [&](double t) {
        flat.place(moved(now.x, t, d), step_name);
        Point point = here();
        point.t = t;
        point.slope = dot(point.gradient, d);
        return point;
      };
      // A model knows the length of its step; without one, the first step moves no parameter by more than 1.
      Point next = LineSearch(at, now, options).from(modelled ? 1 : std::min(1.0, 1 / report.gradient));
      if (next.t == 0) {
        if (modelled) {  // once more, straight down
          *pairs_.mutable_data<std::int64_t>() = 0;
          continue;
        }
        report.stop = Stop::stalled;
        break;
      }
      remember(moved(next.x, -1, now.x), moved(next.gradient, -1, now.gradient));
      const double fall = now.loss - next.loss;
      now = std::move(next);
      ++report.iterations;
      report.losses.push_back(now.loss);
      if (fall <= options.loss_tolerance * std::max(std::abs(now.loss), 1.0)) {
        report.gradient = largest(now.gradient);
        report.stop = report.gradient <= options.gradient_tolerance ? Stop::gradient : Stop::loss;
        break;
      }
    }
  } catch (...) {
    flat.place(now.x, step_name);
    throw;
  }
  flat.place(now.x, step_name);
  return report;
}

}  // namespace lumigrad
