// SPDX-License-Identifier: Apache-2.0
// Decompositions: a matrix as a product of matrices that are easier to use. Leading axes are batches.
//
// The derivative of a decomposition follows from differentiating its definition. Of A = L L':
//
//     dA = dL L' + L dL'      =>      L^-1 dA L^-T = (L^-1 dL) + (L^-1 dL)'      =>      dL = L Phi(L^-1 dA L^-T),
//
// where Phi takes the lower triangle and half the diagonal; read backwards it is the adjoint. All adjoints here are
// written with products, triangular solutions and decompositions that are recorded themselves (contract -> contract),
// so second derivatives follow.
//
// Equal values. Eigenvectors turn into one another at a speed of F_ij = 1 / (l_j - l_i), singular vectors at
// 1 / (s_j^2 - s_i^2): where two values meet, the vectors are no function of the matrix any more, only the space they
// span is. Where the gap is below 16 roundings of the largest value, F is 0: vectors of one space are taken not to turn
// into one another. That is the right gradient of whatever does not depend on the choice of basis within the space (the
// values and their sums, the projector onto the space), and finite for everything else. Above it the formula is exact,
// and as large as it must be.
//
// Symmetric input. cholesky and eigh are functions of the symmetric part (A + A') / 2, and their gradients are
// symmetric. Signs. Vectors come with their largest component positive (of the columns of V or U); R of qr has LAPACK's
// signs.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// The lower triangular L with L L' = (A + A') / 2, [.., n, n]. NaN where that is not positive definite.
LUMIGRAD_API Tensor cholesky(const Tensor& a, Here here = {});
/// X with A X = B [.., n, m] for a triangular A [.., n, n], whose other triangle is not read.
LUMIGRAD_API Tensor solve_triangular(const Tensor& a, const Tensor& b, bool upper = false, Here here = {});
/// X with L L' X = B, for the lower triangular L of cholesky.
LUMIGRAD_API Tensor cholesky_solve(const Tensor& b, const Tensor& l, Here here = {});

struct QR {
  Tensor q;  ///< [.., m, k], orthonormal columns
  Tensor r;  ///< [.., k, n], upper triangular
};
/// A = Q R of [.., m, n], k = min(m, n). The gradient needs the first k columns to be independent.
LUMIGRAD_API QR qr(const Tensor& a, Here here = {});

struct SVD {
  Tensor u;   ///< [.., m, k], orthonormal columns
  Tensor s;   ///< [.., k], descending
  Tensor vh;  ///< [.., k, n], orthonormal rows
};
/// A = U diag(s) Vh of [.., m, n], k = min(m, n).
LUMIGRAD_API SVD svd(const Tensor& a, Here here = {});
/// The singular values alone.
LUMIGRAD_API Tensor svdvals(const Tensor& a, Here here = {});

struct EigenPairs {
  Tensor values;   ///< [.., n], ascending
  Tensor vectors;  ///< [.., n, n], as columns
};
/// (A + A') / 2 = V diag(values) V'.
LUMIGRAD_API EigenPairs eigh(const Tensor& a, Here here = {});

/// The determinant of square matrices: [..]. Up to 3x3 a polynomial; larger ones by LU. The gradient det A A^-T is that
/// of a polynomial too, and right for singular matrices: those take it from their singular values.
LUMIGRAD_API Tensor det(const Tensor& a, Here here = {});
struct SignLogDet {
  Tensor sign;      ///< 1, -1, or 0 of a singular matrix; no gradient
  Tensor log_size;  ///< log |det A|
};
LUMIGRAD_API SignLogDet slogdet(const Tensor& a, Here here = {});

/// The X that makes |A X - B| smallest for A [.., m, n] of full rank and B [.., m, r]; of several (m < n) the shortest.
LUMIGRAD_API Tensor lstsq(const Tensor& a, const Tensor& b, Here here = {});
/// The pseudoinverse [.., n, m] of A [.., m, n]. Singular values up to `rtol` times the largest count as zero (less
/// than 0: max(m, n) roundings); the gradient is that at constant rank.
LUMIGRAD_API Tensor pinv(const Tensor& a, double rtol = -1, Here here = {});
/// e^A of square matrices. Its adjoint is the corner of another exponential, e^[[A', W], [0, A']].
LUMIGRAD_API Tensor matrix_exp(const Tensor& a, Here here = {});

}  // namespace lumigrad
