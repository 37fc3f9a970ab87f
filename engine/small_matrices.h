// SPDX-License-Identifier: Apache-2.0
// Decompositions of one dense row-major matrix. T is float or double; sums of products are kept in double.
//
// The matrices of vision are small and many (2x2 structure tensors, 3x3 rotations, 8x9 point systems), so these are the
// textbook methods that need no workspace of their own and lose no accuracy: Householder reflections, and Jacobi
// rotations, which find small singular values to full relative accuracy. `room` is scratch of the size said.
// On a device one thread has one matrix and runs the same lines.
#pragma once
#include <lumigrad/engine/number_rows.h>

namespace lumigrad {
namespace numbers {

// Cosine and sine of the smaller angle that makes [[p, g], [g, q]] diagonal.
template <class T>
LUMIGRAD_BOTH void jacobi_angle(double p, double q, double g, T& c, T& s) {
  const double zeta = (q - p) / (2 * g);
  const double t = std::copysign(1.0, zeta) / (std::fabs(zeta) + std::sqrt(1 + zeta * zeta));
  const double cosine = 1 / std::sqrt(1 + t * t);
  c = static_cast<T>(cosine);
  s = static_cast<T>(t * cosine);
}

// -1 when the largest of n components is negative, else 1.
template <class T>
LUMIGRAD_BOTH T sign_of_largest(const T* x, std::int64_t step, std::int64_t n) {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < n; ++i)
    if (std::fabs(x[i * step]) > std::fabs(x[best * step])) best = i;
  return n > 0 && x[best * step] < 0 ? T(-1) : T(1);
}

// y = x b, all [n, n].
template <class T>
LUMIGRAD_BOTH void multiply(const T* x, const T* b, T* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) y[i * n + j] = static_cast<T>(dot(x + i * n, 1, b + j, n, n));
}

// Gaussian elimination with partial pivoting: w [n, n] becomes upper triangular, and the rows of x [n, m] go with its
// rows. Returns the sign of the exchanges.
template <class T>
LUMIGRAD_BOTH double eliminate(T* w, std::int64_t n, T* x, std::int64_t m) {
  double sign = 1;
  for (std::int64_t k = 0; k < n; ++k) {
    std::int64_t best = k;
    for (std::int64_t i = k + 1; i < n; ++i)
      if (std::fabs(w[i * n + k]) > std::fabs(w[best * n + k])) best = i;
    if (best != k) {
      exchange(w + k * n, w + (k + 1) * n, w + best * n);
      exchange(x + k * m, x + (k + 1) * m, x + best * m);
      sign = -sign;
    }
    const T pivot = w[k * n + k];
    if (pivot == 0) continue;
    for (std::int64_t i = k + 1; i < n; ++i) {
      const T factor = w[i * n + k] / pivot;
      for (std::int64_t j = k + 1; j < n; ++j) w[i * n + j] -= factor * w[k * n + j];
      for (std::int64_t j = 0; j < m; ++j) x[i * m + j] -= factor * x[k * m + j];
    }
  }
  return sign;
}

// Columns `rows[j]` of length p that are too short to have a direction get one that is orthogonal to the others.
template <class T>
LUMIGRAD_BOTH void complete(T* rows, const T* lengths, std::int64_t count, std::int64_t p, T least) {
  for (std::int64_t j = 0; j < count; ++j) {
    T* row = rows + j * p;
    if (!(lengths[j] <= least)) continue;
    // Of the unit vectors, the one that the others explain least; twice orthogonalised.
    std::int64_t best = 0;
    double most = -1;
    const auto taken = [&](std::int64_t other) { return other != j && (other < j || lengths[other] > least); };
    for (std::int64_t i = 0; i < p; ++i) {
      double rest = 1;
      for (std::int64_t other = 0; other < count; ++other)
        if (taken(other)) rest -= static_cast<double>(rows[other * p + i]) * static_cast<double>(rows[other * p + i]);
      if (rest > most + 1e-9) {
        most = rest;
        best = i;
      }
    }
    fill(row, p, T(0));
    row[best] = 1;
    for (int pass = 0; pass < 2; ++pass) {
      for (std::int64_t other = 0; other < count; ++other) {
        if (!taken(other)) continue;
        const T part = static_cast<T>(dot(row, 1, rows + other * p, 1, p));
        for (std::int64_t i = 0; i < p; ++i) row[i] -= part * rows[other * p + i];
      }
      const T size = static_cast<T>(std::sqrt(dot(row, 1, row, 1, p)));
      for (std::int64_t i = 0; i < p; ++i) row[i] /= size;
    }
  }
}

}  // namespace numbers

/// Lower l [n, n] with l l' = (a + a') / 2; NaN where that is not positive definite.
template <class T>
LUMIGRAD_BOTH void cholesky(const T* a, T* l, std::int64_t n) {
  numbers::fill(l, n * n, T(0));
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j <= i; ++j) {
      const double rest = (static_cast<double>(a[i * n + j]) + static_cast<double>(a[j * n + i])) / 2 -
                          numbers::dot(l + i * n, 1, l + j * n, 1, j);
      if (i > j) {
        l[i * n + j] = static_cast<T>(rest / static_cast<double>(l[j * n + j]));
      } else if (rest > 0) {
        l[i * n + i] = static_cast<T>(std::sqrt(rest));
      } else {
        numbers::fill(l, n * n, numbers::not_a_number<T>());
        return;
      }
    }
}

/// x [n, m] with a x = b for a triangular a: the other triangle is not read.
template <class T>
LUMIGRAD_BOTH void solve_triangular(const T* a, const T* b, T* x, std::int64_t n, std::int64_t m, bool upper) {
  for (std::int64_t step = 0; step < n; ++step) {
    const std::int64_t i = upper ? n - 1 - step : step, first = upper ? i + 1 : 0, count = upper ? n - 1 - i : i;
    for (std::int64_t j = 0; j < m; ++j)
      x[i * m + j] = static_cast<T>(
          (static_cast<double>(b[i * m + j]) - numbers::dot(a + i * n + first, 1, x + first * m + j, m, count)) /
          static_cast<double>(a[i * n + i]));
  }
}

// Reflection k, I - tau v v' with v[k] = 1, takes column k below the diagonal to zero. v is kept below the
// diagonal.
/// q [m, n] with orthonormal columns and upper r [n, n], m >= n. Signs as LAPACK's: r[k][k] takes the sign that is
/// opposite to that of the pivot it came from. room: n (m + 1).
template <class T>
LUMIGRAD_BOTH void qr(const T* a, T* q, T* r, std::int64_t m, std::int64_t n, T* room) {
  T *w = room, *tau = room + m * n;
  numbers::copy(a, m * n, w);
  const auto reflect = [&](std::int64_t k, T* to, std::int64_t columns, std::int64_t from) {
    for (std::int64_t j = from; j < columns; ++j) {
      const double along = static_cast<double>(to[k * columns + j]) +
                           numbers::dot(w + (k + 1) * n + k, n, to + (k + 1) * columns + j, columns, m - k - 1);
      const T part = static_cast<T>(static_cast<double>(tau[k]) * along);
      to[k * columns + j] -= part;
      for (std::int64_t i = k + 1; i < m; ++i) to[i * columns + j] -= part * w[i * n + k];
    }
  };
  for (std::int64_t k = 0; k < n; ++k) {
    const double pivot = static_cast<double>(w[k * n + k]),
                 below = numbers::dot(w + (k + 1) * n + k, n, w + (k + 1) * n + k, n, m - k - 1);
    tau[k] = 0;
    if (below == 0) continue;
    const double size = std::sqrt(pivot * pivot + below), diagonal = pivot < 0 ? size : -size;
    tau[k] = static_cast<T>((diagonal - pivot) / diagonal);
    for (std::int64_t i = k + 1; i < m; ++i)
      w[i * n + k] = static_cast<T>(static_cast<double>(w[i * n + k]) / (pivot - diagonal));
    w[k * n + k] = static_cast<T>(diagonal);
    reflect(k, w, n, k + 1);
  }
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) r[i * n + j] = j < i ? T(0) : w[i * n + j];
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) q[i * n + j] = i == j ? T(1) : T(0);
  for (std::int64_t k = n - 1; k >= 0; --k) reflect(k, q, n, 0);
}

// Rotations in all planes in turn, until what is off the diagonal no longer counts.
/// Ascending eigenvalues of (a + a') / 2 and the eigenvectors as columns [n, n], the largest component of each
/// positive. room: n n.
template <class T>
LUMIGRAD_BOTH void eigh(const T* a, T* values, T* vectors, std::int64_t n, T* room) {
  T *w = room, *v = vectors;
  const T scale = numbers::within_squares(a, n * n);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      w[i * n + j] = (scale * a[i * n + j] + scale * a[j * n + i]) / 2;
      v[i * n + j] = i == j ? T(1) : T(0);
    }
  const double size = std::sqrt(numbers::dot(w, 1, w, 1, n * n)),
               least = size * static_cast<double>(numbers::rounding<T>()) / 16;
  bool moved = true;
  for (int sweep = 0; sweep < 40 && moved; ++sweep) {
    moved = false;
    for (std::int64_t p = 0; p < n; ++p)
      for (std::int64_t q = p + 1; q < n; ++q) {
        const double g = static_cast<double>(w[p * n + q]);
        if (!(std::fabs(g) > least)) continue;
        moved = true;
        T c, s;
        numbers::jacobi_angle(static_cast<double>(w[p * n + p]), static_cast<double>(w[q * n + q]), g, c, s);
        numbers::rotate(w + p, w + q, n, n, c, s);
        numbers::rotate(w + p * n, w + q * n, std::int64_t(1), n, c, s);
        w[p * n + q] = w[q * n + p] = 0;
        numbers::rotate(v + p, v + q, n, n, c, s);
      }
  }
  for (std::int64_t j = 0; j < n; ++j) values[j] = w[j * n + j] / scale;
  for (std::int64_t j = 0; j < n; ++j) {  // ascending
    std::int64_t best = j;
    for (std::int64_t i = j + 1; i < n; ++i)
      if (values[i] < values[best]) best = i;
    numbers::exchange(values + j, values + j + 1, values + best);
    const T sign = numbers::sign_of_largest(v + best, n, n);
    for (std::int64_t i = 0; i < n; ++i) {
      const T component = sign * v[i * n + best];
      v[i * n + best] = v[i * n + j];
      v[i * n + j] = component;
    }
  }
}

/// u [m, k], descending s [k], vh [k, n] with k = min(m, n); the largest component of each column of u is positive.
/// room: k (m + n + 1).
template <class T>
LUMIGRAD_BOTH void svd(const T* a, T* u, T* s, T* vh, std::int64_t m, std::int64_t n, T* room) {
  const std::int64_t p = (m > n ? m : n), k = (m < n ? m : n);
  T *left = room, *right = room + k * p, *lengths = right + k * k;
  const bool tall = m >= n;
  const T scale = numbers::within_squares(a, m * n);
  for (std::int64_t j = 0; j < k; ++j) {
    for (std::int64_t i = 0; i < p; ++i) left[j * p + i] = scale * (tall ? a[i * n + j] : a[j * n + i]);
    for (std::int64_t i = 0; i < k; ++i) right[j * k + i] = i == j ? T(1) : T(0);
  }
  const double total = numbers::dot(left, 1, left, 1, k * p), e = static_cast<double>(numbers::rounding<T>());
  bool moved = true;
  for (int sweep = 0; sweep < 40 && moved; ++sweep) {
    moved = false;
    for (std::int64_t i = 0; i < k; ++i)
      for (std::int64_t j = i + 1; j < k; ++j) {
        T *x = left + i * p, *y = left + j * p;
        const double g = numbers::dot(x, 1, y, 1, p), xx = numbers::dot(x, 1, x, 1, p),
                     yy = numbers::dot(y, 1, y, 1, p);
        if (!(std::fabs(g) > e / 2 * std::sqrt(xx * yy) && std::fabs(g) > e * e * total)) continue;
        moved = true;
        T c, sine;
        numbers::jacobi_angle(xx, yy, g, c, sine);
        numbers::rotate(x, y, std::int64_t(1), p, c, sine);
        numbers::rotate(right + i * k, right + j * k, std::int64_t(1), k, c, sine);
      }
  }
  for (std::int64_t j = 0; j < k; ++j)
    lengths[j] = static_cast<T>(std::sqrt(numbers::dot(left + j * p, 1, left + j * p, 1, p)));
  for (std::int64_t j = 0; j < k; ++j) {  // descending
    std::int64_t best = j;
    for (std::int64_t i = j + 1; i < k; ++i)
      if (lengths[i] > lengths[best]) best = i;
    if (best != j) {
      numbers::exchange(lengths + j, lengths + j + 1, lengths + best);
      numbers::exchange(left + j * p, left + (j + 1) * p, left + best * p);
      numbers::exchange(right + j * k, right + (j + 1) * k, right + best * k);
    }
  }
  const T least = k > 0 ? lengths[0] * numbers::rounding<T>() * static_cast<T>(p) : T(0);
  for (std::int64_t j = 0; j < k; ++j)
    if (lengths[j] > least)
      for (std::int64_t i = 0; i < p; ++i) left[j * p + i] /= lengths[j];
  numbers::complete(left, lengths, k, p, least);
  for (std::int64_t j = 0; j < k; ++j) {
    const T *l = left + j * p, *r = right + j * k;
    const T sign =
        tall ? numbers::sign_of_largest(l, std::int64_t(1), p) : numbers::sign_of_largest(r, std::int64_t(1), k);
    s[j] = lengths[j] / scale;
    for (std::int64_t i = 0; i < m; ++i) u[i * k + j] = sign * (tall ? l[i] : r[i]);
    for (std::int64_t i = 0; i < n; ++i) vh[j * n + i] = sign * (tall ? r[i] : l[i]);
  }
}

/// The determinant's sign (0 of a singular matrix) and the logarithm of its size, and the determinant. room: n n.
template <class T>
LUMIGRAD_BOTH void determinant(const T* a, std::int64_t n, T* value, T* sign, T* log_size, T* room) {
  numbers::copy(a, n * n, room);
  double direction = numbers::eliminate<T>(room, n, nullptr, 0), product = 1, log = 0;
  for (std::int64_t k = 0; k < n; ++k) {
    const double pivot = static_cast<double>(room[k * n + k]);
    product *= pivot;
    log += std::log(std::fabs(pivot));
    direction *= pivot > 0 ? 1 : pivot < 0 ? -1 : pivot;
  }
  *value = static_cast<T>(direction * std::fabs(product));
  *sign = static_cast<T>(direction);
  *log_size = static_cast<T>(log);
}

/// x [n, m] with a x = b, and y = a^-1, by elimination with partial pivoting; infinities or NaN where a is singular.
/// Meant for n up to 16: larger ones stand in dense_matrices.h. room: n n.
template <class T>
LUMIGRAD_BOTH void solve_small(const T* a, const T* b, T* x, std::int64_t n, std::int64_t m, T* room) {
  numbers::copy(a, n * n, room);
  numbers::copy(b, n * m, x);
  numbers::eliminate(room, n, x, m);
  solve_triangular(room, x, x, n, m, true);
}

template <class T>
LUMIGRAD_BOTH void invert_small(const T* a, T* y, std::int64_t n, T* room) {
  numbers::copy(a, n * n, room);
  numbers::fill(y, n * n, T(0));
  for (std::int64_t i = 0; i < n; ++i) y[i * n + i] = 1;
  numbers::eliminate(room, n, y, n);
  solve_triangular(room, y, y, n, n, true);
}

// With |b| <= 1/2 the polynomial of degree 16 is exact to rounding: (1/2)^17 / 17! < 1e-19.
/// e^a by scaling, a Taylor polynomial and squaring. room: 2 n n.
template <class T>
LUMIGRAD_BOTH void matrix_exp(const T* a, T* y, std::int64_t n, T* room) {
  T *b = room, *w = room + n * n;
  double norm = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    double row = 0;
    for (std::int64_t j = 0; j < n; ++j) row += std::fabs(static_cast<double>(a[i * n + j]));
    norm = row > norm || row != row ? row : norm;
  }
  if (!std::isfinite(norm)) {
    numbers::fill(y, n * n, numbers::not_a_number<T>());
    return;
  }
  const int squarings = norm > 0.5 ? std::ilogb(norm) + 2 : 0;
  for (std::int64_t i = 0; i < n * n; ++i) b[i] = static_cast<T>(std::ldexp(static_cast<double>(a[i]), -squarings));
  const auto identity_plus = [&](const T* x, double scale) {
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < n; ++j)
        y[i * n + j] = static_cast<T>((i == j ? 1.0 : 0.0) + scale * static_cast<double>(x[i * n + j]));
  };
  identity_plus(b, 1.0 / 16);
  for (int degree = 15; degree >= 1; --degree) {
    numbers::multiply(y, b, w, n);
    identity_plus(w, 1.0 / degree);
  }
  for (int step = 0; step < squarings; ++step) {
    numbers::multiply(y, y, w, n);
    numbers::copy(w, n * n, y);
  }
}

#define LUMIGRAD_SMALL_MATRICES(extern_, T)                                                         \
  extern_ template void cholesky(const T*, T*, std::int64_t);                                       \
  extern_ template void solve_triangular(const T*, const T*, T*, std::int64_t, std::int64_t, bool); \
  extern_ template void qr(const T*, T*, T*, std::int64_t, std::int64_t, T*);                       \
  extern_ template void eigh(const T*, T*, T*, std::int64_t, T*);                                   \
  extern_ template void svd(const T*, T*, T*, T*, std::int64_t, std::int64_t, T*);                  \
  extern_ template void determinant(const T*, std::int64_t, T*, T*, T*, T*);                        \
  extern_ template void matrix_exp(const T*, T*, std::int64_t, T*);                                 \
  extern_ template void solve_small(const T*, const T*, T*, std::int64_t, std::int64_t, T*);        \
  extern_ template void invert_small(const T*, T*, std::int64_t, T*);
#if !defined(__CUDACC__) && !defined(LUMIGRAD_STANDIN)
LUMIGRAD_SMALL_MATRICES(extern, float)
LUMIGRAD_SMALL_MATRICES(extern, double)
#endif

}  // namespace lumigrad
