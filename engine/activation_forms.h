// SPDX-License-Identifier: Apache-2.0
// Functions of ops.h in further forms, made of those.
#pragma once
#include <lumigrad/engine/ops.h>

namespace lumigrad {

/// x Phi(x) with the normal distribution function replaced by (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, at most
/// 5e-4 away. D. Hendrycks, K. Gimpel, 2016.
LUMIGRAD_API Tensor gelu_tanh(const Tensor& x, Here here = {});
/// log(1 + e^(beta x)) / beta, and x itself where beta x > threshold. Gradients to x and beta (not 0; broadcasts).
LUMIGRAD_API Tensor softplus(const Tensor& x, const Tensor& beta, double threshold = 20, Here here = {});

/// How a quotient becomes a whole number.
enum class Rounding {
  down,         ///< to the next that is not above it
  towards_zero  ///< to the next that is not larger in size
};
/// How often b goes into a: whole, with slope 0. A quotient within rounding of a whole number may count as that.
LUMIGRAD_API Tensor div(const Tensor& a, const Tensor& b, Rounding rounding, Here here = {});

}  // namespace lumigrad
