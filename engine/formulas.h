// SPDX-License-Identifier: Apache-2.0
// The formulas of the engine, compiled by cpu/elementwise_kernels.cpp, cpu/activation_kernels.cpp and
// cpu/gamma_kernels.cpp.
#pragma once
#include <lumigrad/engine/activations.h>
#include <lumigrad/engine/cpu/formula_table.h>
#include <lumigrad/engine/elementwise.h>
#include <lumigrad/engine/gamma_function.h>

namespace lumigrad {

using ElementwiseFormulas =
    FormulaList<Add, Sub, Mul, Div, Neg, Abs, Square, Sqrt, Rsqrt, Cbrt, Reciprocal, Hypot, Lerp, Exp, Log, Pow, Expm1,
                Log1p, Sin, Cos, Tan, Asin, Acos, Atan, Atan2, Sinh, Cosh, Maximum, Minimum, Clamp, Floor, Ceil, Round,
                Trunc, Remainder, Fmod, Sign, Greater, GreaterEqual, Less, LessEqual, Equal, NotEqual, Where>;
LUMIGRAD_FORMULA_TABLE(elementwise, ElementwiseFormulas);

using ActivationFormulas = FormulaList<Relu, LeakyRelu, Elu, Sigmoid, Silu, Softplus, Tanh, Erf, Gelu>;
LUMIGRAD_FORMULA_TABLE(activation, ActivationFormulas);

LUMIGRAD_FORMULA_TABLE(gamma, GammaFormulas);

}  // namespace lumigrad
