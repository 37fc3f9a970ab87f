// SPDX-License-Identifier: Apache-2.0
// The derivatives of a formula, each by the cheaper engine: one name, two ways behind it.
//
// Dual numbers cost (inputs + 1) times the formula, the recorded reverse a small multiple that does not grow with the
// inputs but keeps a mask and a sum for every choice the formula makes. So duals win for up to three inputs where the
// formula chooses much (rgb_to_hsv), the reverse wins with parameters, with more inputs, and where there is no choice.
#pragma once
#include <lumigrad/engine/recorded.h>

namespace lumigrad {

/// Whether `vjp` takes dual numbers for this formula.
template <class F, bool WithParams>
inline constexpr bool prefers_dual = !WithParams && inputs_of<F> <= 3 && chooses<F>;

/// gx = w' df/dx, and with `WithParams` gp = w' df/dp (otherwise gp is not touched).
template <class F, bool WithParams, class V>
LUMIGRAD_HD void vjp(const V* x, const V* p, const V* w, V* gx, V* gp) {
  if constexpr (prefers_dual<F, WithParams>) {
    dual_vjp<F, WithParams>(x, p, w, gx, gp);
  } else {
    recorded_vjp<F, WithParams>(x, p, w, gx, gp);
  }
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
