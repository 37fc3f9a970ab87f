// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/level_table.h>
#include <lumigrad/engine/families/lines.h>
#include <lumigrad/engine/families/pixel_call.h>
#include <lumigrad/engine/formulas.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/requirements.h>
#include <cmath>
#include <numbers>

namespace lumigrad {
namespace {

template <class F>
Tensor elements(F formula, const char* name, std::initializer_list<Tensor> inputs, Here here,
                std::initializer_list<Tensor> params = {}) {
  return pixel(formula, inputs, params, name, here);
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b, Here here) { return elements(Add{}, "add", {a, b}, here); }

Tensor add_onto(Tensor a, const Tensor& b) {
  const TensorState& s = a.state();
  // A buffer that knows no size is a program's own memory.
  const bool free = a.handle().use_count() == 1 && s.buffer.use_count() == 1 && s.buffer->bytes() > 0;
  const bool alike = s.shape == b.shape() && s.dtype == b.dtype() && a.is_contiguous() && b.is_contiguous() &&
                     s.weak == b.is_weak() && s.buffer->device() == Device() && b.device() == Device();
  if (!free || !alike || recording()) return add(a, b);
  by_differentiable_dtype(s.dtype, [&](auto t) {
    using T = decltype(t);
    const auto add_up = of_type<T>(kernels_of(Add{})).forward;
    for_each_chunk({s.shape, 1, s.shape.numel()}, 0.4, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
      T* const to = new_elements<T>(a) + begin;
      const T* const both[] = {to, elements<T>(b) + begin};
      add_up(both, nullptr, &to, static_cast<std::size_t>(end - begin), 0);
    });
  });
  return a;
}

Tensor sub(const Tensor& a, const Tensor& b, Here here) { return elements(Sub{}, "sub", {a, b}, here); }
Tensor mul(const Tensor& a, const Tensor& b, Here here) { return elements(Mul{}, "mul", {a, b}, here); }
Tensor div(const Tensor& a, const Tensor& b, Here here) { return elements(Div{}, "div", {a, b}, here); }
Tensor maximum(const Tensor& a, const Tensor& b, Here here) { return elements(Maximum{}, "maximum", {a, b}, here); }
Tensor minimum(const Tensor& a, const Tensor& b, Here here) { return elements(Minimum{}, "minimum", {a, b}, here); }
Tensor pow(const Tensor& a, const Tensor& b, Here here) { return elements(Pow{}, "pow", {a, b}, here); }
Tensor atan2(const Tensor& y, const Tensor& x, Here here) { return elements(Atan2{}, "atan2", {y, x}, here); }
Tensor hypot(const Tensor& a, const Tensor& b, Here here) { return elements(Hypot{}, "hypot", {a, b}, here); }
Tensor lerp(const Tensor& a, const Tensor& b, const Tensor& t, Here here) {
  return elements(Lerp{}, "lerp", {a, b, t}, here);
}
Tensor remainder(const Tensor& a, const Tensor& b, Here here) {
  return elements(Remainder{}, "remainder", {a, b}, here);
}
Tensor fmod(const Tensor& a, const Tensor& b, Here here) { return elements(Fmod{}, "fmod", {a, b}, here); }
Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b, Here here) {
  const Tensor number = mask.detach().to(a.is_weak() ? b.dtype() : a.dtype());  // a mask has no gradient
  return elements(Where{}, "where", {number, a, b}, here);
}
Tensor clamp(const Tensor& x, const Tensor& low, const Tensor& high, Here here) {
  if (varies_within(low, x) || varies_within(high, x)) {
    const Tensor least = operand_of("clamp", low, x, here), most = operand_of("clamp", high, x, here);
    return minimum(maximum(x, least, here), most, here);
  }
  return elements(Clamp{}, "clamp", {x}, here, {low, high});
}
Tensor elu(const Tensor& x, const Tensor& alpha, Here here) { return elements(Elu{}, "elu", {x}, here, {alpha}); }
Tensor leaky_relu(const Tensor& x, const Tensor& slope, Here here) {
  return elements(LeakyRelu{}, "leaky_relu", {x}, here, {slope});
}

#define LUMIGRAD_UNARY(name, Formula) \
  Tensor name(const Tensor& x, Here here) { return elements(Formula{}, #name, {x}, here); }
LUMIGRAD_UNARY(neg, Neg)
LUMIGRAD_UNARY(abs, Abs)
LUMIGRAD_UNARY(square, Square)
LUMIGRAD_UNARY(sqrt, Sqrt)
LUMIGRAD_UNARY(rsqrt, Rsqrt)
LUMIGRAD_UNARY(reciprocal, Reciprocal)
LUMIGRAD_UNARY(exp, Exp)
LUMIGRAD_UNARY(expm1, Expm1)
LUMIGRAD_UNARY(log, Log)
LUMIGRAD_UNARY(log1p, Log1p)
LUMIGRAD_UNARY(lgamma, LogGamma)
LUMIGRAD_UNARY(digamma, Digamma)
LUMIGRAD_UNARY(sin, Sin)
LUMIGRAD_UNARY(cos, Cos)
LUMIGRAD_UNARY(tan, Tan)
LUMIGRAD_UNARY(asin, Asin)
LUMIGRAD_UNARY(acos, Acos)
LUMIGRAD_UNARY(atan, Atan)
LUMIGRAD_UNARY(sinh, Sinh)
LUMIGRAD_UNARY(cosh, Cosh)
LUMIGRAD_UNARY(tanh, Tanh)
LUMIGRAD_UNARY(sigmoid, Sigmoid)
LUMIGRAD_UNARY(softplus, Softplus)
LUMIGRAD_UNARY(relu, Relu)
LUMIGRAD_UNARY(silu, Silu)
LUMIGRAD_UNARY(gelu, Gelu)
LUMIGRAD_UNARY(erf, Erf)
LUMIGRAD_UNARY(floor, Floor)
LUMIGRAD_UNARY(ceil, Ceil)
LUMIGRAD_UNARY(trunc, Trunc)
LUMIGRAD_UNARY(round, Round)
LUMIGRAD_UNARY(sign, Sign)
#undef LUMIGRAD_UNARY

// Rarer words, made of those above.
Tensor log2(const Tensor& x, Here here) {
  require_real("log2", x);
  return mul(log(x, here), std::numbers::log2e, here);
}
Tensor log10(const Tensor& x, Here here) {
  require_real("log10", x);
  return mul(log(x, here), std::numbers::log10e, here);
}
Tensor softsign(const Tensor& x, Here here) {
  require_real("softsign", x);
  return div(x, add(abs(x, here), 1, here), here);
}
Tensor logsigmoid(const Tensor& x, Here here) {
  require_real("logsigmoid", x);
  return neg(softplus(neg(x, here), here), here);
}
Tensor round(const Tensor& x, int decimals, Here here) {
  require_real("round", x);
  if (decimals == 0) return round(x, here);
  const Tensor power = std::pow(10.0, std::abs(decimals));  // exact up to 10^22; its inverse would not be
  return decimals > 0 ? div(round(mul(x, power, here), here), power, here)
                      : mul(round(div(x, power, here), here), power, here);
}

}  // namespace lumigrad
