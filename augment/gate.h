// SPDX-License-Identifier: Apache-2.0
// Gates: whether an augmentation happens to a sample, with a probability that can be learned.
//
// The gate g of a sample is 1 with probability p, else 0, and the result is g y + (1 - g) x for an image x and its
// augmented form y. The expected loss is a polynomial of degree one in p,
//
//     E = p L(y) + (1 - p) L(x),        dE/dp = L(y) - L(x),
//
// but a single hard gate shows only one of the two losses, and its own value does not change with p at all. What to do
// about that is a choice, and each way promises something else:
//
//   none              a hard gate, 0 or 1. p does not learn.
//   straight_through  a hard gate; dL/dp is taken to be dL/dg, the slope of the loss along the blend at the drawn end.
//                     No bias where L is linear in the image, else biased; little variance.
//   relaxed           a soft gate in (0, 1); the exact derivative of another expectation, that of soft gates. The bias
//                     falls with the temperature T, the variance grows as it falls. At p = 0 and 1 the slope is 0:
//                     start inside.
//   score_function    a hard gate; (L - b) d log P(g) / dp, by score_function() below. No bias for 0 < p < 1; much
//                     variance, less with a baseline b.
//   (enumeration)     both values of the gate: p and 1 - p stand in the loss itself, by enumerate() of pipeline.h. No
//                     bias, at 0 and 1 too, and no variance from gates; 2^k applications for k gates.
//
// Straight-through: Y. Bengio, N. Leonard, A. Courville, Estimating or propagating gradients through stochastic
// neurons, 2013. Relaxed: C. Maddison, A. Mnih, Y. W. Teh; E. Jang, S. Gu, B. Poole, both 2017. Score function:
// R. J. Williams, 1992.
#pragma once
#include <lumigrad/augment/distribution.h>

namespace lumigrad::augment {

struct Draw;

/// How the gradient with respect to a probability is estimated.
enum class Estimator { none, straight_through, relaxed, score_function };
/// "none", "straight_through", ...; and back (FormatError).
LUMIGRAD_API std::string to_string(Estimator estimator);
LUMIGRAD_API Estimator parse_estimator(std::string_view name);

/// A probability and how it learns. `p = 0.3` is enough for one that does not.
struct LUMIGRAD_API Gate {
  Gate(const Tensor& probability = 1.0, Estimator estimator = Estimator::straight_through, double temperature = 0.5);
  template <class T>
  requires std::is_arithmetic_v<T> Gate(T probability) : Gate(Tensor(probability)) {}

  /// f64, one number, read at each draw. Values outside [0, 1] act as the nearer end; straight-through gates have slope
  /// 1 there too, relaxed ones are flat: a probability that learns by them does not come back.
  Tensor probability;
  Estimator estimator = Estimator::straight_through;  ///< used where the probability requires gradients
  double temperature = 0.5;                           ///< of relaxed gates, in [0.02, 10]

  /// Gates [count] f64 of samples 0, 1, ... of the generator. Hard ones are 0 or 1 (1 where a uniform number lies below
  /// p, so the same noise opens more gates as p grows). `soft` allows relaxed ones: in training.
  Tensor draw(const Generator& generator, std::int64_t count, bool soft) const;
  /// log P(g) [count] of hard gates, recorded, for the score function; undefined with another estimator or where p does
  /// not learn.
  Tensor log_probability(const Tensor& gates) const;
};

/// True when every gate is 0 or 1 and no gradient flows through it.
LUMIGRAD_API bool is_hard(const Tensor& gates);

/// g y + (1 - g) x, an image a gate: exactly y where g = 1, exactly x where g = 0.
LUMIGRAD_API Tensor blend(const Tensor& gates, const Tensor& y, const Tensor& x);

/// The score-function estimator: a number whose value is 0 and whose gradient, with respect to every probability that
/// learns by score function, estimates that of the mean loss. Add it to the loss:
///
///     Draw draw = jitter.draw(generator, images.shape());
///     Tensor losses = loss_of_each(jitter.apply(images, draw));                      // [N]
///     (mean(losses) + augment::score_function(losses, draw)).backward();
///
/// The baseline b of a sample is the mean loss of the others (W. Kool, H. van Hoof, M. Welling, 2019): no bias, since
/// it does not depend on the sample's own gates. With one sample, or one draw for the batch, there is none. Throws
/// ShapeError unless losses are [N] for the N samples drawn.
LUMIGRAD_API Tensor score_function(const Tensor& losses, const Draw& draw);

}  // namespace lumigrad::augment
