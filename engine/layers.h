// SPDX-License-Identifier: Apache-2.0
// Layers of networks as functions, and those that draw.
#pragma once
#include <lumigrad/engine/module.h>
#include <lumigrad/engine/random.h>

namespace lumigrad {

/// x W' + b for x [.., in], weight [out, in] and, if there is one, bias [out]: [.., out]. Gradients to all three.
LUMIGRAD_API Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Here here = {});

/// Each element becomes 0 with probability p in [0, 1], independently, and what stays is divided by 1 - p, so that the
/// expectation is x. The draws belong to the generator, the sample (first axis) and the place in it: the same at any
/// batch split, dtype and number of threads. Gradient to x. Throws NumericError for other p.
/// N. Srivastava et al., 2014.
LUMIGRAD_API Tensor dropout(const Tensor& x, double p, const Generator& generator, Here here = {});

/// dropout in training, nothing in evaluation. Each call draws anew; the number of calls is part of the state, so a run
/// continues from a saved one with the draws it would have had.
class LUMIGRAD_API Dropout final : public Module {
 public:
  Dropout(double p, std::uint64_t seed);
  Tensor forward(const Tensor& x) override;

 private:
  double p_;
  Generator generator_;
  Tensor calls_;
};

}  // namespace lumigrad
