// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/simd.h>
#include <lumigrad/engine/cpu/sum_kernels.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

template <class T>
double block(const T* x, std::size_t n) {
  using V = Vec<T>;
  V sum[4] = {V(0), V(0), V(0), V(0)};
  std::size_t i = 0;
  for (; i + 4 * V::width <= n; i += 4 * V::width)
    for (int k = 0; k < 4; ++k) sum[k] += V::load(x + i + static_cast<std::size_t>(k * V::width));
  V total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (; i + V::width <= n; i += V::width) total += V::load(x + i);
  double result = n < V::width ? 0 : sum_lanes(total);
  for (; i < n; ++i) result += static_cast<double>(x[i]);
  return result;
}

// As many numbers as a register of double holds, from memory of T and back.
using Wide = native::D;
template <class T>
LUMIGRAD_SIMD Wide widened(const T* from) {
#if LUMIGRAD_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4) return Wide(_mm512_cvtps_pd(_mm256_loadu_ps(from)));
#elif LUMIGRAD_VECTOR_BYTES == 32
  if constexpr (sizeof(T) == 4) return Wide(_mm256_cvtps_pd(_mm_loadu_ps(from)));
#endif
  Wide wide = {};
  if constexpr (sizeof(T) == 8) {
    __builtin_memcpy(&wide, from, sizeof wide);
  } else {
    for (std::size_t l = 0; l < sizeof wide / sizeof(double); ++l) wide[l] = static_cast<double>(from[l]);
  }
  return wide;
}
template <class T>
LUMIGRAD_SIMD void narrowed(const Wide& wide, T* to) {
#if LUMIGRAD_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4) return _mm256_storeu_ps(to, _mm512_cvtpd_ps(wide));
#elif LUMIGRAD_VECTOR_BYTES == 32
  if constexpr (sizeof(T) == 4) return _mm_storeu_ps(to, _mm256_cvtpd_ps(wide));
#endif
  if constexpr (sizeof(T) == 8) {
    __builtin_memcpy(to, &wide, sizeof wide);
  } else {
    for (std::size_t l = 0; l < sizeof wide / sizeof(double); ++l) to[l] = static_cast<T>(wide[l]);
  }
}

template <class T>
void accumulate(const T* const* x, int count, double* sums, bool first, T* y, double scale, std::size_t n) {
  constexpr std::size_t width = sizeof(Wide) / sizeof(double);
  std::size_t i = 0;
  for (; i + width <= n; i += width) {
    Wide sum = {};
    if (!first) __builtin_memcpy(&sum, sums + i, sizeof sum);
    for (int k = 0; k < count; ++k) sum += widened(x[k] + i);
    if (y) {
      narrowed(scale * sum, y + i);
    } else {
      __builtin_memcpy(sums + i, &sum, sizeof sum);
    }
  }
  for (; i < n; ++i) {
    double sum = first ? 0 : sums[i];
    for (int k = 0; k < count; ++k) sum += static_cast<double>(x[k][i]);
    if (y) {
      y[i] = static_cast<T>(scale * sum);
    } else {
      sums[i] = sum;
    }
  }
}

template <bool largest, class V>
LUMIGRAD_SIMD V better(const V& best, const V& v) {
  if constexpr (largest) {
    return max(best, v);
  } else {
    return min(best, v);
  }
}

// A NaN that comes later is passed over by the best and kept by `missing`, which is 0 otherwise.
template <bool largest, class T>
T extreme(const T* x, std::size_t n) {
  using V = Vec<T>;
  constexpr std::size_t width = V::width;
  V best[4], missing[4];
  for (int k = 0; k < 4; ++k) best[k] = V::splat(x[0]), missing[k] = V(0);
  const auto take = [&](int k, const V& v) __attribute__((always_inline)) {
    best[k] = better<largest>(best[k], v);
    missing[k] = select(v == v, missing[k], v);
  };
  std::size_t i = 0;
  for (; i + 4 * width <= n; i += 4 * width)
    for (int k = 0; k < 4; ++k) take(k, V::load(x + i + static_cast<std::size_t>(k) * width));
  for (; i + width <= n; i += width) take(0, V::load(x + i));
  T rest[width];
  if (i < n) {
    for (std::size_t l = 0; l < width; ++l) rest[l] = x[i + l < n ? i + l : i];
    take(1, V::load(rest));
  }
  for (int k = 1; k < 4; ++k) {
    best[0] = better<largest>(best[0], best[k]);
    missing[0] = missing[0] + missing[k];
  }
  if (any(missing[0] != missing[0])) return static_cast<T>(__builtin_nanf(""));
  best[0].store(rest);
  T one = rest[0];
  for (std::size_t l = 1; l < width; ++l) one = (largest ? rest[l] > one : rest[l] < one) ? rest[l] : one;
  return one;
}

template <class T>
constexpr SumKernel<T> all_of() {
  return {block<T>, accumulate<T>, extreme<true, T>, extreme<false, T>};
}

}  // namespace

extern const SumKernels sums = {all_of<float>(), all_of<double>()};

}  // namespace lumigrad::LUMIGRAD_LEVEL
