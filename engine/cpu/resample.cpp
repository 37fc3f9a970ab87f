// SPDX-License-Identifier: Apache-2.0
// Weighted sums along one axis, built once per instruction level. Terms are added in the order they are given.
#include <lumigrad/engine/cpu/resample_kernels.h>
#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

template <class T, int K>
LUMIGRAD_SIMD Vec<T, K> sum_of_lines(const T* const* x, std::int64_t at, const T* weight, int taps) {
  using V = Vec<T, K>;
  V sum(0);
  for (int k = 0; k < taps; ++k) {
    const V value = V::load(x[k] + at);
    sum = k == 0 ? V::splat(weight[0]) * value : fma(V::splat(weight[k]), value, sum);
  }
  return sum;
}

template <class T>
void lines(const T* const* x, T* y, std::int64_t count, const T* weight, int taps) {
  constexpr int width = Vec<T>::width;
  std::int64_t j = 0;
  for (; j + 4 * width <= count; j += 4 * width) sum_of_lines<T, 4>(x, j, weight, taps).store(y + j);
  for (; j + width <= count; j += width) sum_of_lines<T, 1>(x, j, weight, taps).store(y + j);
  for (; j < count; ++j) {  // one lane of the same arithmetic
    Vec<T> sum(0);
    for (int k = 0; k < taps; ++k) {
      const Vec<T> value = Vec<T>::splat(x[k][j]), w = Vec<T>::splat(weight[k]);
      sum = k == 0 ? w * value : fma(w, value, sum);
    }
    y[j] = sum.raw[0][0];
  }
}

#if LUMIGRAD_VECTOR_BYTES > 16
constexpr int reach = vector_bytes / 2;

// p[place[l]] in lane l, for places in [0, reach); zero for -1.
LUMIGRAD_SIMD Vec<float> pick(const float* p, const std::int32_t* place) {
  const Int<float> at = Int<float>::load(place);
  Vec<float> picked;
#if LUMIGRAD_VECTOR_BYTES == 64
  picked.raw[0] = native::F(_mm512_permutex2var_ps(_mm512_loadu_ps(p), __m512i(at.raw[0]), _mm512_loadu_ps(p + 16)));
#else
  const __m256i index = __m256i(at.raw[0]);
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(p), index);
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(p + 8), index);
  picked.raw[0] = at.raw[0] > 7 ? native::F(high) : native::F(low);
#endif
  return select(at < Int<float>(0), Vec<float>(0), picked);
}
#else
constexpr int reach = 0;
#endif

template <class T>
constexpr int reach_of = sizeof(T) == 4 ? reach : 0;

template <class T>
LUMIGRAD_SIMD Vec<T> tap_of(const T* x, std::int32_t corner, const std::int32_t* place) {
  constexpr int width = Vec<T>::width;
  if constexpr (reach_of < T >> 0)
    if (corner >= 0) return pick(x + corner, place);
  alignas(64) T value[width];
  for (int l = 0; l < width; ++l) value[l] = place[l] < 0 ? T(0) : x[place[l]];
  return Vec<T>::load(value);
}

template <class T>
void along(const T* x, T* y, const LineMap<T>& map) {
  constexpr int width = Vec<T>::width;
  for (std::int64_t b = 0; b < map.blocks; ++b) {
    Vec<T> sum(0);
    for (int k = 0; k < map.taps; ++k) {
      const std::int64_t at = k * map.blocks + b;
      const Vec<T> value = tap_of(x, map.corner[at], map.place + at * width),
                   by = Vec<T>::load(map.weight + at * width);
      sum = k == 0 ? by * value : fma(by, value, sum);
    }
    const std::int64_t i = b * width;
    if (i + width <= map.count) {
      sum.store(y + i);
    } else {
      for (int l = 0; i + l < map.count; ++l) y[i + l] = sum.raw[0][l];
    }
  }
}

template <class T>
constexpr ResampleKernels<T> all_of() {
  return {Vec<T>::width, reach_of<T>, lines<T>, along<T>};
}

}  // namespace

extern const ResampleTable resample_table = {all_of<float>(), all_of<double>()};

}  // namespace lumigrad::LUMIGRAD_LEVEL
