// SPDX-License-Identifier: Apache-2.0
// The contract family across the seam: products, and decompositions of many small matrices.
#pragma once
#include <lumigrad/engine/device/array.h>

namespace lumigrad::device {

/// y = a b for every matrix of a batch. All three have equal batch axes in front (stride 0 repeats a matrix); y is
/// dense.
struct ProductCall {
  Array a, b, y;
};

/// What is done to each of `count` dense row-major matrices; the methods and their results are those of
/// engine/small_matrices.h, in its order of arguments.
enum class MatrixMethod : std::int32_t {
  cholesky,     ///< a [n, n] -> l
  lower_solve,  ///< a [n, n], b [n, m] -> x
  upper_solve,
  qr,    ///< a [m, n] -> q [m, n], r [n, n]
  eigh,  ///< a [n, n] -> values [n], vectors [n, n]
  svd,   ///< a [m, n] -> u [m, k], s [k], vh [k, n]
  determinant,
  solve,    ///< a [n, n], b [n, m] -> x
  inverse,  ///< a [n, n] -> y
  exponential
};
struct MatrixCall {
  MatrixMethod method = MatrixMethod::inverse;
  DType dtype = DType::f32;
  std::int64_t count = 0, m = 0, n = 0;
  const void* a = nullptr;
  const void* b = nullptr;
  void* y[3] = {};
};

struct ContractTable {
  Status (*multiply)(Place place, const ProductCall* call);
  Status (*decompose)(Place place, const MatrixCall* call);
};

}  // namespace lumigrad::device
