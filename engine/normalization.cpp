// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/normalization.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/requirements.h>

namespace lumigrad {
namespace {

using Axes = std::vector<int>;

struct Standardized {
  Tensor y, mean, variance;  // the statistics keep their axes
};

Standardized standardized(const char* name, const Tensor& x, const Axes& axes, double eps, Here here) {
  std::int64_t count = 1;
  for (const int axis : axes) count *= x.size(axis);
  require<ShapeError>(count > 0, name, ": expected something to average, got shape ", x.shape());
  const auto over = std::span<const int>(axes);
  const Tensor m = mean(x, over, true, here), d = sub(x, m, here);
  const Tensor v = mean(square(d, here), over, true, here);
  return {mul(d, rsqrt(add(v, eps, here), here), here), m, v};
}

// A vector [C] beside x [N, C, ...].
Tensor of_channels(const char* name, const char* what, const Tensor& v, const Tensor& x, Here here) {
  require<ShapeError>(v.rank() == 1 && v.size(0) == x.size(1), name, ": expected ", what, " [", x.size(1), "], got ",
                      v.shape());
  Shape shape({x.size(1)});
  for (int axis = 2; axis < x.rank(); ++axis) shape = shape.inserted(shape.rank(), 1);
  return reshape(v, shape, here);
}

Tensor scaled_channels(const char* name, Tensor y, const Tensor& weight, const Tensor& bias, Here here) {
  if (weight.defined()) y = mul(y, of_channels(name, "a weight", weight, y, here), here);
  if (bias.defined()) y = add(y, of_channels(name, "a bias", bias, y, here), here);
  return y;
}

void require_channels(const char* name, const Tensor& x) {
  require_real(name, x);
  require<ShapeError>(x.rank() >= 2, name, ": expected [N, C, ...], got ", x.shape());
}

Tensor channel_norm(const char* name, const Tensor& x, const Axes& axes, const ChannelNormOptions& o, Here here) {
  require<ShapeError>(o.mean.defined() == o.variance.defined(), name,
                      ": expected a mean and a variance, or neither, got one of them");
  Tensor y;
  if (o.mean.defined()) {
    const Tensor m = of_channels(name, "a mean", o.mean, x, here);
    const Tensor v = of_channels(name, "a variance", o.variance, x, here);
    y = mul(sub(x, m, here), rsqrt(add(v, o.eps, here), here), here);
  } else {
    y = standardized(name, x, axes, o.eps, here).y;
  }
  return scaled_channels(name, y, o.weight, o.bias, here);
}

// All axes but that of the channels, and, for statistics of each image, but the first.
Axes beside_channels(const Tensor& x, bool first) {
  Axes axes;
  for (int axis = first ? 0 : 2; axis < x.rank(); ++axis)
    if (axis != 1) axes.push_back(axis);
  return axes;
}

}  // namespace

Tensor batch_norm(const Tensor& x, const ChannelNormOptions& options, Here here) {
  require_channels("batch_norm", x);
  return channel_norm("batch_norm", x, beside_channels(x, true), options, here);
}

Tensor instance_norm(const Tensor& x, const ChannelNormOptions& options, Here here) {
  require_channels("instance_norm", x);
  return channel_norm("instance_norm", x, beside_channels(x, false), options, here);
}

Tensor group_norm(const Tensor& x, std::int64_t groups, const NormOptions& options, Here here) {
  const char* name = "group_norm";
  require_channels(name, x);
  require<ShapeError>(groups > 0 && x.size(1) % groups == 0, name, ": expected groups that divide ", x.size(1),
                      " channels, got ", groups);
  const std::int64_t images = x.size(0), each = images == 0 ? 0 : x.numel() / (images * groups);
  const Tensor y = standardized(name, reshape(x, {images, groups, each}, here), {2}, options.eps, here).y;
  return scaled_channels(name, reshape(y, x.shape(), here), options.weight, options.bias, here);
}

Tensor layer_norm(const Tensor& x, const Shape& shape, const NormOptions& options, Here here) {
  const char* name = "layer_norm";
  require_real(name, x);
  const int outer = x.rank() - shape.rank();
  bool fits = outer >= 0;
  Axes axes;
  for (int axis = 0; fits && axis < shape.rank(); ++axis) {
    fits = x.size(outer + axis) == shape[axis];
    axes.push_back(outer + axis);
  }
  require<ShapeError>(fits, name, ": expected last axes ", shape, ", got ", x.shape());
  Tensor y = standardized(name, x, axes, options.eps, here).y;
  for (const Tensor* t : {&options.weight, &options.bias})
    require<ShapeError>(!t->defined() || t->shape() == shape, name, ": expected a weight and a bias of shape ", shape,
                        ", got ", t->defined() ? t->shape() : shape);
  if (options.weight.defined()) y = mul(y, options.weight, here);
  if (options.bias.defined()) y = add(y, options.bias, here);
  return y;
}

BatchNorm2d::BatchNorm2d(std::int64_t channels, double momentum, double eps, DType dtype)
    : momentum_(momentum), eps_(eps) {
  weight_ = parameter("weight", Tensor::ones({channels}, dtype));
  bias_ = parameter("bias", Tensor::zeros({channels}, dtype));
  mean_ = buffer("mean", Tensor::zeros({channels}, dtype));
  variance_ = buffer("variance", Tensor::ones({channels}, dtype));
}

Tensor BatchNorm2d::forward(const Tensor& x) {
  const char* name = "batch_norm";
  require_channels(name, x);
  require<ShapeError>(x.size(1) == weight_.size(0), name, ": expected ", weight_.size(0), " channels, got shape ",
                      x.shape());
  if (!training())
    // The running statistics change in place later on; what is recorded here keeps those of now.
    return batch_norm(x, {weight_, bias_, mean_.clone(), variance_.clone(), eps_});
  const std::int64_t count = x.size(1) == 0 ? 0 : x.numel() / x.size(1);
  require<ShapeError>(count > 1, name, ": expected more than one number a channel to train with, got shape ",
                      x.shape());
  const Standardized s = standardized(name, x, beside_channels(x, true), eps_, {});
  const Tensor y = scaled_channels(name, s.y, weight_, bias_, {});
  NoGrad off;
  const double unbiased = static_cast<double>(count) / static_cast<double>(count - 1);
  const auto towards = [&](const Tensor& running, const Tensor& batch) {
    return lerp(running, reshape(batch.detach(), running.shape()), momentum_);
  };
  const Tensor m = towards(mean_, s.mean), v = towards(variance_, unbiased * s.variance);
  mean_.assign(m, "batch_norm");
  variance_.assign(v, "batch_norm");
  return y;
}

LayerNorm::LayerNorm(const Shape& shape, double eps, DType dtype) : eps_(eps) {
  weight_ = parameter("weight", Tensor::ones(shape, dtype));
  bias_ = parameter("bias", Tensor::zeros(shape, dtype));
}

Tensor LayerNorm::forward(const Tensor& x) { return layer_norm(x, weight_.shape(), {weight_, bias_, eps_}); }

}  // namespace lumigrad
