// SPDX-License-Identifier: Apache-2.0
// Losses of classifiers, and between distributions.
//
// A classifier answers with one number for each class, its logits, and softmax makes probabilities of them. How
// surprised it is by the truth is minus the logarithm of what it gave to the true class. All losses here are that, in
// forms that neither overflow nor take the logarithm of a probability that became 0.
//
// Classes stand along axis 1 of [N, C, ...] (axis 0 of a single sample [C]); f32 and f64. Gradients to second order
// flow to predictions, to targets that are probabilities, and to weights.
#pragma once
#include <lumigrad/engine/reduction.h>

namespace lumigrad {

struct ClassOptions {
  Tensor weight = {};                     ///< of each class, [C]; 1 when left out
  Reduction reduction = Reduction::mean;  ///< the mean weighs each sample by the weight of its class
  std::int64_t ignore = -100;             ///< samples of this class do not count
};

/// -weight log p of the true class, for logarithms of probabilities [N, C, ...] and classes [N, ...], whole numbers of
/// an integer dtype. Where every sample is ignored the mean is 0 / 0. Throws NumericError for a class outside [0, C).
LUMIGRAD_API Tensor nll_loss(const Tensor& log_probabilities, const Tensor& classes, const ClassOptions& options = {},
                             Here here = {});

struct CrossEntropyOptions {
  Tensor weight = {};                     ///< of each class, [C]; 1 when left out
  Tensor label_smoothing = 0.0;           ///< share of the target that is spread over all classes, in [0, 1]
  Reduction reduction = Reduction::mean;  ///< for classes as in nll_loss, for probabilities over samples
  std::int64_t ignore = -100;             ///< samples of this class do not count
};

/// The cross-entropy -sum over classes of weight q log softmax(logits). The target q is a class for each sample,
/// [N, ...] of an integer dtype, or probabilities in the shape of the logits. Errors as nll_loss. Label smoothing:
/// C. Szegedy et al., 2016.
LUMIGRAD_API Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options = {},
                                  Here here = {});

struct BinaryOptions {
  Tensor weight = {};           ///< of each element; broadcasts
  Tensor positive_weight = {};  ///< of the term of the true ones; broadcasts
  Reduction reduction = Reduction::mean;
};

/// -(w+ t log p + (1 - t) log(1 - p)) for p = sigmoid(logits) and targets t in [0, 1] of the same shape.
LUMIGRAD_API Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                                     const BinaryOptions& options = {}, Here here = {});

struct DivergenceOptions {
  bool log_target = false;  ///< the target is the logarithm of probabilities, too
  bool per_sample = false;  ///< the mean is over samples (the first axis) of sums, as the definition has it
  Reduction reduction = Reduction::mean;
};

/// Kullback and Leibler: t (log t - log p) for logarithms of probabilities log p and targets t; 0 log 0 is 0 with slope
/// 0. Shapes broadcast.
LUMIGRAD_API Tensor kl_div(const Tensor& log_probabilities, const Tensor& target, const DivergenceOptions& options = {},
                           Here here = {});

}  // namespace lumigrad
