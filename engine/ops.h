// SPDX-License-Identifier: Apache-2.0
// Arithmetic on tensors, element by element. Shapes broadcast; f32 and f64; bare numbers take the dtype of the tensor
// they meet. Operators are formulas of engine/elementwise.h and its neighbours in the pixel family, the rarer ones two
// or three of them, and have gradients to second order. At kinks the slopes are those of engine/math.h: ties of maximum
// and minimum give all to the first argument, abs'(0) = 0, sqrt'(0) = 0, clamp has slope 1 on its closed interval.
#pragma once
#include <lumigrad/engine/families/contract.h>
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/views.h>

namespace lumigrad {

LUMIGRAD_API Tensor add(const Tensor& a, const Tensor& b, Here here = {});
LUMIGRAD_API Tensor sub(const Tensor& a, const Tensor& b, Here here = {});
LUMIGRAD_API Tensor mul(const Tensor& a, const Tensor& b, Here here = {});
LUMIGRAD_API Tensor div(const Tensor& a, const Tensor& b, Here here = {});
LUMIGRAD_API Tensor maximum(const Tensor& a, const Tensor& b, Here here = {});
LUMIGRAD_API Tensor minimum(const Tensor& a, const Tensor& b, Here here = {});
/// base^exponent; for base < 0 the exponent must be a whole number for a real result.
LUMIGRAD_API Tensor pow(const Tensor& base, const Tensor& exponent, Here here = {});
/// The angle of (x, y) in radians, in [-pi, pi].
LUMIGRAD_API Tensor atan2(const Tensor& y, const Tensor& x, Here here = {});
/// sqrt(a^2 + b^2) without overflow; slope 0 at the origin.
LUMIGRAD_API Tensor hypot(const Tensor& a, const Tensor& b, Here here = {});
/// a + (b - a) t
LUMIGRAD_API Tensor lerp(const Tensor& a, const Tensor& b, const Tensor& t, Here here = {});
/// What is left of a after whole multiples of b: with the sign of b, and with the sign of a. Slopes 1 and -(multiples);
/// at a jump those of the value that is taken. The error is a rounding of a.
LUMIGRAD_API Tensor remainder(const Tensor& a, const Tensor& b, Here here = {});
LUMIGRAD_API Tensor fmod(const Tensor& a, const Tensor& b, Here here = {});
/// a where the mask is not zero, else b; the gradient goes where the value came from. The mask is bool or a number.
LUMIGRAD_API Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b, Here here = {});
/// x limited to [low, high]. A bound is one number; or one an image, [N] or as many axes as x, [N, 1, ..], N the first
/// axis of x; or of any other shape of more than one axis, to which x may broadcast (from the right; one a column:
/// [1, n]; one a channel: [C, 1, 1]). It is taken in the dtype of x.
LUMIGRAD_API Tensor clamp(const Tensor& x, const Tensor& low, const Tensor& high, Here here = {});

#define LUMIGRAD_UNARY(name) LUMIGRAD_API Tensor name(const Tensor& x, Here here = {});
LUMIGRAD_UNARY(neg)
LUMIGRAD_UNARY(abs)
LUMIGRAD_UNARY(square)
LUMIGRAD_UNARY(sqrt)
LUMIGRAD_UNARY(rsqrt)
LUMIGRAD_UNARY(reciprocal)
LUMIGRAD_UNARY(exp)
LUMIGRAD_UNARY(expm1)
LUMIGRAD_UNARY(log)
LUMIGRAD_UNARY(log1p)
LUMIGRAD_UNARY(log2)
LUMIGRAD_UNARY(log10)
LUMIGRAD_UNARY(lgamma)
LUMIGRAD_UNARY(digamma)
LUMIGRAD_UNARY(sin)
LUMIGRAD_UNARY(cos)
LUMIGRAD_UNARY(tan)
LUMIGRAD_UNARY(asin)
LUMIGRAD_UNARY(acos)
LUMIGRAD_UNARY(atan)
LUMIGRAD_UNARY(sinh)
LUMIGRAD_UNARY(cosh)
LUMIGRAD_UNARY(tanh)
LUMIGRAD_UNARY(sigmoid)
LUMIGRAD_UNARY(softplus)
LUMIGRAD_UNARY(softsign)
LUMIGRAD_UNARY(logsigmoid)
LUMIGRAD_UNARY(relu)
LUMIGRAD_UNARY(silu)
LUMIGRAD_UNARY(gelu)
LUMIGRAD_UNARY(erf)
LUMIGRAD_UNARY(floor)
LUMIGRAD_UNARY(ceil)
LUMIGRAD_UNARY(trunc)
LUMIGRAD_UNARY(round)
LUMIGRAD_UNARY(sign)
#undef LUMIGRAD_UNARY
/// x to a number of decimals, halves of the scaled number to the even one; fewer than 0 round tens, hundreds, ...
LUMIGRAD_API Tensor round(const Tensor& x, int decimals, Here here = {});
/// x for x > 0, else alpha (e^x - 1).
LUMIGRAD_API Tensor elu(const Tensor& x, const Tensor& alpha = 1.0, Here here = {});
/// x for x > 0, else slope x.
LUMIGRAD_API Tensor leaky_relu(const Tensor& x, const Tensor& slope = 0.01, Here here = {});

inline Tensor operator+(const Tensor& a, const Operand& b) { return add(a, b.tensor, b.here); }
inline Tensor operator-(const Tensor& a, const Operand& b) { return sub(a, b.tensor, b.here); }
inline Tensor operator*(const Tensor& a, const Operand& b) { return mul(a, b.tensor, b.here); }
inline Tensor operator/(const Tensor& a, const Operand& b) { return div(a, b.tensor, b.here); }
template <class T>
requires std::is_arithmetic_v<T> Tensor operator+(T a, const Operand& b) { return add(Tensor(a), b.tensor, b.here); }
template <class T>
requires std::is_arithmetic_v<T> Tensor operator-(T a, const Operand& b) { return sub(Tensor(a), b.tensor, b.here); }
template <class T>
requires std::is_arithmetic_v<T> Tensor operator*(T a, const Operand& b) { return mul(Tensor(a), b.tensor, b.here); }
template <class T>
requires std::is_arithmetic_v<T> Tensor operator/(T a, const Operand& b) { return div(Tensor(a), b.tensor, b.here); }
inline Tensor operator-(const Operand& x) { return neg(x.tensor, x.here); }

}  // namespace lumigrad
