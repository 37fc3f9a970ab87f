// SPDX-License-Identifier: Apache-2.0
// Decompositions of one dense row-major matrix. T is float or double; sums of products are kept in double.
//
// The matrices of vision are small and many (2x2 structure tensors, 3x3 rotations, 8x9 point systems), so these are the
// textbook methods that need no workspace of their own and lose no accuracy: Householder reflections, and Jacobi
// rotations, which find small singular values to full relative accuracy. `room` is scratch of the size said.
#pragma once
#include <cstdint>

namespace lumigrad {

/// Lower l [n, n] with l l' = (a + a') / 2; NaN where that is not positive definite.
template <class T>
void cholesky(const T* a, T* l, std::int64_t n);
/// x [n, m] with a x = b for a triangular a: the other triangle is not read.
template <class T>
void solve_triangular(const T* a, const T* b, T* x, std::int64_t n, std::int64_t m, bool upper);
/// q [m, n] with orthonormal columns and upper r [n, n], m >= n. Signs as LAPACK's: r[k][k] takes the sign that is
/// opposite to that of the pivot it came from. room: n (m + 1).
template <class T>
void qr(const T* a, T* q, T* r, std::int64_t m, std::int64_t n, T* room);
/// Ascending eigenvalues of (a + a') / 2 and the eigenvectors as columns [n, n], the largest component of each
/// positive. room: n n.
template <class T>
void eigh(const T* a, T* values, T* vectors, std::int64_t n, T* room);
/// u [m, k], descending s [k], vh [k, n] with k = min(m, n); the largest component of each column of u is positive.
/// room: k (m + n + 1).
template <class T>
void svd(const T* a, T* u, T* s, T* vh, std::int64_t m, std::int64_t n, T* room);
/// The determinant's sign (0 of a singular matrix) and the logarithm of its size, and the determinant. room: n n.
template <class T>
void determinant(const T* a, std::int64_t n, T* value, T* sign, T* log_size, T* room);
/// x [n, m] with a x = b, and y = a^-1, by elimination with partial pivoting; infinities or NaN where a is singular.
/// Meant for n up to 16: larger ones stand in dense_matrices.h. room: n n.
template <class T>
void solve_small(const T* a, const T* b, T* x, std::int64_t n, std::int64_t m, T* room);
template <class T>
void invert_small(const T* a, T* y, std::int64_t n, T* room);
/// e^a by scaling, a Taylor polynomial and squaring. room: 2 n n.
template <class T>
void matrix_exp(const T* a, T* y, std::int64_t n, T* room);

}  // namespace lumigrad
