// SPDX-License-Identifier: Apache-2.0
// Lesson 1: dual numbers. How can a program know its own derivative?
//
// The usual answer is to move the input a little and look: (f(x + h) - f(x)) / h. Too large an h misses the curve, too
// small an h drowns in rounding, and there is no good one. This lesson shows the other answer: carry the derivative
// along with every number, and let each operation update both.
#include <lumigrad/engine/dual.h>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace lesson {
LUMIGRAD_WORDS;  // sin, exp, ... for floats, doubles and dual numbers alike

void must(bool ok, const char* what) {
  if (ok) return;
  std::printf("WRONG: %s\n", what);
  std::exit(1);
}

// A dual number from scratch: a + u e with e^2 = 0. Multiply two of them out and the product rule falls from the sky:
// (a + u e)(b + v e) = a b + (a v + b u) e, because the term u v e^2 is zero.
struct Tiny {
  double value, slope;
};
Tiny operator+(Tiny x, Tiny y) { return {x.value + y.value, x.slope + y.slope}; }
Tiny operator*(Tiny x, Tiny y) { return {x.value * y.value, x.value * y.slope + y.value * x.slope}; }
// The Taylor series ends after its second term for the same reason: sin(a + u e) = sin a + cos(a) u e.
Tiny sin(Tiny x) { return {std::sin(x.value), std::cos(x.value) * x.slope}; }

// A function written once, for any kind of number.
template <class V>
V wave(V x) {
  return x * x + sin(x);
}

void from_scratch() {
  const Tiny x{3, 1};  // x is 3, and x changes by 1 when x changes by 1
  const Tiny y = wave(x);
  std::printf("wave(3) = %.6f, and its slope %.6f; on paper it is 2 x + cos x = %.6f\n", y.value, y.slope,
              6 + std::cos(3.0));
  must(std::abs(y.slope - (6 + std::cos(3.0))) < 1e-15, "twenty lines differentiate x^2 + sin x");
}

// The best a difference quotient can do, over all sensible h.
void against_differences() {
  const double exact = 6 + std::cos(3.0);
  double best = 1;
  for (int k = 1; k <= 15; ++k) {
    const double h = std::pow(10.0, -k), quotient = (wave(3 + h) - wave(3.0)) / h;
    best = std::min(best, std::abs(quotient - exact));
    if (k % 5 == 0) std::printf("  h = 1e-%02d: wrong by %.1e\n", k, std::abs(quotient - exact));
  }
  std::printf("  the best of fifteen is wrong by %.1e; the dual number by nothing\n", best);
  must(best > 1e-10, "no step is good enough");
}

// The library's Dual carries several slopes at once, one for each direction in which the inputs can move: here both
// partial derivatives of f(x, y) = exp(x y) / y.
void several_directions() {
  using D = lumigrad::Dual<double, 2>;
  const D x = D::variable(0.5, 0), y = D::variable(1, 1);
  const D f = exp(x * y) / y;
  std::printf("f(x, y) = exp(x y) / y at (0.5, 1): df/dx = %.6f, df/dy = %.6f\n", f.tangent[0], f.tangent[1]);
  const double e = std::exp(0.5);
  must(std::abs(f.tangent[0] - e) < 1e-12, "df/dx = exp(x y)");
  must(std::abs(f.tangent[1] - (0.5 * e - e)) < 1e-12, "df/dy = x exp(x y)/y - exp(x y)/y^2");
}

// A choice takes value and slope together. sqrt has an infinite slope at 0, but where it is not chosen it does no harm:
// a formula that multiplied it by zero instead would have made a NaN.
void choices() {
  const auto root = lumigrad::Dual<double, 1>::variable(0, 0);
  const auto y = select(root > root, sqrt(root), root + root);
  std::printf("the branch that is not taken leaves nothing behind: slope %.0f\n", y.tangent[0]);
  must(y.tangent[0] == 2, "select takes the slope of its choice");
}

// And a dual number may be made of dual numbers. The slope of the slope is the second derivative: wave'' = 2 - sin x.
void second_order() {
  using D = lumigrad::Dual<double, 1>;
  lumigrad::Dual<D, 1> x;
  x.value = D::variable(3, 0);
  x.tangent[0] = D::constant(1);
  const double curvature = wave(x).tangent[0].tangent[0];
  std::printf("wave''(3) = %.6f; on paper it is 2 - sin x = %.6f\n", curvature, 2 - std::sin(3.0));
  must(std::abs(curvature - (2 - std::sin(3.0))) < 1e-12, "duals of duals give second derivatives");
}

}  // namespace lesson

int main() {
  lesson::from_scratch();
  lesson::against_differences();
  lesson::several_directions();
  lesson::choices();
  lesson::second_order();
  std::puts("Each direction costs one more slope to carry. Lesson 2 asks for a million slopes of one number at once.");
}
