// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/dense_matrices.h>
#include <Eigen/Dense>

namespace lumigrad {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using In = Eigen::Map<const Matrix<T>>;
template <class T>
using Out = Eigen::Map<Matrix<T>>;

}  // namespace

template <class T>
void invert(const T* a, T* y, std::int64_t n) {
  Out<T>(y, n, n) = In<T>(a, n, n).partialPivLu().inverse();
}

template <class T>
void solve(const T* a, const T* b, T* x, std::int64_t n, std::int64_t m) {
  Out<T>(x, n, m) = In<T>(a, n, n).partialPivLu().solve(In<T>(b, n, m));
}

template void invert(const float*, float*, std::int64_t);
template void invert(const double*, double*, std::int64_t);
template void solve(const float*, const float*, float*, std::int64_t, std::int64_t);
template void solve(const double*, const double*, double*, std::int64_t, std::int64_t);

}  // namespace lumigrad
