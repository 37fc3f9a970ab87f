// SPDX-License-Identifier: Apache-2.0
// Schedules: how large the next step is.
//
// A schedule is a function of the number of steps done, so there is nothing in it to save: a run that continues at step
// 1000 asks for the rate of step 1000. The program hands it over,
//
//   const Schedule rate = warm_up(100, cosine_decay(1e-3, 5000));
//   for (std::int64_t step = 0; step < 5100; ++step) {
//     adam.options.learning_rate = rate(step);
//     ...
//
// ReduceOnPlateau is no function of time: it listens to the loss, and has a state.
#pragma once
#include <lumigrad/engine/callable.h>
#include <lumigrad/engine/module.h>

namespace lumigrad {

/// The learning rate at a step, counted from 0.
using Schedule = Callable<double(std::int64_t step)>;

/// `rate`, times `factor` each time `every` steps are done. Throws NumericError unless every > 0.
LUMIGRAD_API Schedule step_decay(double rate, std::int64_t every, double factor = 0.1);
/// rate factor^step
LUMIGRAD_API Schedule exponential_decay(double rate, double factor);
/// Half a cosine from `rate` at step 0 down to `last` at step `steps` and after. Throws NumericError unless steps > 0.
/// I. Loshchilov, F. Hutter, SGDR, 2017, without restarts.
LUMIGRAD_API Schedule cosine_decay(double rate, std::int64_t steps, double last = 0);
/// A straight line from `start` times the first rate of `then` up to it, `steps` long, and `then` from there. Throws
/// NumericError unless steps >= 0.
LUMIGRAD_API Schedule warm_up(std::int64_t steps, Schedule then, double start = 0);

struct PlateauOptions {
  double factor = 0.1;         ///< of the rate, where the loss has stopped falling
  std::int64_t patience = 10;  ///< losses in a row that may be no better than the best
  double threshold = 1e-4;     ///< what counts as better: by this share of the best
  std::int64_t cooldown = 0;   ///< losses after a reduction that do not count
  double smallest = 0;         ///< rate
};

/// Listens to the loss (of an epoch, say) and reduces the rate when it has not become better for longer than
/// `patience`:
///   adam.options.learning_rate = plateau(loss);
class LUMIGRAD_API ReduceOnPlateau {
 public:
  explicit ReduceOnPlateau(double rate, PlateauOptions options = {});
  PlateauOptions options;
  /// The rate after this loss. One that is not a number is not better.
  double operator()(double loss);
  double rate() const;
  /// "plateau", f64: the rate, the best loss, losses since then, losses still to let pass. The tensor is its own.
  State state() const;
  /// Takes over a state(); FormatError names what does not fit, and nothing is changed then.
  void load(const State& state);

 private:
  Tensor state_;
};

}  // namespace lumigrad
