// SPDX-License-Identifier: Apache-2.0
// Correlation of two images from five sums, and figures made of a mean square, as formulas.
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad::losses {

/// The five moments about the levels p, one an image: u, v, u^2, v^2, u v with u = a - p[0], v = b - p[1].
struct Moments {
  template <class V>
  LUMIGRAD_HD Pixel<V, 5> operator()(V a, V b, Params<V, 2> p) const {
    const V u = a - p[0], v = b - p[1];
    return {{u, v, u * u, v * v, u * v}};
  }
};

/// Their means as a correlation in [-1, 1]: covariance / sqrt(variance_a variance_b). Correlation does not depend on
/// the levels, so any near the data serve, and keep the subtraction below from cancelling. A variance of no more than
/// p[0] of its second moment is rounding: such an image is constant, and has correlation 0 and slope 0.
struct Correlation {
  template <class V>
  LUMIGRAD_HD V operator()(V u, V v, V uu, V vv, V uv, Params<V, 1> p) const {
    const V su = uu - u * u, sv = vv - v * v, covariance = uv - u * v;
    const auto real = (su > uu * p[0]) & (sv > vv * p[0]);
    return select(real, covariance / (sqrt(select(real, su, V(1))) * sqrt(select(real, sv, V(1)))), V(0));
  }
};

/// 10 log10(peak^2 / x) of a mean square x; infinite, with slope 0, where x is 0. p = peak.
struct Decibel {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 1> p) const {
    const auto different = x > V(0);
    const V ratio = p[0] * p[0] / select(different, x, V(1));
    return select(different, log(ratio) * V(4.3429448190325183), V(__builtin_huge_val()));
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using CorrelationFormulas = FormulaList<Moments, Correlation, Decibel>;

}  // namespace lumigrad::losses
