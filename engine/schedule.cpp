// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/schedule.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace lumigrad {

Schedule step_decay(double rate, std::int64_t every, double factor) {
  require<NumericError>(every > 0, "step_decay: expected steps between decays, got ", every);
  return [=](std::int64_t step) { return rate * std::pow(factor, static_cast<double>(step / every)); };
}

Schedule exponential_decay(double rate, double factor) {
  return [=](std::int64_t step) { return rate * std::pow(factor, static_cast<double>(step)); };
}

Schedule cosine_decay(double rate, std::int64_t steps, double last) {
  require<NumericError>(steps > 0, "cosine_decay: expected steps > 0, got ", steps);
  return [=](std::int64_t step) {
    const double part = static_cast<double>(std::min(step, steps)) / static_cast<double>(steps);
    return last + (rate - last) * (1 + std::cos(std::numbers::pi * part)) / 2;
  };
}

Schedule warm_up(std::int64_t steps, Schedule then, double start) {
  require<NumericError>(steps >= 0, "warm_up: expected steps >= 0, got ", steps);
  return [=](std::int64_t step) {
    if (step >= steps) return then(step - steps);
    const double part = static_cast<double>(step) / static_cast<double>(steps);
    return then(0) * (start + (1 - start) * part);
  };
}

ReduceOnPlateau::ReduceOnPlateau(double rate, PlateauOptions o)
    : options(o), state_(Tensor::from(std::vector<double>{rate, std::numeric_limits<double>::infinity(), 0, 0}, {4})) {}

State ReduceOnPlateau::state() const { return {{"plateau", state_}}; }

double ReduceOnPlateau::rate() const { return state_.data<double>()[0]; }

double ReduceOnPlateau::operator()(double loss) {
  auto* s = state_.mutable_data<double>();
  double &rate = s[0], &best = s[1], &waited = s[2], &cooling = s[3];
  const bool first = std::isinf(best) && loss < best;
  if (first || loss < best - options.threshold * std::fabs(best)) {
    best = loss;
    waited = 0;
  } else {
    ++waited;
  }
  if (cooling > 0) {
    --cooling;
    waited = 0;
  }
  if (waited > static_cast<double>(options.patience)) {
    rate = std::max(rate * options.factor, options.smallest);
    cooling = static_cast<double>(options.cooldown);
    waited = 0;
  }
  return rate;
}

void ReduceOnPlateau::load(const State& saved) { restore(state(), saved, "load"); }

}  // namespace lumigrad
