// SPDX-License-Identifier: Apache-2.0
// Are the gradients right? The tape's answer is compared with what the function itself does when its inputs move.
//
// The numeric side is the central difference (f(x + h) - f(x - h)) / 2h in f64, taken at h and h/2. The two combine to
// an estimate whose error falls with h^4 (Richardson), and their disagreement tells how far it can be trusted: where it
// is large (a kink nearby, a steep function) smaller steps are tried and the estimate that agrees best with itself is
// taken. The analytic value is never consulted for that choice.
//
// Small Jacobians are compared entry by entry, so that the report says where a wrong one stands. Large ones are
// compared through random projections v' J u: a wrong gradient that passes one is an accident of probability zero.
// Second order is the same test applied to the gradient itself, s(x, v) = <w, J(x)' v>: the sweep over the recorded
// sweep is compared with differences of gradients.
//
//   GradcheckReport report = gradcheck([](const std::vector<Tensor>& x) { return std::vector{x[0] * x[1]}; }, {a, b});
//   if (!report.passed()) std::cerr << report.text();
#pragma once
#include <lumigrad/engine/tensor.h>
#include <functional>
#include <string>
#include <vector>

namespace lumigrad {

/// A function of tensors: what is differentiated. Everything else it needs it holds itself.
using Program = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

struct GradcheckOptions {
  int order = 1;                      ///< 1: gradients; 2: gradients of gradients too
  double relative = 1e-6;             ///< allowed, of the larger of the two values
  double absolute = 1e-8;             ///< allowed in any case
  double step = 1e-4;                 ///< of the first difference, times max(1, |x|)
  std::int64_t full_entries = 10000;  ///< Jacobians up to this size are compared entry by entry
  int projections = 3;                ///< random directions for larger ones
  std::uint64_t seed = 1;
};

/// One output against one input: how many numbers were compared, and the one that fits worst.
struct GradcheckBlock {
  int order = 1;
  int output = 0;  ///< -1 in second order, against an input: all outputs together
  int input = 0;   ///< -1 in second order: the cotangent of `output`
  std::int64_t compared = 0;
  bool projected = false;  ///< compared through random projections
  double absolute = 0;     ///< largest |analytic - numeric|
  double relative = 0;     ///< largest of the same over the larger of the two (where that is not tiny)
  double noise = 0;        ///< largest uncertainty of the numeric side
  std::int64_t output_element = -1, input_element = -1;  ///< of the worst entry; -1: a projection
  double analytic = 0, numeric = 0;                      ///< there
  double excess = 0;                                     ///< the worst deviation over what is allowed: fails above 1
  bool passed() const { return excess <= 1; }
};

struct LUMIGRAD_API GradcheckReport {
  std::vector<GradcheckBlock> blocks;
  bool passed() const;
  /// The block that fits worst (failed blocks first); null when there are none.
  const GradcheckBlock* worst() const;
  /// One line a block.
  std::string text() const;
};

/// Compares the gradients of a program at `inputs` (f64; other floating types are converted) with finite differences.
/// Integer outputs are not looked at. Errors of the program pass through.
LUMIGRAD_API GradcheckReport gradcheck(const Program& program, const std::vector<Tensor>& inputs,
                                       const GradcheckOptions& options = {});

/// For an f that is linear in its first input: both sides of <f(u), w> = <u, f'(w)>, and how far f is from linear.
struct DotTest {
  double forward = 0;    ///< <f(u), w>
  double adjoint = 0;    ///< <u, f'(w)>
  double deviation = 0;  ///< |forward - adjoint| over the sum of |f(u) w|
  double linearity = 0;  ///< largest |f(2u - v) - 2 f(u) + f(v)| over the largest of those terms
};
/// The adjoint dot test with random u, v and w; in exact arithmetic both deviations are zero.
LUMIGRAD_API DotTest dot_test(const Program& program, const std::vector<Tensor>& inputs, std::uint64_t seed = 1);

}  // namespace lumigrad
