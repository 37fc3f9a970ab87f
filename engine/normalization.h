// SPDX-License-Identifier: Apache-2.0
// Normalisations: numbers brought to mean 0 and variance 1, then scaled and shifted.
//
//   y = (x - m) / sqrt(v + eps) * weight + bias
//
// They differ in the numbers whose mean m and variance v (the biased one) are taken, and in what has a weight of its
// own. For x [N, C, ...]:
//
//     batch_norm      m, v over all images and positions of a channel      weight, bias [C]
//     instance_norm   over the positions of one channel of one image       [C]
//     group_norm      over some channels of one image                      [C]
//     layer_norm      over the last axes, of any shape                     of those axes
//
// Batch normalisation ties the images of a batch together. Once trained, a network must not depend on what stands
// beside an image: the module keeps running statistics, and evaluation takes those.
#pragma once
#include <lumigrad/engine/module.h>

namespace lumigrad {

/// What is left out is not applied.
struct NormOptions {
  Tensor weight = {};
  Tensor bias = {};
  double eps = 1e-5;
};

/// Statistics that are given ([C], both or none) stand for those of x.
struct ChannelNormOptions {
  Tensor weight = {};  ///< [C]
  Tensor bias = {};    ///< [C]
  Tensor mean = {};
  Tensor variance = {};  ///< > -eps
  double eps = 1e-5;
};

/// x [N, C, ...], f32 or f64. Gradients flow to x and to every tensor given, to second order. Throws ShapeError where
/// there is nothing to average. S. Ioffe, C. Szegedy, 2015.
LUMIGRAD_API Tensor batch_norm(const Tensor& x, const ChannelNormOptions& options = {}, Here here = {});
/// D. Ulyanov, A. Vedaldi, V. Lempitsky, 2016.
LUMIGRAD_API Tensor instance_norm(const Tensor& x, const ChannelNormOptions& options = {}, Here here = {});
/// C is a multiple of `groups`. Y. Wu, K. He, 2018.
LUMIGRAD_API Tensor group_norm(const Tensor& x, std::int64_t groups, const NormOptions& options = {}, Here here = {});
/// x [..., shape], weight and bias of that shape. J. L. Ba, J. R. Kiros, G. E. Hinton, 2016.
LUMIGRAD_API Tensor layer_norm(const Tensor& x, const Shape& shape, const NormOptions& options = {}, Here here = {});

/// batch_norm with statistics of its own. In training those of the batch are used, and the running ones move towards
/// them: mean += momentum (batch's - mean), and the same for the unbiased variance; that needs two numbers a channel
/// (ShapeError). In evaluation the running ones are used. State: weight, bias, mean, variance.
class LUMIGRAD_API BatchNorm2d final : public Module {
 public:
  explicit BatchNorm2d(std::int64_t channels, double momentum = 0.1, double eps = 1e-5, DType dtype = DType::f32);
  /// x [N, C, ...]: lines and volumes too.
  Tensor forward(const Tensor& x) override;

 private:
  Tensor weight_, bias_, mean_, variance_;
  double momentum_, eps_;
};

/// layer_norm with a weight and a bias to be trained.
class LUMIGRAD_API LayerNorm final : public Module {
 public:
  explicit LayerNorm(const Shape& shape, double eps = 1e-5, DType dtype = DType::f32);
  Tensor forward(const Tensor& x) override;

 private:
  Tensor weight_, bias_;
  double eps_;
};

}  // namespace lumigrad
