// SPDX-License-Identifier: Apache-2.0
// Formulas of the gamma function: log |Gamma(x)| and its derivative.
//
// Three ways meet, each where it keeps all digits (Abramowitz and Stegun, chapter 6):
//   x < 1/2          reflection,   Gamma(x) Gamma(1 - x) = pi / sin(pi x), so that what follows has y = 1 - x > 1/2
//   1/2 < y < 8      recurrence,   Gamma(y + 1) = y Gamma(y), to 2 + t with |t| <= 1/2, and there the series
//                                  log Gamma(2 + t) = (1 - gamma) t + sum over k >= 2 of (zeta(k) - 1) / k (-t)^k,
//                                  which keeps the zeros at 1 and 2 to full relative precision
//   y >= 8           Stirling,     (y - 1/2) log y - y + log(2 pi) / 2 + 1 / (12 y) - 1 / (360 y^3) + ...
// At 0, -1, -2, ... log |Gamma| is infinite, and digamma, which has no limit there, minus infinity.
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad {

// The sum over k >= 2 of (zeta(k) - 1) / k u^(k - 2), or without the division by k: for log Gamma, and for its slope.
template <bool Divided, int K, class V, class... Z>
LUMIGRAD_HD V zeta_series(V u, double z, Z... rest) {
  const V first = V(Divided ? z / K : z);
  if constexpr (sizeof...(rest) == 0) {
    return first;
  } else {
    return fma(zeta_series<Divided, K + 1>(u, rest...), u, first);
  }
}
template <bool Divided, class V>
LUMIGRAD_HD V zeta_series(V u) {
  return zeta_series<Divided, 2>(
      u, 0.64493406684822644, 0.20205690315959429, 0.082323233711138192, 0.036927755143369926, 0.01734306198444914,
      0.0083492773819228268, 0.0040773561979443394, 0.0020083928260822144, 0.00099457512781808534,
      0.00049418860411946456, 0.0002460865533080483, 0.00012271334757848915, 6.1248135058704829e-5,
      3.0588236307020494e-5, 1.5282259408651872e-5, 7.6371976378997623e-6, 3.8172932649998399e-6, 1.9082127165539389e-6,
      9.5396203387279611e-7, 4.7693298678780646e-7, 2.3845050272773299e-7, 1.1921992596531107e-7, 5.960818905125948e-8,
      2.980350351465228e-8, 1.4901554828365041e-8, 7.4507117898354295e-9, 3.7253340247884571e-9);
}

/// y > 1/2 brought to 2 + t by the recurrence: Gamma(y) = product Gamma(2 + t), or Gamma(2 + t) / product for y < 3/2.
/// `slope` is the derivative of the product.
template <class V>
struct GammaSteps {
  V t, product, slope;

  explicit LUMIGRAD_HD GammaSteps(V y) : t(y - floor(y - V(0.5)) - 1), product(V(1)), slope(V(0)) {
    for (int k = 1; k <= 6; ++k) {
      const V factor = y - k;
      const auto more = factor >= V(1.5);
      slope = select(more, fma(slope, factor, product), slope);
      product = select(more, product * factor, product);
    }
    const auto below = y < V(1.5);
    product = select(below, y, product);
    slope = select(below, V(1), slope);
  }
};

/// What reflection makes of x: y = x or 1 - x, and the distance of x from the nearest integer.
template <class V>
struct GammaReflection {
  V y, part;
  explicit LUMIGRAD_HD GammaReflection(V x) : y(select(x < V(0.5), 1 - x, x)), part(x - floor(x + V(0.5))) {}
};

/// log |Gamma(x)|
struct LogGamma {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    const auto reflected = x < V(0.5);
    const GammaReflection<V> r(x);
    const auto far = r.y >= 8;
    const V y = select(far, r.y, V(8)), z = 1 / y, z2 = z * z;
    const V tail =
        z * (V(1.0 / 12) +
             z2 * (V(-1.0 / 360) +
                   z2 * (V(1.0 / 1260) + z2 * (V(-1.0 / 1680) +
                                               z2 * (V(1.0 / 1188) + z2 * (V(-691.0 / 360360) + z2 * V(1.0 / 156)))))));
    const V stirling = (y - V(0.5)) * (log(y) - 1) + (V(0.41893853320467274) + tail);
    const GammaSteps<V> steps(select(far, V(2), r.y));
    const V walked = log(steps.product);
    const V near = steps.t * fma(zeta_series<true>(-steps.t), steps.t, V(0.42278433509846714)) +
                   select(r.y < V(1.5), -walked, walked);
    const V whole = select(far, stirling, near);
    const V sine = abs(sin(V(pi) * select(reflected, r.part, V(0.5))));
    return select(reflected, log(V(pi) / sine) - whole, whole);
  }
};

/// The derivative of log |Gamma(x)|.
struct Digamma {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    const auto reflected = x < V(0.5);
    const GammaReflection<V> r(x);
    const auto far = r.y >= 8;
    const V y = select(far, r.y, V(8)), z = 1 / y, z2 = z * z;
    const V tail =
        z2 * (V(1.0 / 12) +
              z2 * (V(-1.0 / 120) +
                    z2 * (V(1.0 / 252) +
                          z2 * (V(-1.0 / 240) + z2 * (V(1.0 / 132) + z2 * (V(-691.0 / 32760) + z2 * V(1.0 / 12)))))));
    const V stirling = log(y) - V(0.5) * z - tail;
    const GammaSteps<V> steps(select(far, V(2), r.y));
    const V walked = steps.slope / steps.product;
    const V near =
        fma(zeta_series<false>(-steps.t), steps.t, V(0.42278433509846714)) + select(r.y < V(1.5), -walked, walked);
    const V whole = select(far, stirling, near);
    const V angle = V(pi) * select(reflected, r.part, V(0.5));
    return select(reflected, whole - V(pi) * cos(angle) / sin(angle), whole);
  }
};

/// The operators made of these, compiled at the baseline (formulas.h).
using GammaFormulas = FormulaList<LogGamma, Digamma>;

}  // namespace lumigrad
