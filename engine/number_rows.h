// SPDX-License-Identifier: Apache-2.0
// Rows and columns of numbers, on the host and in device code: what the methods of small_matrices.h are made of.
#pragma once
#include <lumigrad/engine/math.h>
#include <cstdint>
#include <limits>

#if defined(__CUDACC__)
#define LUMIGRAD_BOTH __host__ __device__
#else
#define LUMIGRAD_BOTH
#endif

namespace lumigrad {
namespace numbers {

template <class T>
LUMIGRAD_BOTH constexpr T rounding() {
  return std::numeric_limits<T>::epsilon();
}
template <class T>
LUMIGRAD_BOTH constexpr T not_a_number() {
  return std::numeric_limits<T>::quiet_NaN();
}
template <class T>
LUMIGRAD_BOTH void fill(T* to, std::int64_t n, T value) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = value;
}
template <class T>
LUMIGRAD_BOTH void copy(const T* from, std::int64_t n, T* to) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[i];
}
template <class T>
LUMIGRAD_BOTH void exchange(T* a, const T* end, T* b) {
  for (; a != end; ++a, ++b) {
    const T c = *a;
    *a = *b;
    *b = c;
  }
}

// sum a[i] b[i] over n elements that lie `sa` and `sb` apart.
template <class T>
LUMIGRAD_BOTH double dot(const T* a, std::int64_t sa, const T* b, std::int64_t sb, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i * sa]) * static_cast<double>(b[i * sb]);
  return sum;
}

// (a, b) turned: a <- c a - s b, b <- s a + c b.
template <class T>
LUMIGRAD_BOTH void rotate(T* a, T* b, std::int64_t step, std::int64_t n, T c, T s) {
  for (std::int64_t i = 0; i < n; ++i) {
    const T x = a[i * step], y = b[i * step];
    a[i * step] = c * x - s * y;
    b[i * step] = s * x + c * y;
  }
}

// A power of two that brings the largest of n numbers to about 1 where squares would leave the range of double, else 1.
template <class T>
LUMIGRAD_BOTH T within_squares(const T* a, std::int64_t n) {
  double most = 0;
  for (std::int64_t i = 0; i < n; ++i)
    most = std::fabs(static_cast<double>(a[i])) > most ? std::fabs(static_cast<double>(a[i])) : most;
  const bool squares = most < 0x1p400 && most > 0x1p-400;
  if (squares || most == 0 || most > std::numeric_limits<double>::max()) return 1;
  return static_cast<T>(std::ldexp(1.0, -std::ilogb(most)));
}

}  // namespace numbers
}  // namespace lumigrad
