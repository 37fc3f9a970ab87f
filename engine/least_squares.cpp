// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/dense_least_squares.h>
#include <lumigrad/engine/flat_parameters.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/optim.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/engine/views.h>
#include <algorithm>
#include <cmath>
#include <limits>

namespace lumigrad {
namespace {

// Zeros with a single one.
Tensor unit(const Shape& shape, DType dtype, std::int64_t at) {
  Tensor zeros = Tensor::zeros({shape.numel()}, dtype);
  slice(zeros, 0, at, at + 1).assign(Tensor::ones({1}));
  return reshape(zeros, shape);
}

// Columns of J in the parameters p: two sweeps each.
void fill_columns(const Tensor& r, const std::vector<Tensor>& parameters, Tensor& j) {
  const Tensor w = Tensor::zeros(r.shape(), r.dtype()).requires_grad();
  const std::vector<Tensor> g = grad({r}, parameters, {.seeds = {w}, .create_graph = true});
  std::int64_t column = 0;
  for (const Tensor& gradient : g)
    for (std::int64_t k = 0; k < gradient.numel(); ++k, ++column) {
      if (!gradient.needs_grad()) continue;  // r does not depend on this parameter
      const Tensor seed = unit(gradient.shape(), gradient.dtype(), k);
      const Tensor ju = grad({gradient}, {w}, {.seeds = {seed}, .retain_graph = true})[0];
      select(j, 1, column).assign(reshape(ju, {-1}), "jacobian");
    }
}

// Rows of J: a sweep each.
void fill_rows(const Tensor& r, const std::vector<Tensor>& parameters, Tensor& j) {
  for (std::int64_t i = 0; i < r.numel(); ++i) {
    const Tensor seed = unit(r.shape(), r.dtype(), i);
    const std::vector<Tensor> g = grad({r}, parameters, {.seeds = {seed}, .retain_graph = true});
    const Tensor row = select(j, 0, i);
    std::int64_t begin = 0;
    for (const Tensor& gradient : g) {
      slice(row, 0, begin, begin + gradient.numel()).assign(reshape(gradient, {-1}), "jacobian");
      begin += gradient.numel();
    }
  }
}

double length(std::span<const double> v) { return std::sqrt(dot(v, v)); }

struct Candidate {
  Tensor residuals;  // recorded
  double loss = 0;   // half of r'r
};

// What both methods share: the parameters as a vector, the model at the accepted point, and the books.
class Descent {
 public:
  Descent(const std::vector<Tensor>& parameters, const Residuals& residuals, const LeastSquaresOptions& options,
          const char* step_name)
      : parameters_(parameters), flat_(parameters), residuals_(residuals), options_(options), step_name_(step_name) {
    x_ = flat_.values();
  }

  /// Runs `body(*this)` from the present point; the parameters end at the accepted point in any case.
  template <class Body>
  MinimizationReport run(const Body& body) {
    try {
      const Candidate start = evaluate();
      report_.losses.push_back(start.loss);
      if (std::isfinite(start.loss)) {
        model(start);
        report_.stop = body(*this);
      } else {
        report_.stop = Stop::non_finite;
      }
    } catch (...) {
      flat_.place(x_, step_name_);
      throw;
    }
    flat_.place(x_, step_name_);
    return std::move(report_);
  }

  const LinearizedResiduals& linear() const { return linear_; }
  double loss() const { return report_.losses.back(); }
  bool exhausted() const { return report_.iterations >= options_.iterations; }
  bool flat_gradient() const { return report_.gradient <= options_.gradient_tolerance; }
  bool tiny(std::span<const double> step) const {
    return length(step) <= options_.step_tolerance * (length(x_) + options_.step_tolerance);
  }
  bool no_fall(double before) const { return before - loss() <= options_.loss_tolerance * before; }
  bool finite_model() const { return std::isfinite(report_.gradient); }

  Candidate tried(double t, std::span<const double> step) {
    flat_.place(moved(x_, t, step), step_name_);
    return evaluate();
  }
  void accept(const Candidate& candidate) {
    x_ = flat_.values();
    ++report_.iterations;
    report_.losses.push_back(candidate.loss);
    model(candidate);
  }

 private:
  Candidate evaluate() {
    Recording on(true);
    ++report_.evaluations;
    Candidate candidate{residuals_(parameters_)};
    const std::vector<double> r = candidate.residuals.values();
    candidate.loss = dot(r, r) / 2;
    return candidate;
  }
  void model(const Candidate& at) {
    const Tensor j = residual_jacobian(at.residuals, parameters_);
    linear_ = linearize({j.data<double>(), static_cast<std::size_t>(j.numel())}, at.residuals.values());
    report_.gradient = largest_cosine(linear_);
    for (const double g : linear_.gradient)  // largest_cosine passes over NaN
      if (!std::isfinite(g)) report_.gradient = std::numeric_limits<double>::quiet_NaN();
  }

  const std::vector<Tensor>& parameters_;
  FlatParameters flat_;
  const Residuals& residuals_;
  const LeastSquaresOptions& options_;
  const char* step_name_;
  FlatVector x_;
  LinearizedResiduals linear_;
  MinimizationReport report_;
};

}  // namespace

Tensor residual_jacobian(const Tensor& r, const std::vector<Tensor>& parameters) {
  const std::int64_t m = r.numel(), n = static_cast<std::int64_t>(FlatParameters(parameters).size());
  Tensor j = Tensor::zeros({m, n}, DType::f64);
  if (!r.needs_grad() || m == 0) return j;
  if (2 * n < m)
    fill_columns(r, parameters, j);
  else
    fill_rows(r, parameters, j);
  return j;
}

GaussNewton::GaussNewton(std::vector<Tensor> parameters, LeastSquaresOptions o)
    : Optimizer(std::move(parameters)), options(o) {}

State GaussNewton::state() const { return {}; }

MinimizationReport GaussNewton::minimize(const Residuals& residuals) {
  return Descent(parameters_, residuals, options, "gauss_newton.step").run([](Descent& descent) {
    while (true) {
      if (!descent.finite_model()) return Stop::non_finite;
      if (descent.flat_gradient()) return Stop::gradient;
      if (descent.exhausted()) return Stop::iterations;
      const std::vector<double> step = damped_step(descent.linear(), 0);
      if (step.empty()) return Stop::singular;
      if (descent.tiny(step)) return Stop::step;
      const double before = descent.loss();
      bool taken = false;
      for (double t = 1; t > 1e-4 && !taken; t /= 2) {
        const Candidate next = descent.tried(t, step);
        taken = next.loss < before;  // false for NaN
        if (taken) descent.accept(next);
      }
      if (!taken) return Stop::stalled;
      if (descent.no_fall(before)) return Stop::loss;
    }
  });
}

LevenbergMarquardt::LevenbergMarquardt(std::vector<Tensor> parameters, LeastSquaresOptions o)
    : Optimizer(std::move(parameters)), options(o) {
  require<NumericError>(o.damping > 0, "levenberg_marquardt: expected damping > 0, got ", o.damping);
  damping_ = Tensor::from(std::vector<double>{o.damping, 2}, {2});
}

State LevenbergMarquardt::state() const { return {{"damping", damping_}}; }

void LevenbergMarquardt::check(const State& saved) const {
  const auto found = saved.find("damping");
  if (found == saved.end() || !found->second.defined()) return;  // load says so
  for (const double value : found->second.values())
    require<FormatError>(value > 0 && std::isfinite(value), "load: expected a damping > 0, got ", value);
}

MinimizationReport LevenbergMarquardt::minimize(const Residuals& residuals) {
  return Descent(parameters_, residuals, options, "levenberg_marquardt.step").run([this](Descent& descent) {
    double& damping = damping_.mutable_data<double>()[0];
    double& growth = damping_.mutable_data<double>()[1];
    bool refused = false;  // since the last step taken
    const auto forget = [&] {
      damping = options.damping;
      growth = 2;
    };
    // What was learned where nothing helps is of no use to a later call.
    const auto stalled = [&] {
      forget();
      return Stop::stalled;
    };
    while (true) {
      if (!descent.finite_model()) return Stop::non_finite;
      if (descent.flat_gradient()) return Stop::gradient;
      if (descent.exhausted()) return Stop::iterations;
      const std::vector<double> step = damped_step(descent.linear(), damping);
      if (!step.empty()) {
        if (descent.tiny(step)) {
          // Small because the minimum is near; or because of damping: when no longer step would do, or left over from
          // an earlier call.
          if (refused) return stalled();
          if (!(damping > options.damping)) return Stop::step;
          forget();
          continue;
        }
        const double before = descent.loss();
        const Candidate next = descent.tried(1, step);
        const double gain = (before - next.loss) / promised_decrease(descent.linear(), step);
        if (gain > 0) {  // false for NaN
          descent.accept(next);
          damping = std::max(damping * std::max(1.0 / 3, 1 - std::pow(2 * gain - 1, 3)), 1e-15);
          growth = 2;
          refused = false;
          if (descent.no_fall(before)) return Stop::loss;
          continue;
        }
      }
      refused = true;
      damping *= growth;
      growth *= 2;
      if (!(damping < 1e30)) return stalled();
    }
  });
}

}  // namespace lumigrad
