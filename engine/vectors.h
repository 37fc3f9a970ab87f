// SPDX-License-Identifier: Apache-2.0
// Lengths of vectors and matrices, distances, and the cross product. Made of recorded operators: second order follows.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// (sum |x|^p)^(1/p) over some axes, for p = infinity and -infinity the largest and smallest |x|, for p = 0 the number
/// of elements that are not 0. f32 and f64. The slope is 0 where the length is 0; elements that tie for the largest
/// share it.
LUMIGRAD_API Tensor vector_norm(const Tensor& x, double p, std::span<const int> axes, bool keep = false,
                                Here here = {});
LUMIGRAD_API Tensor vector_norm(const Tensor& x, double p, std::initializer_list<int> axes, bool keep = false,
                                Here here = {});
/// The same over all elements.
LUMIGRAD_API Tensor vector_norm(const Tensor& x, double p = 2, Here here = {});

/// Which length of a matrix: the root of the sum of squares; the sum, the largest or the smallest of the singular
/// values; the largest or smallest sum of |a| over a column or a row.
enum class MatrixNorm {
  frobenius,
  nuclear,
  spectral,
  smallest_singular_value,
  largest_column,
  smallest_column,
  largest_row,
  smallest_row
};
/// The length of matrices [.., m, n]: [..], or [.., 1, 1] with `keep`.
LUMIGRAD_API Tensor matrix_norm(const Tensor& a, MatrixNorm norm = MatrixNorm::frobenius, bool keep = false,
                                Here here = {});

/// The cross product of vectors of three numbers along an axis; shapes broadcast.
LUMIGRAD_API Tensor cross(const Tensor& a, const Tensor& b, int axis = -1, Here here = {});
/// The distance (as vector_norm) of each row of [.., m, d] from each row of [.., n, d]: [.., m, n]. The differences
/// take m n d numbers of memory.
LUMIGRAD_API Tensor cdist(const Tensor& a, const Tensor& b, double p = 2, Here here = {});

}  // namespace lumigrad
