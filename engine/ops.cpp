// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/formulas.h>
#include <lumigrad/engine/ops.h>

namespace lumigrad {
namespace {

template <class F>
Tensor elements(F formula, const char* name, std::initializer_list<Tensor> inputs, Here here,
                std::initializer_list<Tensor> params = {}) {
  return pixel(formula, inputs, params, name, here);
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b, Here here) { return elements(Add{}, "add", {a, b}, here); }
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
Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b, Here here) {
  const Tensor number = mask.detach().to(a.is_weak() ? b.dtype() : a.dtype());  // a mask has no gradient
  return elements(Where{}, "where", {number, a, b}, here);
}
Tensor clamp(const Tensor& x, const Tensor& low, const Tensor& high, Here here) {
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
LUMIGRAD_UNARY(round, Round)
LUMIGRAD_UNARY(sign, Sign)
#undef LUMIGRAD_UNARY

}  // namespace lumigrad
