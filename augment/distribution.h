// SPDX-License-Identifier: Apache-2.0
// Distributions whose ends can be learned.
//
// A random parameter of an augmentation, the angle of a rotation say, is not a number but a distribution. What may be
// learned about it are its ends. So a draw is written as a function of the ends and of noise that does not depend on
// them:
//
//     value = low + (high - low) u          u uniform in [0, 1):    d value / d low = 1 - u,  d value / d high = u
//     value = mean + deviation z            z standard normal:      d value / d mean = 1,     d value / d deviation = z
//
// That arithmetic is recorded on the tape like any other, and the gradient of a loss reaches the ends. Averaged over
// draws it is the gradient of the expected loss, without bias (D. P. Kingma, M. Welling, Auto-encoding variational
// Bayes, 2014: the reparameterisation). Nothing is skipped at neutral values: the strength of a jitter that starts at 0
// has a gradient there.
//
// The noise is a pure function of seed, sample and name (engine/random.h), so a draw can be repeated under other ends:
// that is what replay means, and how the gradients are checked (gradient_check.h).
//
// The ends are tensors, read at each draw and kept by handle. Who changes one (an optimiser, load(), assign()) changes
// the next draw; there is no copy to go stale. They are f64, whatever the images are: a draw is the same for f32 and
// f64 images.
#pragma once
#include <lumigrad/engine/random.h>

namespace lumigrad::augment {

/// What a parameter is when nothing happens, and where its values must lie.
struct Domain {
  double neutral = 0;
  double lowest = -__builtin_inf();  // infinity: programs need not read <limits> for it
  double highest = __builtin_inf();
};

/// How one number is drawn. A value: copies share their ends.
class LUMIGRAD_API Distribution {
 public:
  enum class Kind {
    spread,       ///< uniform within `magnitude` of the neutral value (cut at the domain's ends)
    uniform,      ///< uniform in [low, high); should learning exchange the ends, between them all the same
    normal,       ///< mean + deviation z
    log_uniform,  ///< exp of uniform in [log low, log high); both > 0
    log_normal,   ///< exp(mean + deviation z)
    constant      ///< value
  };

  /// Not given: the augmentation has a default.
  Distribution() = default;
  /// A spread: `.brightness = 0.2` is uniform in [0.8, 1.2], `.angle = 30_deg` in [-30, 30] degrees. A tensor that
  /// requires gradients is kept as it is, so that it learns.
  template <class T>
  requires std::is_arithmetic_v<T> Distribution(T magnitude) : Distribution(Tensor(magnitude)) {}
  Distribution(const Tensor& magnitude);
  /// Uniform: `.brightness = {0.7, 1.1}`. Throws NumericError unless low <= high.
  Distribution(const Tensor& low, const Tensor& high);
  /// Of any kind with its ends in the order of names(kind): one number each. Throws ShapeError for other counts or
  /// shapes, NumericError for values that are not finite. The order of ends is not checked: learning may exchange them.
  Distribution(Kind kind, std::vector<Tensor> ends);

  /// These throw NumericError unless low <= high (and > 0 for logarithms), deviation >= 0.
  static Distribution uniform(const Tensor& low, const Tensor& high);
  static Distribution normal(const Tensor& mean, const Tensor& deviation);
  static Distribution log_uniform(const Tensor& low, const Tensor& high);
  static Distribution log_normal(const Tensor& mean, const Tensor& deviation);
  static Distribution constant(const Tensor& value);

  bool defined() const;
  Kind kind() const { return kind_; }
  /// The ends; the handles are the distribution's own.
  const std::vector<Tensor>& ends() const { return ends_; }
  /// What the ends are called: {"low", "high"}, {"magnitude"}, ...
  const std::vector<const char*>& names() const { return names(kind_); }
  static const std::vector<const char*>& names(Kind kind);

  /// Makes leaves of the ends (or plain numbers again). A constant has nothing to learn but its value.
  void learn(bool on = true);

  /// Values [count] f64 of samples 0, 1, ... of the generator, recorded. A value outside the domain is moved to its
  /// end, with slope 0 beyond it.
  Tensor draw(const Generator& generator, std::int64_t count, const Domain& domain) const;
  /// The smallest and largest value, or of normal kinds the mean less and plus three deviations.
  std::pair<double, double> range(const Domain& domain) const;

 private:
  Kind kind_ = Kind::constant;
  std::vector<Tensor> ends_;
};

/// "uniform", "log_normal", ...; and back (FormatError).
LUMIGRAD_API std::string to_string(Distribution::Kind kind);
LUMIGRAD_API Distribution::Kind parse_distribution(std::string_view name);

/// A number of a program as an f64 tensor of rank 0 that may become a leaf: a leaf is kept as it is.
LUMIGRAD_API Tensor learnable(const char* what, const Tensor& number);

}  // namespace lumigrad::augment
