// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/small_matrices.h>
#include <algorithm>
#include <cmath>
#include <limits>

namespace lumigrad {
namespace {

using I = std::int64_t;

template <class T>
constexpr T eps = std::numeric_limits<T>::epsilon();

// sum a[i] b[i] over n elements that lie `sa` and `sb` apart.
template <class T>
double dot(const T* a, I sa, const T* b, I sb, I n) {
  double sum = 0;
  for (I i = 0; i < n; ++i) sum += static_cast<double>(a[i * sa]) * static_cast<double>(b[i * sb]);
  return sum;
}

// (a, b) turned: a <- c a - s b, b <- s a + c b.
template <class T>
void rotate(T* a, T* b, I step, I n, T c, T s) {
  for (I i = 0; i < n; ++i) {
    const T x = a[i * step], y = b[i * step];
    a[i * step] = c * x - s * y;
    b[i * step] = s * x + c * y;
  }
}

// Cosine and sine of the smaller angle that makes [[p, g], [g, q]] diagonal.
template <class T>
void jacobi_angle(double p, double q, double g, T& c, T& s) {
  const double zeta = (q - p) / (2 * g);
  const double t = std::copysign(1.0, zeta) / (std::fabs(zeta) + std::sqrt(1 + zeta * zeta));
  const double cosine = 1 / std::sqrt(1 + t * t);
  c = static_cast<T>(cosine);
  s = static_cast<T>(t * cosine);
}

// -1 when the largest of n components is negative, else 1.
template <class T>
T sign_of_largest(const T* x, I step, I n) {
  I best = 0;
  for (I i = 1; i < n; ++i)
    if (std::fabs(x[i * step]) > std::fabs(x[best * step])) best = i;
  return n > 0 && x[best * step] < 0 ? T(-1) : T(1);
}

// y = x b, all [n, n].
template <class T>
void multiply(const T* x, const T* b, T* y, I n) {
  for (I i = 0; i < n; ++i)
    for (I j = 0; j < n; ++j) y[i * n + j] = static_cast<T>(dot(x + i * n, 1, b + j, n, n));
}

// Gaussian elimination with partial pivoting: w [n, n] becomes upper triangular, and the rows of x [n, m] go with its
// rows. Returns the sign of the exchanges.
template <class T>
double eliminate(T* w, I n, T* x, I m) {
  double sign = 1;
  for (I k = 0; k < n; ++k) {
    I best = k;
    for (I i = k + 1; i < n; ++i)
      if (std::fabs(w[i * n + k]) > std::fabs(w[best * n + k])) best = i;
    if (best != k) {
      std::swap_ranges(w + k * n, w + (k + 1) * n, w + best * n);
      std::swap_ranges(x + k * m, x + (k + 1) * m, x + best * m);
      sign = -sign;
    }
    const T pivot = w[k * n + k];
    if (pivot == 0) continue;
    for (I i = k + 1; i < n; ++i) {
      const T factor = w[i * n + k] / pivot;
      for (I j = k + 1; j < n; ++j) w[i * n + j] -= factor * w[k * n + j];
      for (I j = 0; j < m; ++j) x[i * m + j] -= factor * x[k * m + j];
    }
  }
  return sign;
}

// Columns `rows[j]` of length p that are too short to have a direction get one that is orthogonal to the others.
template <class T>
void complete(T* rows, const T* lengths, I count, I p, T least) {
  for (I j = 0; j < count; ++j) {
    T* row = rows + j * p;
    if (!(lengths[j] <= least)) continue;
    // Of the unit vectors, the one that the others explain least; twice orthogonalised.
    I best = 0;
    double most = -1;
    const auto taken = [&](I other) { return other != j && (other < j || lengths[other] > least); };
    for (I i = 0; i < p; ++i) {
      double rest = 1;
      for (I other = 0; other < count; ++other)
        if (taken(other)) rest -= static_cast<double>(rows[other * p + i]) * static_cast<double>(rows[other * p + i]);
      if (rest > most + 1e-9) {
        most = rest;
        best = i;
      }
    }
    std::fill_n(row, p, T(0));
    row[best] = 1;
    for (int pass = 0; pass < 2; ++pass) {
      for (I other = 0; other < count; ++other) {
        if (!taken(other)) continue;
        const T part = static_cast<T>(dot(row, 1, rows + other * p, 1, p));
        for (I i = 0; i < p; ++i) row[i] -= part * rows[other * p + i];
      }
      const T size = static_cast<T>(std::sqrt(dot(row, 1, row, 1, p)));
      for (I i = 0; i < p; ++i) row[i] /= size;
    }
  }
}

}  // namespace

template <class T>
void cholesky(const T* a, T* l, I n) {
  std::fill_n(l, n * n, T(0));
  for (I i = 0; i < n; ++i)
    for (I j = 0; j <= i; ++j) {
      const double rest = (static_cast<double>(a[i * n + j]) + static_cast<double>(a[j * n + i])) / 2 -
                          dot(l + i * n, 1, l + j * n, 1, j);
      if (i > j) {
        l[i * n + j] = static_cast<T>(rest / static_cast<double>(l[j * n + j]));
      } else if (rest > 0) {
        l[i * n + i] = static_cast<T>(std::sqrt(rest));
      } else {
        std::fill_n(l, n * n, std::numeric_limits<T>::quiet_NaN());
        return;
      }
    }
}

template <class T>
void solve_triangular(const T* a, const T* b, T* x, I n, I m, bool upper) {
  for (I step = 0; step < n; ++step) {
    const I i = upper ? n - 1 - step : step, first = upper ? i + 1 : 0, count = upper ? n - 1 - i : i;
    for (I j = 0; j < m; ++j)
      x[i * m + j] =
          static_cast<T>((static_cast<double>(b[i * m + j]) - dot(a + i * n + first, 1, x + first * m + j, m, count)) /
                         static_cast<double>(a[i * n + i]));
  }
}

// Reflection k, I - tau v v' with v[k] = 1, takes column k below the diagonal to zero. v is kept below the diagonal.
template <class T>
void qr(const T* a, T* q, T* r, I m, I n, T* room) {
  T *w = room, *tau = room + m * n;
  std::copy_n(a, m * n, w);
  const auto reflect = [&](I k, T* to, I columns, I from) {
    for (I j = from; j < columns; ++j) {
      const double along = static_cast<double>(to[k * columns + j]) +
                           dot(w + (k + 1) * n + k, n, to + (k + 1) * columns + j, columns, m - k - 1);
      const T part = static_cast<T>(static_cast<double>(tau[k]) * along);
      to[k * columns + j] -= part;
      for (I i = k + 1; i < m; ++i) to[i * columns + j] -= part * w[i * n + k];
    }
  };
  for (I k = 0; k < n; ++k) {
    const double pivot = static_cast<double>(w[k * n + k]),
                 below = dot(w + (k + 1) * n + k, n, w + (k + 1) * n + k, n, m - k - 1);
    tau[k] = 0;
    if (below == 0) continue;
    const double size = std::sqrt(pivot * pivot + below), diagonal = pivot < 0 ? size : -size;
    tau[k] = static_cast<T>((diagonal - pivot) / diagonal);
    for (I i = k + 1; i < m; ++i) w[i * n + k] = static_cast<T>(static_cast<double>(w[i * n + k]) / (pivot - diagonal));
    w[k * n + k] = static_cast<T>(diagonal);
    reflect(k, w, n, k + 1);
  }
  for (I i = 0; i < n; ++i)
    for (I j = 0; j < n; ++j) r[i * n + j] = j < i ? T(0) : w[i * n + j];
  for (I i = 0; i < m; ++i)
    for (I j = 0; j < n; ++j) q[i * n + j] = i == j ? T(1) : T(0);
  for (I k = n - 1; k >= 0; --k) reflect(k, q, n, 0);
}

// Rotations in all planes in turn, until what is off the diagonal no longer counts.
template <class T>
void eigh(const T* a, T* values, T* vectors, I n, T* room) {
  T *w = room, *v = vectors;
  for (I i = 0; i < n; ++i)
    for (I j = 0; j < n; ++j) {
      w[i * n + j] = (a[i * n + j] + a[j * n + i]) / 2;
      v[i * n + j] = i == j ? T(1) : T(0);
    }
  const double size = std::sqrt(dot(w, 1, w, 1, n * n)), least = size * static_cast<double>(eps<T>) / 16;
  bool moved = true;
  for (int sweep = 0; sweep < 40 && moved; ++sweep) {
    moved = false;
    for (I p = 0; p < n; ++p)
      for (I q = p + 1; q < n; ++q) {
        const double g = static_cast<double>(w[p * n + q]);
        if (!(std::fabs(g) > least)) continue;
        moved = true;
        T c, s;
        jacobi_angle(static_cast<double>(w[p * n + p]), static_cast<double>(w[q * n + q]), g, c, s);
        rotate(w + p, w + q, n, n, c, s);
        rotate(w + p * n, w + q * n, I(1), n, c, s);
        w[p * n + q] = w[q * n + p] = 0;
        rotate(v + p, v + q, n, n, c, s);
      }
  }
  for (I j = 0; j < n; ++j) values[j] = w[j * n + j];
  for (I j = 0; j < n; ++j) {  // ascending
    I best = j;
    for (I i = j + 1; i < n; ++i)
      if (values[i] < values[best]) best = i;
    std::swap(values[j], values[best]);
    const T sign = sign_of_largest(v + best, n, n);
    for (I i = 0; i < n; ++i) {
      const T component = sign * v[i * n + best];
      v[i * n + best] = v[i * n + j];
      v[i * n + j] = component;
    }
  }
}

template <class T>
void svd(const T* a, T* u, T* s, T* vh, I m, I n, T* room) {
  const I p = std::max(m, n), k = std::min(m, n);
  T *left = room, *right = room + k * p, *lengths = right + k * k;
  const bool tall = m >= n;
  for (I j = 0; j < k; ++j) {
    for (I i = 0; i < p; ++i) left[j * p + i] = tall ? a[i * n + j] : a[j * n + i];
    for (I i = 0; i < k; ++i) right[j * k + i] = i == j ? T(1) : T(0);
  }
  const double total = dot(left, 1, left, 1, k * p), e = static_cast<double>(eps<T>);
  bool moved = true;
  for (int sweep = 0; sweep < 40 && moved; ++sweep) {
    moved = false;
    for (I i = 0; i < k; ++i)
      for (I j = i + 1; j < k; ++j) {
        T *x = left + i * p, *y = left + j * p;
        const double g = dot(x, 1, y, 1, p), xx = dot(x, 1, x, 1, p), yy = dot(y, 1, y, 1, p);
        if (!(std::fabs(g) > e / 2 * std::sqrt(xx * yy) && std::fabs(g) > e * e * total)) continue;
        moved = true;
        T c, sine;
        jacobi_angle(xx, yy, g, c, sine);
        rotate(x, y, I(1), p, c, sine);
        rotate(right + i * k, right + j * k, I(1), k, c, sine);
      }
  }
  for (I j = 0; j < k; ++j) lengths[j] = static_cast<T>(std::sqrt(dot(left + j * p, 1, left + j * p, 1, p)));
  for (I j = 0; j < k; ++j) {  // descending
    I best = j;
    for (I i = j + 1; i < k; ++i)
      if (lengths[i] > lengths[best]) best = i;
    if (best != j) {
      std::swap(lengths[j], lengths[best]);
      std::swap_ranges(left + j * p, left + (j + 1) * p, left + best * p);
      std::swap_ranges(right + j * k, right + (j + 1) * k, right + best * k);
    }
  }
  const T least = k > 0 ? lengths[0] * eps<T> * static_cast<T>(p) : T(0);
  for (I j = 0; j < k; ++j)
    if (lengths[j] > least)
      for (I i = 0; i < p; ++i) left[j * p + i] /= lengths[j];
  complete(left, lengths, k, p, least);
  for (I j = 0; j < k; ++j) {
    const T *l = left + j * p, *r = right + j * k;
    const T sign = tall ? sign_of_largest(l, I(1), p) : sign_of_largest(r, I(1), k);
    s[j] = lengths[j];
    for (I i = 0; i < m; ++i) u[i * k + j] = sign * (tall ? l[i] : r[i]);
    for (I i = 0; i < n; ++i) vh[j * n + i] = sign * (tall ? r[i] : l[i]);
  }
}

template <class T>
void determinant(const T* a, I n, T* value, T* sign, T* log_size, T* room) {
  std::copy_n(a, n * n, room);
  double direction = eliminate<T>(room, n, nullptr, 0), product = 1, log = 0;
  for (I k = 0; k < n; ++k) {
    const double pivot = static_cast<double>(room[k * n + k]);
    product *= pivot;
    log += std::log(std::fabs(pivot));
    direction *= pivot > 0 ? 1 : pivot < 0 ? -1 : pivot;
  }
  *value = static_cast<T>(direction * std::fabs(product));
  *sign = static_cast<T>(direction);
  *log_size = static_cast<T>(log);
}

template <class T>
void solve_small(const T* a, const T* b, T* x, I n, I m, T* room) {
  std::copy_n(a, n * n, room);
  std::copy_n(b, n * m, x);
  eliminate(room, n, x, m);
  solve_triangular(room, x, x, n, m, true);
}

template <class T>
void invert_small(const T* a, T* y, I n, T* room) {
  std::copy_n(a, n * n, room);
  std::fill_n(y, n * n, T(0));
  for (I i = 0; i < n; ++i) y[i * n + i] = 1;
  eliminate(room, n, y, n);
  solve_triangular(room, y, y, n, n, true);
}

// With |b| <= 1/2 the polynomial of degree 16 is exact to rounding: (1/2)^17 / 17! < 1e-19.
template <class T>
void matrix_exp(const T* a, T* y, I n, T* room) {
  T *b = room, *w = room + n * n;
  double norm = 0;
  for (I i = 0; i < n; ++i) {
    double row = 0;
    for (I j = 0; j < n; ++j) row += std::fabs(static_cast<double>(a[i * n + j]));
    norm = row > norm || row != row ? row : norm;
  }
  if (!std::isfinite(norm)) {
    std::fill_n(y, n * n, std::numeric_limits<T>::quiet_NaN());
    return;
  }
  const int squarings = norm > 0.5 ? std::ilogb(norm) + 2 : 0;
  for (I i = 0; i < n * n; ++i) b[i] = static_cast<T>(std::ldexp(static_cast<double>(a[i]), -squarings));
  const auto identity_plus = [&](const T* x, double scale) {
    for (I i = 0; i < n; ++i)
      for (I j = 0; j < n; ++j)
        y[i * n + j] = static_cast<T>((i == j ? 1.0 : 0.0) + scale * static_cast<double>(x[i * n + j]));
  };
  identity_plus(b, 1.0 / 16);
  for (int degree = 15; degree >= 1; --degree) {
    multiply(y, b, w, n);
    identity_plus(w, 1.0 / degree);
  }
  for (int step = 0; step < squarings; ++step) {
    multiply(y, y, w, n);
    std::copy_n(w, n * n, y);
  }
}

#define LUMIGRAD_DECOMPOSITIONS(T)                                    \
  template void cholesky(const T*, T*, I);                            \
  template void solve_triangular(const T*, const T*, T*, I, I, bool); \
  template void qr(const T*, T*, T*, I, I, T*);                       \
  template void eigh(const T*, T*, T*, I, T*);                        \
  template void svd(const T*, T*, T*, T*, I, I, T*);                  \
  template void determinant(const T*, I, T*, T*, T*, T*);             \
  template void matrix_exp(const T*, T*, I, T*);                      \
  template void solve_small(const T*, const T*, T*, I, I, T*);        \
  template void invert_small(const T*, T*, I, T*);
LUMIGRAD_DECOMPOSITIONS(float)
LUMIGRAD_DECOMPOSITIONS(double)
#undef LUMIGRAD_DECOMPOSITIONS

}  // namespace lumigrad
