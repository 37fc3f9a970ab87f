// SPDX-License-Identifier: Apache-2.0
// Formulas of activation functions.
//
// Each is written so that its derivative stays finite for every finite input: an exponential that overflows in one
// branch belongs to a select that takes the other. Where a function is smooth at 0 although it is written in two
// halves, the halves meet by `select`, never by `abs`, whose slope at 0 is 0.
#pragma once
#include <lumigrad/engine/elementwise.h>

namespace lumigrad {

// -|x|, with slope -1 at 0: the argument of an exponential that cannot overflow.
template <class V>
LUMIGRAD_HD V minus_size(V x) {
  return select(x < 0, x, -x);
}

/// max(x, 0) with slope 0 at 0; NaN stays.
struct Relu {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return select(x <= 0, V(0), x);
  }
};
/// Parameter: the slope for x <= 0.
struct LeakyRelu {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 1> slope) const {
    return select(x > 0, x, slope[0] * x);
  }
};
/// x for x > 0, else alpha (e^x - 1). Parameter: alpha.
struct Elu {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 1> alpha) const {
    return select(x > 0, x, alpha[0] * exp_minus_one(select(x > 0, V(0), x)));
  }
};

// 1 / (1 + e^-x) = z / (1 + z) with z = e^x; of the two forms the one whose exponential is below 1.
template <class V>
LUMIGRAD_HD V sigmoid(V x) {
  const V z = exp(minus_size(x));
  return select(x < 0, z, V(1)) / (1 + z);
}
struct Sigmoid {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return sigmoid(x);
  }
};
/// x sigmoid(x); max(x, 0) where the sigmoid is 0 or 1 to the last bit of a double, and at infinity, where the product
/// would be infinity times 0.
struct Silu {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    const auto far = abs(x) > V(800);
    const V u = select(far, V(0), x);
    return select(far, max(x, V(0)), u * sigmoid(u));
  }
};
/// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)
struct Softplus {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return select(x < 0, V(0), x) + log_one_plus(exp(minus_size(x)));
  }
};
/// (e^2x - 1) / (e^2x + 1); beyond |x| = 20 it is 1 to the last bit of a double.
struct Tanh {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    const V e = exp_minus_one(2 * clamp(x, V(-20), V(20)));
    return e / (e + 2);
  }
};

/// c0 + x (c1 + x (c2 + ...))
template <class V, class... C>
LUMIGRAD_HD V horner(V x, double c0, C... rest) {
  if constexpr (sizeof...(rest) == 0) {
    return V(c0);
  } else {
    return fma(horner(x, rest...), x, V(c0));
  }
}

// The error function by Cody's rational approximations (Mathematics of Computation 23, 1969), good to double precision:
// near 0 it is x times a ratio in x^2, further out 1 - e^(-x^2) times a ratio in |x|, and beyond 6 it is 1.
template <class V>
LUMIGRAD_HD V error_function(V x) {
  const auto inner = abs(x) < V(0.46875);
  const V u = select(inner, x, V(0)), z = u * u;
  const V near =
      u *
      horner(z, 3.20937758913846947e03, 3.77485237685302021e02, 1.13864154151050156e02, 3.16112374387056560,
             1.85777706184603153e-1) /
      horner(z, 2.84423683343917062e03, 1.28261652607737228e03, 2.44024637934444173e02, 2.36012909523441209e01, 1.0);
  const V y = min(abs(x), V(6));
  const V far = 1 - exp(-y * y) *
                        horner(y, 1.23033935479799725e03, 2.05107837782607147e03, 1.71204761263407058e03,
                               8.81952221241769090e02, 2.98635138197400131e02, 6.61191906371416295e01,
                               8.88314979438837594, 5.64188496988670089e-1, 2.15311535474403846e-8) /
                        horner(y, 1.23033935480374942e03, 3.43936767414372164e03, 4.36261909014324716e03,
                               3.29079923573345963e03, 1.62138957456669019e03, 5.37181101862009858e02,
                               1.17693950891312499e02, 1.57449261107098347e01, 1.0);
  return select(inner, near, select(x < 0, -far, far));
}
struct Erf {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return error_function(x);
  }
};
/// x Phi(x), Phi the normal distribution function; far out as Silu.
struct Gelu {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    const auto far = abs(x) > V(800);
    const V u = select(far, V(0), x);
    return select(far, max(x, V(0)), V(0.5) * u * (1 + error_function(V(0.70710678118654752) * u)));
  }
};

}  // namespace lumigrad
