// SPDX-License-Identifier: Apache-2.0
// Products and decompositions on the device.
//
// Products of small matrices, which cuBLAS would launch for more than they cost, have a thread an element of the
// result. Others go to cuBLAS: runs of the batch that lie evenly in memory in one call. In both, an element is one
// chain of multiply-adds in the dtype of the matrices (no TF32).
#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/products.h>
#include <lumigrad/cuda/tables.h>
#include <lumigrad/cuda/walk.h>
#include <lumigrad/engine/small_matrices.h>

namespace lumigrad::cuda {
namespace {

using device::MatrixCall;
using device::MatrixMethod;
using device::ProductCall;

// Element (i, j) of matrix `at` of the batch.
template <class T>
struct SmallProduct {
  Walk<3> batch;  // of a, b, y
  const T *a, *b;
  T* y;
  std::int64_t m, k, n, a_row, a_column, b_row, b_column;
  template <class Index>
  LUMIGRAD_HD void operator()(Index index) const {
    const Index cells = static_cast<Index>(m * n), matrix = index / cells, cell = index - matrix * cells;
    const Index i = cell / static_cast<Index>(n), j = cell - i * static_cast<Index>(n);
    std::int64_t at[3];
    batch.at(matrix, at);
    const T *row = a + at[0] + i * a_row, *column = b + at[1] + j * b_column;
    T sum = 0;
    for (std::int64_t p = 0; p < k; ++p) sum = fma(row[p * a_column], column[p * b_row], sum);
    y[at[2] + i * n + j] = sum;
  }
};

// The batch axes of an array of matrices.
Array matrices_of(const Array& array) {
  Array batch = array;
  batch.rank = array.rank - 2;
  return batch;
}

template <class T>
Status multiply(Place place, const ProductCall& call) {
  const int row = call.y.rank - 2, column = call.y.rank - 1;
  const Array batches[3] = {matrices_of(call.a), matrices_of(call.b), matrices_of(call.y)};
  const SmallProduct<T> product{Walk<3>({&batches[0], &batches[1], &batches[2]}),
                                static_cast<const T*>(call.a.data),
                                static_cast<const T*>(call.b.data),
                                static_cast<T*>(call.y.data),
                                call.y.extents[row],
                                call.a.extents[column],
                                call.y.extents[column],
                                call.a.strides[row],
                                call.a.strides[column],
                                call.b.strides[row],
                                call.b.strides[column]};
  constexpr std::int64_t few = 32;
  if (!has_products || (product.m <= few && product.k <= few && product.n <= few))
    return for_each(place, product.batch.count * product.m * product.n, product);
  return library_product<T>(place, product.batch, {product.a, product.a_row, product.a_column},
                            {product.b, product.b_row, product.b_column}, product.y, product.m, product.k, product.n);
}

Status multiply(Place place, const ProductCall* call) {
  return call->y.dtype == DType::f32 ? multiply<float>(place, *call) : multiply<double>(place, *call);
}

// One thread a matrix. `room` numbers of scratch each.
template <class T, MatrixMethod method>
struct Decompose {
  const T *a, *b;
  T* y[3];
  T* scratch;
  std::int64_t m, n, room;
  template <class Index>
  LUMIGRAD_BOTH void operator()(Index i) const {
    T* own = scratch + i * room;
    const std::int64_t square = n * n, tall = m * n, k = m < n ? m : n;
    if constexpr (method == MatrixMethod::cholesky) lumigrad::cholesky(a + i * square, y[0] + i * square, n);
    if constexpr (method == MatrixMethod::lower_solve || method == MatrixMethod::upper_solve)
      lumigrad::solve_triangular(a + i * square, b + i * tall, y[0] + i * tall, n, m,
                                 method == MatrixMethod::upper_solve);
    if constexpr (method == MatrixMethod::qr) lumigrad::qr(a + i * tall, y[0] + i * tall, y[1] + i * square, m, n, own);
    if constexpr (method == MatrixMethod::eigh) lumigrad::eigh(a + i * square, y[0] + i * n, y[1] + i * square, n, own);
    if constexpr (method == MatrixMethod::svd)
      lumigrad::svd(a + i * tall, y[0] + i * m * k, y[1] + i * k, y[2] + i * k * n, m, n, own);
    if constexpr (method == MatrixMethod::determinant)
      lumigrad::determinant(a + i * square, n, y[0] + i, y[1] + i, y[2] + i, own);
    if constexpr (method == MatrixMethod::solve)
      lumigrad::solve_small(a + i * square, b + i * tall, y[0] + i * tall, n, m, own);
    if constexpr (method == MatrixMethod::inverse) lumigrad::invert_small(a + i * square, y[0] + i * square, n, own);
    if constexpr (method == MatrixMethod::exponential) lumigrad::matrix_exp(a + i * square, y[0] + i * square, n, own);
  }
};

std::int64_t room_of(const MatrixCall& call) {
  const std::int64_t m = call.m, n = call.n;
  switch (call.method) {
    case MatrixMethod::qr:
      return n * (m + 1);
    case MatrixMethod::svd:
      return (m < n ? m : n) * (m + n + 1);
    case MatrixMethod::exponential:
      return 2 * n * n;
    case MatrixMethod::cholesky:
    case MatrixMethod::lower_solve:
    case MatrixMethod::upper_solve:
      return 0;
    default:
      return n * n;
  }
}

template <class T, MatrixMethod method>
Status decompose(Place place, const MatrixCall& call) {
  const std::int64_t room = room_of(call);
  const Scratch scratch(place, static_cast<std::size_t>(call.count * room) * sizeof(T));
  LUMIGRAD_TRY(scratch.status());
  return for_each(
      place, call.count,
      Decompose<T, method>{static_cast<const T*>(call.a),
                           static_cast<const T*>(call.b),
                           {static_cast<T*>(call.y[0]), static_cast<T*>(call.y[1]), static_cast<T*>(call.y[2])},
                           scratch.as<T>(),
                           call.m,
                           call.n,
                           room});
}

template <class T>
Status decompose(Place place, const MatrixCall& call) {
  switch (call.method) {
    case MatrixMethod::cholesky:
      return decompose<T, MatrixMethod::cholesky>(place, call);
    case MatrixMethod::lower_solve:
      return decompose<T, MatrixMethod::lower_solve>(place, call);
    case MatrixMethod::upper_solve:
      return decompose<T, MatrixMethod::upper_solve>(place, call);
    case MatrixMethod::qr:
      return decompose<T, MatrixMethod::qr>(place, call);
    case MatrixMethod::eigh:
      return decompose<T, MatrixMethod::eigh>(place, call);
    case MatrixMethod::svd:
      return decompose<T, MatrixMethod::svd>(place, call);
    case MatrixMethod::determinant:
      return decompose<T, MatrixMethod::determinant>(place, call);
    case MatrixMethod::solve:
      return decompose<T, MatrixMethod::solve>(place, call);
    case MatrixMethod::inverse:
      return decompose<T, MatrixMethod::inverse>(place, call);
    default:
      return decompose<T, MatrixMethod::exponential>(place, call);
  }
}

Status decompose(Place place, const MatrixCall* call) {
  return call->dtype == DType::f32 ? decompose<float>(place, *call) : decompose<double>(place, *call);
}

}  // namespace

const device::ContractTable contract_table = {multiply, decompose};

}  // namespace lumigrad::cuda
