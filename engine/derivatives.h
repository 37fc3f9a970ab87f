// SPDX-License-Identifier: Apache-2.0
// The gradient of a formula and its second order, as kernels take them.
//
// There are two engines. Dual numbers cost (directions + 1) times the formula, and the compiler may not drop products
// with the zeros that constants carry. The recorded reverse knows at compile time what is constant; it is as fast or
// faster from the first input on (rgb_to_hsv, three inputs: 1.7 times at AVX-512, 3.7 times at AVX2, whose registers
// duals overflow), and within 1.15 of an adjoint written by hand. So the gradient is recorded, directional derivatives
// are dual, second order is the one run on the other, and dual_vjp stays as the oracle that the tests compare with.
#pragma once
#include <lumigrad/engine/recorded.h>

namespace lumigrad {

/// gx = w' df/dx, and with `WithParams` gp = w' df/dp (otherwise gp is not touched).
template <class F, bool WithParams, class V>
LUMIGRAD_HD void vjp(const V* x, const V* p, const V* w, V* gx, V* gp) {
  recorded_vjp<F, WithParams>(x, p, w, gx, gp);
}

/// Second order. With s(x, p, w) = w' (df/dx u + df/dp up), the slope of w'f along (u, up):
///
///     gx = ds/dx    gp = ds/dp    gw = ds/dw = df/dx u + df/dp up
///
/// Derivatives commute: ds/dx is the derivative along (u, up) of w' df/dx. So this is the gradient above, run on dual
/// numbers that carry the one direction (u, up); its tangents are the answer.
template <class F, class V>
LUMIGRAD_HD void second(const V* x, const V* p, const V* u, const V* up, const V* w, V* gx, V* gp, V* gw) {
  constexpr int inputs = inputs_of<F>, params = params_of<F>, outputs = outputs_of<F>;
  using D = Dual<V, 1>;
  D dx[inputs], dp[params + 1], dw[outputs], dgx[inputs], dgp[params + 1], dy[outputs];
  for (int i = 0; i < inputs; ++i) {
    dx[i].value = x[i];
    dx[i].tangent[0] = u[i];
  }
  for (int k = 0; k < params; ++k) {
    dp[k].value = p[k];
    dp[k].tangent[0] = up[k];
  }
  for (int m = 0; m < outputs; ++m) dw[m] = D::constant(w[m]);
  recorded_vjp<F, (params > 0)>(dx, dp, dw, dgx, dgp, dy);
  for (int i = 0; i < inputs; ++i) gx[i] = dgx[i].tangent[0];
  for (int k = 0; k < params; ++k) gp[k] = dgp[k].tangent[0];
  for (int m = 0; m < outputs; ++m) gw[m] = dy[m].tangent[0];
}

}  // namespace lumigrad
