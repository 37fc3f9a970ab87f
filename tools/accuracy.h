// SPDX-License-Identifier: Apache-2.0
// How far the words of engine/math.h are from the exact result, at each instruction level: what tools/accuracy.md says
// and tests/math_accuracy_test.cpp holds the code to.
//
// Errors are in units of the last place (ulp) that a number of the result's type has near the exact result, against
// long double. Arguments are drawn evenly from a range, or from all bit patterns ("any": zeros, subnormal numbers,
// infinities, NaN); the ends of ranges and special numbers are always among them. An infinity or a NaN must be one
// where the C library says so.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tools/compiled_formulas.h"

namespace lumigrad {

/// |got - want| in units of the last place that a T near `want` has; 0 where both are the same infinity or NaN.
template <class T>
double ulps(T got, long double want) {
  constexpr double wrong = 1e9;
  if (std::isnan(want)) return std::isnan(got) ? 0 : wrong;
  const T rounded = static_cast<T>(want);
  if (std::isinf(rounded) || std::isinf(got)) {
    if (rounded == got) return 0;
    const long double largest = std::numeric_limits<T>::max();
    return std::isinf(got) == std::isinf(rounded) || std::fabs(want) < largest * (1 - 1e-6L) ? wrong : 0;
  }
  int exponent = 0;
  std::frexp(want, &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - want) /
                             std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits));
}

/// One word over one range.
struct AccuracyRow {
  std::string word;
  std::string range;  ///< of the arguments, in order
  std::string why;    ///< where an error is above 1 ulp: its reason
  /// The largest error over `samples` arguments, of float at a level or of double (at the level's own kernel; below
  /// zero: there is none, and a lower level's serves).
  std::function<double(Level, bool wide, std::size_t samples)> worst;
};

/// Every name of the vocabulary that computes; comparisons and `&`, `|`, `!` have nothing to round.
const std::vector<AccuracyRow>& accuracy_rows();

}  // namespace lumigrad
