// SPDX-License-Identifier: Apache-2.0
// The parameter-gradient check: is what the tape says about a range or a probability the derivative of the expected
// loss?
//
// Draws are made in groups. For every end of every distribution a group has two numbers under the same noise: g, the
// gradient that a sweep gives, and d, the central difference of the group's mean loss as the end moves. Both estimate
// the derivative of the expectation. Both are noisy, but they share the noise. Groups are added until the standard
// error of the mean of g is at most 2 % of it; then the two must agree:
//
//     | mean g - mean d |  <=  3 standard errors of (g - d)  +  1e-5 of their size (what differences lose)
//
// A derivative that is zero by nature never gets there; it is checked apart: mean g and mean d within 3 standard errors
// of zero (or of rounding).
//
// Where it is asked: with uniform ranges well inside the domain; with ranges of no extent at the neutral value (nothing
// happens, but the gradient must be there; warps read bicubically for this, since the bilinear weights have a kink at
// whole positions and no derivative; volumes are left out here); with a spread, inside and at 0, where by symmetry the
// derivative is zero. Numbers that move a jump of the operator (Parameter::moves_jump) are left out: no sweep sees what
// a jump contributes.
//
// Probabilities, by estimator (gate.h), against what each promises:
//   straight_through   the exact derivative L(y) - L(x) for a loss that is linear in the image; p = 0, 0.3, 1
//   relaxed            differences of the soft expectation; p = 0.3 and 0.8
//   score_function     the exact derivative, for any loss, within 3 standard errors; p = 0.3 and 0.8
//   enumeration        the exact derivative, to rounding; p = 0, 0.3, 1
#pragma once
#include <lumigrad/augment/registry.h>

namespace lumigrad::augment {

/// One comparison.
struct GradientLine {
  std::string augmentation;     ///< "rotate"
  std::string parameter;        ///< "angle.high", "probability"
  std::string where;            ///< "inside", "neutral", "straight_through at p = 0", ...
  double analytic = 0;          ///< mean gradient
  double numeric = 0;           ///< mean difference, or the exact derivative
  double standard_error = 0;    ///< of the mean gradient
  double difference_error = 0;  ///< of the mean of gradient - difference
  std::int64_t draws = 0;
  bool zero = false;  ///< zero by nature, or nearly so
  bool passed = false;
};

struct GradientCheckOptions {
  std::uint64_t seed = 1;
  std::int64_t most_draws = 1 << 17;
  double precision = 0.02;  ///< standard error wanted, relative to the derivative
};

/// Every range end, magnitude and probability of one augmentation. Throws FormatError for an unknown name.
std::vector<GradientLine> check_gradients(const std::string& name, const GradientCheckOptions& options = {});

}  // namespace lumigrad::augment
