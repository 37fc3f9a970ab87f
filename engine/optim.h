// SPDX-License-Identifier: Apache-2.0
// Optimisers: from gradients to better parameters.
//
// Three families, by what they know of the function they go down on.
//   Sgd, Adam, AdamW, RmsProp           one gradient a step; the program writes the loop:
//     for (...) { optimizer.clear_grad(); loss().backward(); optimizer.step(); }
//   Lbfgs                               a loss that may be evaluated again: a quadratic model grows from the changes of
//                                       the gradient, and a line search keeps it honest
//   GaussNewton, LevenbergMarquardt     a vector of residuals r: half of r'r is the loss, J'J (J = dr/dparameters)
//                                       stands for its second derivative, and a few steps do
// The last three come with `minimize` and say in a report what happened and why they stopped.
//
// All move leaves in place, under NoGrad. Each keeps what it has learned (counts, moments, pairs, damping) in named
// tensors: `state()` goes into a safetensors file, `load()` brings it back, and the run continues bit for bit. Options
// are the program's and are not saved; they may be changed between steps (`adam.options.learning_rate *= 0.5`).
#pragma once
#include <lumigrad/engine/callable.h>
#include <lumigrad/engine/module.h>

namespace lumigrad {

/// What every optimiser has: the leaves it moves, and a state.
class LUMIGRAD_API Optimizer {
 public:
  /// Throws GraphError unless each parameter is a leaf (requires_grad) and none stands there twice.
  explicit Optimizer(std::vector<Tensor> parameters);
  virtual ~Optimizer();
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  const std::vector<Tensor>& parameters() const { return parameters_; }
  /// Forgets the gradients collected so far.
  void clear_grad();
  /// What it has learned, by name. The tensors are the optimiser's own (clone them to keep a snapshot).
  virtual State state() const = 0;
  /// Takes over a state() of an optimiser of the same kind for parameters of the same shapes; FormatError names what
  /// does not fit, and nothing is changed then.
  void load(const State& state);

 protected:
  std::vector<Tensor> parameters_;

 private:
  /// Throws FormatError for values that no state() has. Names and shapes are checked elsewhere.
  virtual void check(const State& saved) const;
};

/// An optimiser that takes a step from the gradients that a sweep left in the parameters. A parameter without a
/// gradient stays as it is.
class LUMIGRAD_API GradientOptimizer : public Optimizer {
 public:
  using Optimizer::Optimizer;
  virtual void step() = 0;
};

struct SgdOptions {
  double learning_rate = 0.01;
  double momentum = 0;      ///< share of the last velocity that is kept, in [0, 1)
  bool nesterov = false;    ///< look ahead along the velocity (needs momentum)
  double weight_decay = 0;  ///< weight of half the squared length of the parameters in the loss
};

/// Gradient descent:  g += decay x;  v = momentum v + g;  x -= rate v  (Nesterov: x -= rate (g + momentum v)).
/// B. T. Polyak, 1964; Y. Nesterov, 1983, in the form of Sutskever et al., On the importance of initialization and
/// momentum in deep learning, 2013, with the rate outside the velocity as in PyTorch.
class LUMIGRAD_API Sgd final : public GradientOptimizer {
 public:
  explicit Sgd(std::vector<Tensor> parameters, SgdOptions options = {});
  SgdOptions options;
  void step() override;
  State state() const override;  ///< velocity.K of the K-th parameter

 private:
  std::vector<Tensor> velocity_;
};

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;    ///< memory of the mean gradient
  double beta2 = 0.999;  ///< memory of the mean squared gradient
  double epsilon = 1e-8;
  double weight_decay = 0;
  bool decoupled_weight_decay = false;  ///< shrink the parameters themselves (AdamW) instead of adding to the gradient
};

/// Steps of about the learning rate in every coordinate, whatever the scale of its gradient:
///   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  x -= rate m/(1 - b1^t) / (sqrt(v/(1 - b2^t)) + epsilon)
/// D. P. Kingma, J. Ba, Adam: a method for stochastic optimization, 2015, algorithm 1; decoupled decay: I. Loshchilov,
/// F. Hutter, 2019.
class LUMIGRAD_API Adam : public GradientOptimizer {
 public:
  explicit Adam(std::vector<Tensor> parameters, AdamOptions options = {});
  AdamOptions options;
  void step() override;
  State state() const override;  ///< mean.K, square.K, and steps [parameters], i64

 private:
  std::vector<Tensor> mean_, square_;
  Tensor steps_;
};

/// Adam with weight decay that shrinks the parameters themselves by rate * decay a step, whatever their gradients'
/// scale (its options say so, whatever they said before). I. Loshchilov, F. Hutter, Decoupled weight decay
/// regularization, 2019.
class LUMIGRAD_API AdamW final : public Adam {
 public:
  explicit AdamW(std::vector<Tensor> parameters, AdamOptions options = {.weight_decay = 0.01});
};

struct RmsPropOptions {
  double learning_rate = 0.01;
  double memory = 0.99;  ///< of the mean squared gradient
  double epsilon = 1e-8;
  double momentum = 0;      ///< share of the last velocity that is kept, in [0, 1)
  double weight_decay = 0;  ///< weight of half the squared length of the parameters in the loss
  bool centered = false;    ///< divide by the deviation of the gradient instead: take the square of its mean off
};

/// Gradients over their usual size:
///   s = a s + (1 - a) g^2;  v = momentum v + g / (sqrt(s) + epsilon);  x -= rate v
/// T. Tieleman, G. Hinton, Neural networks for machine learning, lecture 6.5, 2012; centered: A. Graves, 2013.
class LUMIGRAD_API RmsProp final : public GradientOptimizer {
 public:
  explicit RmsProp(std::vector<Tensor> parameters, RmsPropOptions options = {});
  RmsPropOptions options;
  void step() override;
  State state() const override;  ///< square.K, mean.K and velocity.K of the K-th parameter

 private:
  std::vector<Tensor> square_, mean_, velocity_;
};

/// Why minimize() came back.
enum class Stop {
  gradient,    ///< converged: the gradient is as small as asked
  step,        ///< converged: the next step would change nothing that counts
  loss,        ///< converged: the loss no longer falls
  iterations,  ///< the number of iterations is used up
  stalled,     ///< no step along the model lowers the loss
  singular,    ///< the residuals do not determine all parameters (Gauss-Newton; damping would help)
  non_finite   ///< the loss or its gradient is not finite at the starting point
};
/// "gradient", "step", ...
LUMIGRAD_API std::string to_string(Stop stop);

/// What a minimization did. The parameters stand at the best point it accepted.
struct MinimizationReport {
  Stop stop = Stop::iterations;
  int iterations = 0;          ///< accepted steps
  int evaluations = 0;         ///< of the loss or the residuals
  std::vector<double> losses;  ///< at the start and after each accepted step
  double gradient = 0;         ///< at the end: see gradient_tolerance of the options

  LUMIGRAD_API double loss() const;
  bool converged() const { return stop == Stop::gradient || stop == Stop::step || stop == Stop::loss; }
};

struct LbfgsOptions {
  int iterations = 100;
  int history = 10;                  ///< pairs of steps and gradient changes that make the model
  double gradient_tolerance = 1e-8;  ///< of the largest entry of the gradient
  double loss_tolerance = 1e-14;     ///< of the decrease in one step, relative to max(|loss|, 1)
  double armijo = 1e-4;              ///< share of the promised decrease a step must keep, in (0, curvature)
  double curvature = 0.9;            ///< share of the slope a step may leave, in (armijo, 1)
  int line_evaluations = 25;         ///< of the loss in one line search
};

/// Limited-memory BFGS with a line search for the strong Wolfe conditions. Arithmetic between evaluations is double.
/// J. Nocedal, S. J. Wright, Numerical Optimization, 2006: algorithms 7.4 and 7.5 (two loops), 3.5 and 3.6 (search).
class LUMIGRAD_API Lbfgs final : public Optimizer {
 public:
  explicit Lbfgs(std::vector<Tensor> parameters, LbfgsOptions options = {});
  LbfgsOptions options;  ///< `history` is fixed when it is made
  /// Goes down on `loss`, which computes one number from the parameters each time it is called. When it throws, the
  /// parameters are put back to the best point and the error goes on. A later call continues with the model it has.
  MinimizationReport minimize(const Callable<Tensor()>& loss);
  State state() const override;  ///< steps, changes [history, n] f64, and pairs, i64

 private:
  void check(const State& saved) const override;
  void remember(std::span<const double> step, std::span<const double> change);
  std::vector<double> direction(std::span<const double> gradient) const;

  Tensor steps_, changes_, pairs_;
};

/// Residuals as a function of the parameters: one tensor of any shape, the same at each call.
using Residuals = Callable<Tensor(const std::vector<Tensor>& parameters)>;

/// The matrix dr/dparameters [m, n], f64, of recorded residuals r (m numbers) in leaves of n numbers together.
/// Row i is a reverse sweep with the unit vector e_i. Column j takes two: with a dummy w, g(w) = J'w is a reverse sweep
/// recorded; g is linear in w, and sweeping it back with e_j gives (J')' e_j = J e_j. The cheaper way is taken.
LUMIGRAD_API Tensor residual_jacobian(const Tensor& r, const std::vector<Tensor>& parameters);

struct LeastSquaresOptions {
  int iterations = 50;
  double gradient_tolerance = 1e-10;  ///< of the largest cosine between r and a column of J
  double step_tolerance = 1e-12;      ///< of the length of a step, relative to the parameters'
  double loss_tolerance = 1e-15;      ///< of the decrease in one step, relative to the loss
  double damping = 1e-3;              ///< Levenberg-Marquardt: of the first step, in units of the diagonal of J'J
};

/// Minimizes half of r'r by solving J'J d = -J'r for each step, which is halved until the loss falls. Quadratic
/// convergence where the residuals are small at the solution; J must have full rank.
class LUMIGRAD_API GaussNewton final : public Optimizer {
 public:
  explicit GaussNewton(std::vector<Tensor> parameters, LeastSquaresOptions options = {});
  LeastSquaresOptions options;
  /// When `residuals` throws, the parameters are put back to the best point and the error goes on.
  MinimizationReport minimize(const Residuals& residuals);
  State state() const override;  ///< nothing
};

/// Minimizes half of r'r by (J'J + damping diag(J'J)) d = -J'r: between Gauss-Newton and a short step down the
/// gradient. The damping follows the gain, the decrease of the loss over the decrease that the linear model promised: a
/// step with gain <= 0 is not taken. K. Madsen, H. B. Nielsen, O. Tingleff, Methods for non-linear least squares
/// problems, 2004, section 3.2; scaling by the diagonal: D. Marquardt, 1963.
class LUMIGRAD_API LevenbergMarquardt final : public Optimizer {
 public:
  explicit LevenbergMarquardt(std::vector<Tensor> parameters, LeastSquaresOptions options = {});
  LeastSquaresOptions options;
  /// When `residuals` throws, the parameters are put back to the best point and the error goes on. A later call
  /// continues with the damping it has, after Stop::stalled with that of the options.
  MinimizationReport minimize(const Residuals& residuals);
  State state() const override;  ///< damping [2], f64: its value, and the factor of the next increase

 private:
  void check(const State& saved) const override;

  Tensor damping_;
};

}  // namespace lumigrad
