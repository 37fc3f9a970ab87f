// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/classification.h>
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/requirements.h>
#include <lumigrad/engine/statistics.h>

namespace lumigrad {

Tensor reduced(const char* name, const Tensor& losses, Reduction reduction, Here here) {
  if (reduction == Reduction::none) return losses;
  if (reduction == Reduction::sum) return sum(losses, here);
  require<ShapeError>(losses.numel() > 0, name, ": expected something to average, got shape ", losses.shape());
  return mean(losses, here);
}

namespace {

int class_axis(const char* name, const Tensor& x) {
  require_real(name, x);
  require<ShapeError>(x.rank() >= 1, name, ": expected [C] or [N, C, ...], got a scalar");
  return x.rank() == 1 ? 0 : 1;
}

void require_weight(const char* name, const Tensor& weight, std::int64_t classes) {
  require<ShapeError>(!weight.defined() || weight.shape() == Shape{classes}, name, ": expected a weight [", classes,
                      "], got ", weight.defined() ? weight.shape() : Shape{});
}

// Classes as indices that exist, and which of them count (1 or 0). Outside the graph. They are looked through on the
// CPU, where labels come from, and used where x is.
struct Labels {
  Tensor index, counts;
};

Labels labels_of(const char* name, const Tensor& x, int axis, const Tensor& classes, std::int64_t ignore) {
  require<DTypeError>(!is_differentiable(classes.dtype()) && classes.dtype() != DType::boolean, name,
                      ": expected classes of an integer dtype, got ", classes.dtype());
  require<ShapeError>(classes.shape() == x.shape().without(axis), name, ": expected classes ", x.shape().without(axis),
                      " for ", x.shape(), ", got ", classes.shape());
  Labels labels{classes.detach().to(Device()).to(DType::i64).clone(), Tensor::empty(classes.shape(), DType::u8)};
  auto* index = labels.index.mutable_data<std::int64_t>();
  auto* counts = labels.counts.mutable_data<std::uint8_t>();
  const std::int64_t C = x.size(axis);
  for (std::int64_t i = 0; i < classes.numel(); ++i) {
    counts[i] = index[i] != ignore;
    if (!counts[i]) index[i] = 0;
    require<NumericError>((index[i] >= 0 && index[i] < C) || !counts[i], name, ": expected classes in [0, ", C,
                          "), got ", index[i]);
  }
  return {labels.index.to(x.device()), labels.counts.to(x.device())};
}

// The weight of each sample: that of its class, 0 where it does not count.
Tensor sample_weights(const Labels& labels, const Tensor& weight, DType dtype, Here here) {
  const Tensor counts = labels.counts.to(dtype);
  if (!weight.defined()) return counts;
  const Tensor own = index_select(weight, 0, reshape(labels.index, {labels.index.numel()}), here);
  return mul(reshape(own, counts.shape(), here), counts, here);
}

// What samples lose, and the sum of their weights in the place of their number.
Tensor weighted(const Tensor& losses, const Tensor& weights, Reduction reduction, Here here) {
  if (reduction == Reduction::none) return losses;
  const Tensor total = sum(losses, here);
  return reduction == Reduction::sum ? total : div(total, sum(weights, here), here);
}

// -log p of the true class, 0 where the sample does not count.
Tensor surprise(const Tensor& log_p, int axis, const Labels& labels, Here here) {
  if (labels.index.numel() == 0) return neg(sum(log_p, {axis}, false, here), here);
  const Tensor picked = squeeze(gather(log_p, axis, unsqueeze(labels.index, axis), here), axis, here);
  return where(labels.counts, neg(picked, here), 0, here);
}

// A vector [C] beside x with its classes along an axis.
Tensor beside(const Tensor& v, const Tensor& x, int axis, Here here) {
  Shape shape({v.numel()});
  for (int i = axis + 1; i < x.rank(); ++i) shape = shape.inserted(shape.rank(), 1);
  return reshape(v, shape, here);
}

}  // namespace

Tensor nll_loss(const Tensor& log_p, const Tensor& classes, const ClassOptions& o, Here here) {
  const char* name = "nll_loss";
  const int axis = class_axis(name, log_p);
  require_weight(name, o.weight, log_p.size(axis));
  const Labels labels = labels_of(name, log_p, axis, classes, o.ignore);
  require<ShapeError>(classes.numel() > 0 || o.reduction != Reduction::mean, name,
                      ": expected something to average, got shape ", log_p.shape());
  const Tensor weights = sample_weights(labels, o.weight, log_p.dtype(), here);
  return weighted(mul(surprise(log_p, axis, labels, here), weights, here), weights, o.reduction, here);
}

Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& o, Here here) {
  const char* name = "cross_entropy";
  const int axis = class_axis(name, logits);
  const std::int64_t C = logits.size(axis);
  require_weight(name, o.weight, C);
  for (const double share : o.label_smoothing.values())
    require<NumericError>(share >= 0 && share <= 1 && o.label_smoothing.numel() == 1, name,
                          ": expected one share of smoothing in [0, 1], got ", share);
  const bool smooth = o.label_smoothing.needs_grad() || o.label_smoothing.item() != 0;
  const Tensor keep = sub(1.0, o.label_smoothing, here), each = div(o.label_smoothing, static_cast<double>(C), here);
  const auto summed = [&](Tensor terms) {
    if (o.weight.defined()) terms = mul(terms, beside(o.weight, logits, axis, here), here);
    return neg(sum(terms, {axis}, false, here), here);
  };

  if (is_differentiable(target.dtype())) {
    require<ShapeError>(target.shape() == logits.shape(), name, ": expected probabilities ", logits.shape(),
                        " or classes of an integer dtype, got ", target.shape(), " of ", target.dtype());
    const Tensor log_p = log_softmax(logits, axis, here);
    const Tensor q = smooth ? add(mul(target, keep, here), each, here) : target;
    return reduced(name, summed(mul(q, log_p, here)), o.reduction, here);
  }
  const Labels labels = labels_of(name, logits, axis, target, o.ignore);
  require<ShapeError>(target.numel() > 0 || o.reduction != Reduction::mean, name,
                      ": expected something to average, got shape ", logits.shape());
  const Tensor log_p = log_softmax(logits, axis, here);
  const Tensor weights = sample_weights(labels, o.weight, logits.dtype(), here);
  Tensor losses = mul(surprise(log_p, axis, labels, here), weights, here);
  if (smooth) {
    const Tensor even = where(labels.counts, summed(log_p), 0, here);
    losses = add(mul(losses, keep, here), mul(even, each, here), here);
  }
  return weighted(losses, weights, o.reduction, here);
}

Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target, const BinaryOptions& o, Here here) {
  const char* name = "binary_cross_entropy_with_logits";
  require_real(name, logits);
  require<ShapeError>(logits.shape() == target.shape(), name, ": expected targets ", logits.shape(), ", got ",
                      target.shape());
  Tensor positive = mul(target, softplus(neg(logits, here), here), here);
  if (o.positive_weight.defined()) positive = mul(positive, o.positive_weight, here);
  Tensor losses = add(positive, mul(sub(1.0, target, here), softplus(logits, here), here), here);
  if (o.weight.defined()) losses = mul(losses, o.weight, here);
  return reduced(name, losses, o.reduction, here);
}

Tensor kl_div(const Tensor& log_p, const Tensor& target, const DivergenceOptions& o, Here here) {
  const char* name = "kl_div";
  require_real(name, log_p);
  require_real(name, target);
  Tensor losses;
  if (o.log_target) {
    losses = mul(exp(target, here), sub(target, log_p, here), here);
  } else {
    const Tensor some = where(target, target, 1.0, here);  // log 1 in the place of log 0
    losses = mul(target, sub(log(some, here), log_p, here), here);
  }
  if (!o.per_sample || o.reduction != Reduction::mean) return reduced(name, losses, o.reduction, here);
  require<ShapeError>(losses.rank() > 0 && losses.numel() > 0, name, ": expected samples to average, got shape ",
                      losses.shape());
  return div(sum(losses, here), static_cast<double>(losses.size(0)), here);
}

}  // namespace lumigrad
