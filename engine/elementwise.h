// SPDX-License-Identifier: Apache-2.0
// Formulas of arithmetic: one number or two in, one number out.
//
// Most are one word of math.h. The others are composed so that neither the value nor any derivative of it loses digits
// or meets infinity times zero; where that takes a thought, it stands above.
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad {

struct Add {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return a + b;
  }
};
struct Sub {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return a - b;
  }
};
struct Mul {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return a * b;
  }
};
struct Div {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return a / b;
  }
};
struct Neg {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return -x;
  }
};
struct Abs {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return abs(x);
  }
};
struct Square {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return x * x;
  }
};
struct Sqrt {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return sqrt(x);
  }
};
struct Rsqrt {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return 1 / sqrt(x);
  }
};
struct Cbrt {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return cbrt(x);
  }
};
struct Reciprocal {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return 1 / x;
  }
};
/// sqrt(x^2 + y^2), no overflow on the way, nor in derivatives where the length is within range; slope 0 at the origin.
struct Hypot {
  template <class V>
  LUMIGRAD_HD V operator()(V x, V y) const {
    return hypot(x, y);
  }
};
/// a + t (b - a)
struct Lerp {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b, V t) const {
    return fma(t, b - a, a);
  }
};

struct Exp {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return exp(x);
  }
};
struct Log {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return log(x);
  }
};
struct Pow {
  template <class V>
  LUMIGRAD_HD V operator()(V x, V p) const {
    return pow(x, p);
  }
};

// e^x - 1 without cancellation. The computed u = exp(x) is e^x (1 + d) with a small unknown d; but d = log(u) - x, and
// log is accurate near 1, so u d can be taken off again. Both corrections below have derivative 0 to rounding: the
// slope comes out as u, as it should.
template <class V>
LUMIGRAD_HD V exp_minus_one(V x) {
  const auto small = abs(x) < 1;
  const V u = exp(x);
  const V d = log(select(small, u, V(1))) - select(small, x, V(0));
  return (u - 1) - select(small, u * d, V(0));
}

// log(1 + x): 1 + x is rounded to u, and what was lost, x - (u - 1), is exact. To first order it adds lost / u.
template <class V>
LUMIGRAD_HD V log_one_plus(V x) {
  const V u = 1 + x;
  const V lost = select(abs(x) < 1, (x - (u - 1)) / u, V(0));
  return log(u) + lost;
}

struct Expm1 {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return exp_minus_one(x);
  }
};
struct Log1p {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return log_one_plus(x);
  }
};

struct Sin {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return sin(x);
  }
};
struct Cos {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return cos(x);
  }
};
struct Tan {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return sin(x) / cos(x);
  }
};
struct Asin {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return atan2(x, sqrt((1 - x) * (1 + x)));
  }
};
struct Acos {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return atan2(sqrt((1 - x) * (1 + x)), x);
  }
};
struct Atan {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return atan2(x, V(1));
  }
};
struct Atan2 {
  template <class V>
  LUMIGRAD_HD V operator()(V y, V x) const {
    return atan2(y, x);
  }
};
// Near 0, (e^x - e^-x) / 2 cancels; with e = e^x - 1 it is (e + e / (e + 1)) / 2.
struct Sinh {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    const auto small = abs(x) < 1;
    const V e = exp_minus_one(select(small, x, V(0)));
    return V(0.5) * select(small, e + e / (e + 1), exp(x) - exp(-x));
  }
};
struct Cosh {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return V(0.5) * (exp(x) + exp(-x));
  }
};

/// The larger, and the first at a tie. A NaN in `a` stays, one in `b` is dropped.
struct Maximum {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return max(a, b);
  }
};
struct Minimum {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return min(a, b);
  }
};
/// Parameters: the lower and the upper bound.
struct Clamp {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 2> bounds) const {
    return clamp(x, bounds[0], bounds[1]);
  }
};
struct Floor {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return floor(x);
  }
};
struct Ceil {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return -floor(-x);
  }
};
/// To the nearest integer, halves to the even one.
struct Round {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    const V up = floor(x + V(0.5));
    const V over = up - floor(x);  // 0 or 1
    const V part = x - floor(x);
    const auto odd = up != 2 * floor(V(0.5) * up);
    const auto too_far = (part < V(0.5)) | ((part == V(0.5)) & odd);
    return select((over == 1) & too_far, up - 1, up);
  }
};
/// Towards zero.
struct Trunc {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return select(x < 0, -floor(-x), floor(x));
  }
};

// x - n y with n = floor(x / y). Where x / y was rounded to a whole number, n is off by one and the rest has the wrong
// sign or is as large as y: then one y more or less is right. The slopes are 1 and -n.
template <class V>
LUMIGRAD_HD V rest_above_floor(V x, V y) {
  const V rest = fma(-floor(x / y), y, x);
  const auto wrong_sign = ((rest < 0) & (y > 0)) | ((rest > 0) & (y < 0));
  return select(wrong_sign, rest + y, select(abs(rest) >= abs(y), rest - y, rest));
}
/// What is left of a when b is taken off as often as it goes into it, downwards: the sign is that of b.
struct Remainder {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return rest_above_floor(a, b);
  }
};
/// The same towards zero: the sign is that of a.
struct Fmod {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    const auto below = a < 0;
    const V rest = rest_above_floor(select(below, -a, a), abs(b));
    return select(below, -rest, rest);
  }
};
/// 1, 0 or -1.
struct Sign {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return select(x > 0, V(1), select(x < 0, V(-1), V(0)));
  }
};

// Comparisons give 0 or 1; `Where` takes such a number for its condition (anything but 0 is true).
struct Greater {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return select(a > b, V(1), V(0));
  }
};
struct GreaterEqual {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return select(a >= b, V(1), V(0));
  }
};
struct Less {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return select(a < b, V(1), V(0));
  }
};
struct LessEqual {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return select(a <= b, V(1), V(0));
  }
};
struct Equal {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return select(a == b, V(1), V(0));
  }
};
struct NotEqual {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return select(a != b, V(1), V(0));
  }
};
struct Where {
  template <class V>
  LUMIGRAD_HD V operator()(V condition, V a, V b) const {
    return select(condition != 0, a, b);
  }
};

}  // namespace lumigrad
