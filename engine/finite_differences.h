// SPDX-License-Identifier: Apache-2.0
// Derivatives along a line, by differences: what gradcheck.cpp compares the tape with.
#pragma once
#include <lumigrad/engine/random.h>
#include <cmath>
#include <functional>
#include <vector>

namespace lumigrad::differences {

using Numbers = std::vector<double>;
using Point = std::vector<Numbers>;

/// A derivative by differences, and how far it can be trusted.
struct Estimate {
  double value = 0, noise = INFINITY;
};

/// Some functions at a point t of a line; `sizes` is what their rounding errors are relative to.
struct Heights {
  Numbers values, sizes;
};
using Line = std::function<Heights(double t)>;

/// The slopes at t = 0 from central differences at h and h/2, which combine to an error of h^4 (Richardson). The noise
/// is their disagreement and the rounding of the values.
std::vector<Estimate> slopes(const Line& line, double h);

/// sum a b, and sum |a b|
double dot(const Numbers& a, const Numbers& b);
double dot_size(const Numbers& a, const Numbers& b);
/// Uniform in [-1, 1).
Numbers random_numbers(std::size_t count, const Generator& generator);
/// x + t u
Numbers moved(const Numbers& x, const Numbers& u, double t);

}  // namespace lumigrad::differences
