// SPDX-License-Identifier: Apache-2.0
// The small dense system behind a least-squares step, in double.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace lumigrad {

/// J'J [n, n] and J'r [n], and the squared length of r.
struct LinearizedResiduals {
  std::vector<double> matrix;
  std::vector<double> gradient;
  double square = 0;
  std::size_t size() const { return gradient.size(); }
};

/// From J [m, n], row-major, and r [m].
LinearizedResiduals linearize(std::span<const double> jacobian, std::span<const double> residuals);

/// The largest |cosine| between r and a column of J: 0 where no small step lowers the loss, whatever the units.
double largest_cosine(const LinearizedResiduals& at);

/// The solution d of (J'J + damping D) d = -J'r with D the diagonal of J'J (a parameter that r does not depend on
/// counts with the mean of the others). Empty when the matrix is not positive definite to rounding.
std::vector<double> damped_step(const LinearizedResiduals& at, double damping);

/// The decrease of half of r'r that the linear model promises for step d: -d'J'r - d'J'J d / 2.
double promised_decrease(const LinearizedResiduals& at, std::span<const double> d);

}  // namespace lumigrad
