// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/activation_forms.h>
#include <lumigrad/engine/formulas.h>
#include <lumigrad/engine/requirements.h>
#include <cmath>
#include <numbers>

namespace lumigrad {

Tensor gelu_tanh(const Tensor& x, Here here) {
  require_real("gelu", x);
  const Tensor inner = mul(x, add(mul(square(x, here), 0.044715, here), 1, here), here);
  const Tensor share = tanh(mul(inner, std::sqrt(2 / std::numbers::pi), here), here);
  return mul(mul(x, 0.5, here), add(share, 1, here), here);
}

Tensor softplus(const Tensor& x, const Tensor& beta, double threshold, Here here) {
  require_real("softplus", x);
  const Tensor scaled = mul(x, beta, here);
  const Tensor far = pixel(Greater{}, {scaled.detach(), threshold});
  return where(far, x, div(softplus(scaled, here), beta, here), here);
}

Tensor div(const Tensor& a, const Tensor& b, Rounding rounding, Here here) {
  require_real("div", a.is_weak() ? b : a);
  // Without what is left over, a is a multiple of b to rounding.
  const Tensor rest = rounding == Rounding::down ? remainder(a, b, here) : fmod(a, b, here);
  return round(div(sub(a, rest, here), b, here), here);
}

}  // namespace lumigrad
