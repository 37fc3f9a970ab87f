// SPDX-License-Identifier: Apache-2.0
// Losses of one difference, as formulas.
//
// With d = a - b and t = (d / c)^2, c the scale at which a difference begins to count as an outlier, and p[0] = 1 / c:
//
//     charbonnier      sqrt(t + 1) - 1          like |d| far out
//     cauchy           log(t / 2 + 1)           grows without bound, ever more slowly
//     geman_mcclure    2 t / (t + 4)            bounded by 2
//     welsch           1 - exp(-t / 2)          bounded by 1
//
// All are t / 2 near zero. J. T. Barron, A general and adaptive robust loss function, CVPR 2019. Where the textbook
// form would cancel (1 - 1 near d = 0) an equal one that does not is computed, so that a loss in single precision still
// falls while differences go to zero.
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad::losses {

/// log(1 + t) for t >= 0, small t included: u = 1 + t is rounded, and what rounding took from t is given back to first
/// order. The correction has no slope of its own, so the slope is 1 / u.
template <class V>
LUMIGRAD_HD V log_beyond_one(const V& t) {
  const V u = 1 + t;
  return log(u) + (t - (u - 1)) / u;
}

/// 1 - e^-t for t >= 0. Below 1/8 from e^-t = p(-t) / p(t), the quotient of polynomials of degree 4 that agrees with it
/// to t^9, where the ones cancel before anything is rounded: (p(t) - p(-t)) / p(t).
template <class V>
LUMIGRAD_HD V one_minus_exp(const V& t) {
  const auto small = t < V(0.125);
  const V u = select(small, t, V(0)), square = u * u;
  const V p = fma(u, fma(u, fma(u, fma(u, V(1.0 / 1680), V(1.0 / 84)), V(3.0 / 28)), V(0.5)), V(1));
  return select(small, fma(square, V(1.0 / 42), V(1)) * t / p, 1 - exp(-t));
}

/// |a - b|; slope 0 where they are equal.
struct Absolute {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return abs(a - b);
  }
};

struct Square {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    const V d = a - b;
    return d * d;
  }
};

struct Charbonnier {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b, Params<V, 1> p) const {
    const V d = (a - b) * p[0], t = d * d;
    return t / (sqrt(t + 1) + 1);
  }
};

/// sqrt(d^2 + p[0]^2): the charbonnier loss in its older form, about |d| everywhere.
struct SoftAbsolute {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b, Params<V, 1> p) const {
    const V d = a - b;
    return sqrt(fma(d, d, p[0] * p[0]));
  }
};

struct Cauchy {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b, Params<V, 1> p) const {
    const V d = (a - b) * p[0];
    return log_beyond_one(d * d * V(0.5));
  }
};

struct GemanMcclure {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b, Params<V, 1> p) const {
    const V d = (a - b) * p[0], t = d * d;
    return 2 * t / (t + 4);
  }
};

struct Welsch {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b, Params<V, 1> p) const {
    const V d = (a - b) * p[0];
    return one_minus_exp(d * d * V(0.5));
  }
};

/// d^2 / 2 up to |d| = p[0], then p[0] (|d| - p[0] / 2): one straight line and one parabola with equal slopes.
struct Huber {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b, Params<V, 1> p) const {
    const V d = a - b, size = abs(d);
    return select(size <= p[0], d * d * V(0.5), p[0] * (size - p[0] * V(0.5)));
  }
};

/// The same over p[0]: |d| - p[0] / 2 far out.
struct SmoothAbsolute {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b, Params<V, 1> p) const {
    const V d = a - b, size = abs(d);
    return select(size < p[0], d * d * V(0.5) / p[0], size - p[0] * V(0.5));
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using RobustFormulas =
    FormulaList<Absolute, Square, Charbonnier, SoftAbsolute, Cauchy, GemanMcclure, Welsch, Huber, SmoothAbsolute>;

}  // namespace lumigrad::losses
