// SPDX-License-Identifier: Apache-2.0
// The contract family: products of matrices and what is made from them. Leading axes are batches and broadcast.
//
//   Y = A B:      gA = W B',  gB = A' W                 contract -> contract
//   Y = A^-1:     gA = -Y' W Y'                         from A Y = I: dA Y + A dY = 0
// The adjoints are recorded products like any other, so derivatives of any order follow. decompositions.h goes on.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// The product of [.., m, k] and [.., k, n]: [.., m, n]. f32 and f64. Leading axes broadcast.
LUMIGRAD_API Tensor matmul(const Tensor& a, const Tensor& b, Here here = {});
/// The inverse of square matrices [.., n, n]. A singular matrix gives infinities or NaN, as a division by zero does.
LUMIGRAD_API Tensor inverse(const Tensor& a, Here here = {});
/// The solution X of A X = B for square A [.., n, n] and B [.., n, m], by LU with partial pivoting.
LUMIGRAD_API Tensor solve(const Tensor& a, const Tensor& b, Here here = {});

}  // namespace lumigrad
