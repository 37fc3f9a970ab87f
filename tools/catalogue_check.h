// SPDX-License-Identifier: Apache-2.0
// Everything a catalogue row promises, tried: gradients of every differentiable argument at every sample against finite
// differences, second order where promised (and a clear refusal where not), agreed slopes at kinks, golden points,
// inputs that must be refused, the adjoint dot test of linear operators, and f32 against f64 at the instruction level
// in use; on another device than the CPU also the agreement with the CPU, and that a repetition gives the same bits
// (or, of operators of the CPU alone, that they say so). `lumigrad op check` prints the result, the tests demand that
// it is clean.
#pragma once
#include <lumigrad/engine/catalogue.h>

namespace lumigrad {

struct CheckOptions {
  std::uint64_t seed = 1;
  int samples = 0;     ///< how many; 0: as many as the row has
  Device device = {};  ///< where operators run; the arguments and the arithmetic of the check stay on the CPU
};

/// One thing that was tried.
struct CheckLine {
  std::string check;  ///< "gradient", "second order", "kink", ...
  std::string where;  ///< the sample, kink or refusal, by name
  bool passed = true;
  double deviation = 0;  ///< over what is allowed: fails above 1
  std::string detail = {};
};

struct OperatorCheck {
  std::string name;
  int samples = 0;
  std::vector<CheckLine> lines;
  bool passed() const;
  /// The largest deviation of one kind of check; -1 when there was none.
  double worst(const std::string& check) const;
};

OperatorCheck check_operator(const Operator& op, const CheckOptions& options = {});

/// Completed values with every tensor argument on `device`, recorded.
Values on_device(const Operator& op, const Values& values, Device device);
/// run() with every tensor argument moved to `device` and every result moved back, both recorded.
std::vector<Tensor> run_on(const Operator& op, const Values& values, Device device);
/// The samples a check walks through.
std::vector<Sample> samples_of(const Operator& op, std::uint64_t seed, int count = 0);
/// Names of the arguments of completed values that gradients flow to: exact and almost-everywhere, and, with
/// `surrogates`, those with a stand-in.
std::vector<std::string> live_arguments(const Operator& op, const Values& values, bool surrogates = false);
/// Completed values with every floating tensor as `dtype` (numbers of tensor arguments become tensors).
Values in_dtype(const Operator& op, const Values& values, DType dtype);

/// The outputs, and the gradients of <outputs, seeds> by the live arguments; seeds are random in [-1, 1].
struct ValuesAndGradients {
  std::vector<Tensor> outputs, gradients;
};
ValuesAndGradients differentiate(const Operator& op, const Values& values, std::uint64_t seed, bool surrogates = true,
                                 Device device = {});

}  // namespace lumigrad
