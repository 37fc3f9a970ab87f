// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/formulas.h>
#include <lumigrad/engine/layers.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/requirements.h>

namespace lumigrad {

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Here here) {
  require<ShapeError>(weight.rank() == 2 && x.rank() >= 1 && x.size(-1) == weight.size(1), "linear: expected [.., ",
                      weight.rank() == 2 ? weight.size(1) : 0, "] and a weight of two axes, got ", x.shape(), " and ",
                      weight.shape());
  require<ShapeError>(!bias.defined() || bias.shape() == Shape{weight.size(0)}, "linear: expected a bias [",
                      weight.size(0), "], got ", bias.defined() ? bias.shape() : Shape{});
  const std::int64_t rows = x.size(-1) == 0 ? x.shape().without(-1).numel() : x.numel() / x.size(-1);
  Tensor y = matmul(reshape(x, {rows, x.size(-1)}, here), transpose(weight, 0, 1, here), here);
  if (bias.defined()) y = add(y, bias, here);
  return reshape(y, x.shape().with(-1, weight.size(0)), here);
}

Tensor dropout(const Tensor& x, double p, const Generator& generator, Here here) {
  require_real("dropout", x);
  require<NumericError>(p >= 0 && p <= 1, "dropout: expected a probability in [0, 1], got ", p);
  if (p == 1) return mul(x, 0, here);
  // Drawn and compared in single precision whatever x is, so that every dtype drops the same elements.
  const Tensor draws = uniform(generator, x.shape(), 0, 1, DType::f32, x.device());
  const Tensor kept = pixel(GreaterEqual{}, {draws, p});
  return mul(x, mul(kept, 1 / (1 - p)).to(x.dtype()), here);
}

Dropout::Dropout(double p, std::uint64_t seed) : p_(p), generator_(Generator{seed}.then("dropout")) {
  require<NumericError>(p >= 0 && p <= 1, "dropout: expected a probability in [0, 1], got ", p);
  calls_ = buffer("calls", Tensor::zeros({}, DType::i64));
}

Tensor Dropout::forward(const Tensor& x) {
  if (!training()) return x;
  const double call = calls_.item();
  Tensor y = dropout(x, p_, generator_.then(static_cast<std::uint32_t>(call)));
  calls_.assign(call + 1);  // a refused call is none
  return y;
}

}  // namespace lumigrad
