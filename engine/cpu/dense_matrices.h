// SPDX-License-Identifier: Apache-2.0
// Inverses and solutions of dense row-major matrices. T is float or double.
#pragma once
#include <cstdint>

namespace lumigrad {

/// y = a^-1, both [n, n], by LU with partial pivoting; infinities or NaN where a is singular.
template <class T>
void invert(const T* a, T* y, std::int64_t n);
/// x [n, m] with a x = b, by LU with partial pivoting.
template <class T>
void solve(const T* a, const T* b, T* x, std::int64_t n, std::int64_t m);

}  // namespace lumigrad
