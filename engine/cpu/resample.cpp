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

// Number place[l] of the stretch [low, high] in lane l, for places in [0, reach); whatever for -1.
LUMIGRAD_SIMD native::F pick(native::F low, native::F high, const Int<float>& place) {
#if LUMIGRAD_VECTOR_BYTES == 64
  return native::F(_mm512_permutex2var_ps(__m512(low), __m512i(place.raw[0]), __m512(high)));
#else
  const __m256i index = __m256i(place.raw[0]);
  const __m256 left = _mm256_permutevar8x32_ps(__m256(low), index),
               right = _mm256_permutevar8x32_ps(__m256(high), index);
  return place.raw[0] > 7 ? native::F(right) : native::F(left);
#endif
}
#else
constexpr int reach = 0;
LUMIGRAD_SIMD native::F pick(native::F low, native::F, const Int<float>&) { return low; }  // never called
#endif

// What no permutation reaches: one by one.
template <class T>
[[gnu::noinline]] void collect(const T* x, const std::int32_t* place, T* to) {
#pragma GCC unroll 1
  for (int l = 0; l < Vec<T>::width; ++l) to[l] = place[l] < 0 ? T(0) : x[place[l]];
}

// A block of N lines that share their places: a register of each.
template <class T, int N>
LUMIGRAD_SIMD Vec<T, N> block_along(const T* const (&x)[N], const LineMap<T>& map, std::int64_t block) {
  using V = Vec<T, N>;
  constexpr int width = Vec<T>::width;
  V sum(0), low(0), high(0);
  std::int32_t last = -1;
  for (int k = 0; k < map.taps; ++k) {
    const std::int64_t at = k * map.blocks + block;
    const std::int32_t corner = map.corner[at], *place = map.place + at * width;
    V tap;
    if (sizeof(T) == sizeof(float) && reach > 0 && corner >= 0) {
      if constexpr (sizeof(T) == sizeof(float)) {
        if (corner != last) {
          for (int n = 0; n < N; ++n) {
            low.raw[n] = Vec<T>::load(x[n] + corner).raw[0];
            high.raw[n] = Vec<T>::load(x[n] + corner + reach / 2).raw[0];
          }
          last = corner;
        }
        const Int<T> from = Int<T>::load(place);
        for (int n = 0; n < N; ++n) tap.raw[n] = pick(low.raw[n], high.raw[n], from);
        if (map.holes[at])
          for (int n = 0; n < N; ++n) tap.raw[n] = from.raw[0] < 0 ? Vec<T>(0).raw[0] : tap.raw[n];
      }
    } else {
      alignas(64) T value[N * width];
      for (int n = 0; n < N; ++n) collect(x[n], place, value + n * width);
      tap = V::load(value);
    }
    const Vec<T> by = Vec<T>::load(map.weight + at * width);
    for (int n = 0; n < N; ++n)
      sum.raw[n] = k == 0 ? by.raw[0] * tap.raw[n] : native::fma(by.raw[0], tap.raw[n], sum.raw[n]);
  }
  return sum;
}

template <class T, int N>
LUMIGRAD_SIMD void along_lines(const T* const* from, T* const* to, const LineMap<T>& lines) {
  constexpr int width = Vec<T>::width;
  const LineMap<T> map = lines;
  const T* x[N];
  T *y[N], rest[N * width];
  for (int n = 0; n < N; ++n) x[n] = from[n], y[n] = to[n];
  for (std::int64_t b = 0; b < map.blocks; ++b) {
    if ((b + 1) * width > map.count)
      for (int n = 0; n < N; ++n) y[n] = rest + n * width;
    const Vec<T, N> sum = block_along<T, N>(x, map, b);
    for (int n = 0; n < N; ++n) {
      *reinterpret_cast<typename Register<T>::Unaligned*>(y[n]) = sum.raw[n];
      y[n] += width;
    }
  }
  const auto left = static_cast<std::size_t>(map.count % width);
  for (int n = 0; n < N; ++n) __builtin_memcpy(to[n] + map.count - left, rest + n * width, left * sizeof(T));
}
template <class T>
void along(const T* const* x, T* const* y, int count, const LineMap<T>& map) {
  int n = 0;
  if constexpr (sizeof(T) == sizeof(float))
    for (; count - n >= lines_together; n += lines_together) along_lines<T, lines_together>(x + n, y + n, map);
  for (; n < count; ++n) along_lines<T, 1>(x + n, y + n, map);
}

template <class T>
constexpr ResampleKernels<T> all_of() {
  return {Vec<T>::width, sizeof(T) == sizeof(float) ? reach : 0, lines<T>, along<T>};
}

}  // namespace

extern const ResampleTable resample_table = {all_of<float>(), all_of<double>()};

}  // namespace lumigrad::LUMIGRAD_LEVEL
