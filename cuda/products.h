// SPDX-License-Identifier: Apache-2.0
// Products by cuBLAS, which the stand-in does without.
#pragma once
#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/walk.h>

namespace lumigrad::cuda {

#if defined(LUMIGRAD_STANDIN)
inline constexpr bool has_products = false;
#else
inline constexpr bool has_products = true;
#endif

/// The first matrix of a batch; one of the strides is 1.
template <class T>
struct Matrix {
  const T* at;
  std::int64_t row, column;
};

/// y [m, n] = a [m, k] b [k, n] for every matrix of a batch; y is dense and row-major.
template <class T>
Status library_product(Place place, const Walk<3>& batch, Matrix<T> a, Matrix<T> b, T* y, std::int64_t m,
                       std::int64_t k, std::int64_t n);

#if defined(LUMIGRAD_STANDIN)
template <class T>
Status library_product(Place, const Walk<3>&, Matrix<T>, Matrix<T>, T*, std::int64_t, std::int64_t, std::int64_t) {
  return {Code::unsupported, "the stand-in has no library of products"};
}
#endif

}  // namespace lumigrad::cuda
