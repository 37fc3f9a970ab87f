// SPDX-License-Identifier: Apache-2.0
// Dual numbers: a number that carries its own derivative.
//
// Write x = a + u e, where e is a new symbol with e^2 = 0. Then
//
//     (a + u e) + (b + v e) = (a + b) + (u + v) e
//     (a + u e) * (b + v e) =  a b    + (a v + b u) e          and, from the Taylor series, for any smooth f
//     f(a + u e)            =  f(a)   + f'(a) u e
//
// The coefficient of e obeys the sum, product and chain rules all by itself. So a function that is run on dual numbers
// instead of plain ones comes back with its derivative, exact to rounding, without anyone having derived anything:
//
//     Dual<double, 1> x{3, {1}};         // x = 3, and dx/dx = 1
//     auto y = x * x + sin(x);           // y.value = 9.14..., y.tangent[0] = 6 + cos(3)
//
// `Dual<V, N>` carries N coefficients at once: N directions, for example one per input of a formula, which gives the
// whole Jacobian matrix in one run. V may be a float, a vector of floats, or again a dual number:
// `Dual<Dual<V, 1>, N>` differentiates the derivative, which is how second order is done here.
//
// Comparisons look at the values alone, and `select` picks whole numbers, value and tangent together. That is why the
// square root in select(x > 0, sqrt(x), 0) does no harm at x = 0: its infinite slope is never multiplied by zero, it
// is simply not chosen.
//
// The price of N directions is N + 1 times the arithmetic. Beyond a few, running the chain rule backwards is cheaper:
// see recorded.h.
#pragma once
#include <type_traits>

#include <lumigrad/engine/math.h>

namespace lumigrad {

template <class V, int N>
struct Dual;

template <class V>
inline constexpr bool is_dual = false;
template <class V, int N>
inline constexpr bool is_dual<Dual<V, N>> = true;

// ---- slopes of the names that have one worth writing down, with the agreed values where it does not exist -----------

// y = sqrt(x):  y^2 = x,  2 y y' = 1
template <class V>
LUMIGRAD_HD V sqrt_slope(const V& x, const V& y) {
  return select(x == V(0), V(0), V(0.5) / y);
}

// y = cbrt(x):  y^3 = x,  3 y^2 y' = 1
template <class V>
LUMIGRAD_HD V cbrt_slope(const V& x, const V& y) {
  return select(x == V(0), V(0), V(1.0 / 3) / (y * y));
}

// y = x^p:  dy/dx = p x^(p-1) = p y / x, the second form for plain numbers because it needs no second power; at x = 0
// it is 1 for p = 1 and 0 otherwise. A dual number (second order) takes the first form, whose own slope at 0 is right.
template <class V>
LUMIGRAD_HD V pow_slope(const V& x, const V& p, const V& y) {
  if constexpr (is_dual<V>) {
    return select(x == V(0), select(p < V(1), V(0), p * pow(x, p - V(1))), p * pow(x, p - V(1)));
  } else {
    return select(x == V(0), select(p == V(1), V(1), V(0)), p * y / x);
  }
}

// y = exp(p log x):  dy/dp = y log x; 0 where x <= 0, so that a constant exponent may have a negative base.
template <class V>
LUMIGRAD_HD V pow_exponent_slope(const V& x, const V&, const V& y) {
  return select(x > V(0), y * log(select(x > V(0), x, V(1))), V(0));
}

// y = x^p for x > 0 and a constant p
template <class V>
LUMIGRAD_HD V positive_pow_slope(const V& x, double p, const V& y) {
  return V(p) * y / x;
}

// r = hypot(x, y):  dr/dx = x / r; 0 at the origin and where r overflows. Division keeps the range: no r^3 at order 2.
template <class V>
LUMIGRAD_HD V hypot_slope(const V& x, const V& r) {
  return select(r == V(0), V(0), x / r);
}

// t = atan2(y, x):  dt/dy = x / (x^2 + y^2),  dt/dx = -y / (x^2 + y^2); 0 at the origin.
template <class V>
LUMIGRAD_HD V atan2_slope(const V& other, const V& y, const V& x) {
  const V square = fma(x, x, y * y);
  return select(square == V(0), V(0), other / square);
}

// y = largest(a, b, c) or smallest(a, b, c): those that equal y, one to three of them, have one slope in common.
template <class V>
LUMIGRAD_HD V shared_slope(const V& y, const V& a, const V& b, const V& c) {
  const V one = select(c == y, V(0.5), V(1)), two = select(c == y, V(1.0 / 3), V(0.5));  // of a and b equal y
  return select(a == y, select(b == y, two, one), select(b == y, one, V(1)));
}

// ---- the number -----------------------------------------------------------------------------------------------------

/// A value and its derivatives in N directions.
template <class V, int N>
struct Dual {
  static_assert(N >= 1 && N <= 8, "lumigrad: at most 8 directions per dual number; chain two small formulas instead");
  using Mask = decltype(V() < V());

  V value;
  V tangent[N];

  LUMIGRAD_HD Dual() : value(), tangent{} {}
  /// A constant: implicit from integers, `V(0.5)` otherwise.
  template <class S, std::enable_if_t<std::is_integral_v<S>, int> = 0>
  LUMIGRAD_HD Dual(S s) : Dual(constant(V(s))) {}
  template <class S, std::enable_if_t<std::is_floating_point_v<S>, long> = 0>
  LUMIGRAD_HD explicit Dual(S s) : Dual(constant(V(s))) {}

  /// A number that does not depend on any direction.
  static LUMIGRAD_HD Dual constant(const V& value) {
    Dual r;
    r.value = value;
    for (int i = 0; i < N; ++i) r.tangent[i] = V(0);
    return r;
  }
  /// The axis-th independent variable.
  static LUMIGRAD_HD Dual variable(const V& value, int axis) {
    Dual r = constant(value);
    r.tangent[axis] = V(1);
    return r;
  }

  // (a + b)' = a' + b'
  friend LUMIGRAD_HD Dual operator+(const Dual& a, const Dual& b) {
    Dual r;
    r.value = a.value + b.value;
    for (int i = 0; i < N; ++i) r.tangent[i] = a.tangent[i] + b.tangent[i];
    return r;
  }
  // (a - b)' = a' - b'
  friend LUMIGRAD_HD Dual operator-(const Dual& a, const Dual& b) {
    Dual r;
    r.value = a.value - b.value;
    for (int i = 0; i < N; ++i) r.tangent[i] = a.tangent[i] - b.tangent[i];
    return r;
  }
  // (-a)' = -a'
  friend LUMIGRAD_HD Dual operator-(const Dual& a) {
    Dual r;
    r.value = -a.value;
    for (int i = 0; i < N; ++i) r.tangent[i] = -a.tangent[i];
    return r;
  }
  // (a b)' = b a' + a b'
  friend LUMIGRAD_HD Dual operator*(const Dual& a, const Dual& b) {
    return chain(a.value * b.value, b.value, a, a.value, b);
  }
  // q = a / b:  q' = a' / b - (q / b) b'
  friend LUMIGRAD_HD Dual operator/(const Dual& a, const Dual& b) {
    const V q = a.value / b.value, r = V(1) / b.value;
    return chain(q, r, a, -(q * r), b);
  }
  friend LUMIGRAD_HD Dual& operator+=(Dual& a, const Dual& b) { return a = a + b; }
  friend LUMIGRAD_HD Dual& operator-=(Dual& a, const Dual& b) { return a = a - b; }
  friend LUMIGRAD_HD Dual& operator*=(Dual& a, const Dual& b) { return a = a * b; }
  friend LUMIGRAD_HD Dual& operator/=(Dual& a, const Dual& b) { return a = a / b; }

  friend LUMIGRAD_HD Mask operator<(const Dual& a, const Dual& b) { return a.value < b.value; }
  friend LUMIGRAD_HD Mask operator>(const Dual& a, const Dual& b) { return a.value > b.value; }
  friend LUMIGRAD_HD Mask operator<=(const Dual& a, const Dual& b) { return a.value <= b.value; }
  friend LUMIGRAD_HD Mask operator>=(const Dual& a, const Dual& b) { return a.value >= b.value; }
  friend LUMIGRAD_HD Mask operator==(const Dual& a, const Dual& b) { return a.value == b.value; }
  friend LUMIGRAD_HD Mask operator!=(const Dual& a, const Dual& b) { return a.value != b.value; }

  // A condition chooses whole numbers: nothing of the other branch remains.
  friend LUMIGRAD_HD Dual select(const Mask& m, const Dual& a, const Dual& b) {
    Dual r;
    r.value = select(m, a.value, b.value);
    for (int i = 0; i < N; ++i) r.tangent[i] = select(m, a.tangent[i], b.tangent[i]);
    return r;
  }
  // At a tie the first argument is chosen, and its tangent with it.
  friend LUMIGRAD_HD Dual max(const Dual& a, const Dual& b) { return select(b.value > a.value, b, a); }
  friend LUMIGRAD_HD Dual min(const Dual& a, const Dual& b) { return select(b.value < a.value, b, a); }
  // Equals share: nobody is preferred.
  friend LUMIGRAD_HD Dual largest(const Dual& a, const Dual& b, const Dual& c) {
    return shared(largest(a.value, b.value, c.value), a, b, c);
  }
  friend LUMIGRAD_HD Dual smallest(const Dual& a, const Dual& b, const Dual& c) {
    return shared(smallest(a.value, b.value, c.value), a, b, c);
  }
  friend LUMIGRAD_HD Dual clamp(const Dual& x, const Dual& lo, const Dual& hi) { return min(max(x, lo), hi); }

  // |a|' = sign(a) a', 0 at 0
  friend LUMIGRAD_HD Dual abs(const Dual& a) {
    return select(a.value > V(0), a, select(a.value < V(0), -a, constant(abs(a.value))));
  }
  // floor is constant between its jumps
  friend LUMIGRAD_HD Dual floor(const Dual& a) { return constant(floor(a.value)); }
  // (a b + c)' = b a' + a b' + c'
  friend LUMIGRAD_HD Dual fma(const Dual& a, const Dual& b, const Dual& c) {
    Dual r = chain(fma(a.value, b.value, c.value), b.value, a, a.value, b);
    for (int i = 0; i < N; ++i) r.tangent[i] = r.tangent[i] + c.tangent[i];
    return r;
  }

  // The rest is f(a)' = f'(a) a', with the slopes f' written once above for every way of differentiating.
  friend LUMIGRAD_HD Dual sqrt(const Dual& a) {
    const V y = sqrt(a.value);
    return chain(y, sqrt_slope(a.value, y), a);
  }
  friend LUMIGRAD_HD Dual cbrt(const Dual& a) {
    const V y = cbrt(a.value);
    return chain(y, cbrt_slope(a.value, y), a);
  }
  friend LUMIGRAD_HD Dual exp(const Dual& a) {
    const V y = exp(a.value);
    return chain(y, y, a);  // exp' = exp
  }
  friend LUMIGRAD_HD Dual log(const Dual& a) { return chain(log(a.value), V(1) / a.value, a); }
  friend LUMIGRAD_HD Dual sin(const Dual& a) { return chain(sin(a.value), cos(a.value), a); }
  friend LUMIGRAD_HD Dual cos(const Dual& a) { return chain(cos(a.value), -sin(a.value), a); }
  friend LUMIGRAD_HD Dual pow(const Dual& x, const Dual& p) {
    const V y = pow(x.value, p.value);
    return chain(y, pow_slope(x.value, p.value, y), x, pow_exponent_slope(x.value, p.value, y), p);
  }
  friend LUMIGRAD_HD Dual positive_pow(const Dual& x, double p) {
    const V y = positive_pow(x.value, p);
    return chain(y, positive_pow_slope(x.value, p, y), x);
  }
  friend LUMIGRAD_HD Dual hypot(const Dual& x, const Dual& y) {
    const V r = hypot(x.value, y.value);
    return chain(r, hypot_slope(x.value, r), x, hypot_slope(y.value, r), y);
  }
  friend LUMIGRAD_HD Dual atan2(const Dual& y, const Dual& x) {
    return chain(atan2(y.value, x.value), atan2_slope(x.value, y.value, x.value), y,
                 -atan2_slope(y.value, y.value, x.value), x);
  }

 private:
  static LUMIGRAD_HD Dual chain(const V& value, const V& slope, const Dual& a) {
    Dual r;
    r.value = value;
    for (int i = 0; i < N; ++i) r.tangent[i] = slope * a.tangent[i];
    return r;
  }
  static LUMIGRAD_HD Dual chain(const V& value, const V& slope_a, const Dual& a, const V& slope_b, const Dual& b) {
    Dual r;
    r.value = value;
    for (int i = 0; i < N; ++i) r.tangent[i] = fma(slope_a, a.tangent[i], slope_b * b.tangent[i]);
    return r;
  }
  static LUMIGRAD_HD Dual shared(const V& y, const Dual& a, const Dual& b, const Dual& c) {
    const V slope = shared_slope(y, a.value, b.value, c.value), none(0);
    Dual r;
    r.value = y;
    for (int i = 0; i < N; ++i)
      r.tangent[i] = slope * (select(a.value == y, a.tangent[i], none) + select(b.value == y, b.tangent[i], none) +
                              select(c.value == y, c.tangent[i], none));
    return r;
  }
};

}  // namespace lumigrad
