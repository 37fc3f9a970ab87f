// SPDX-License-Identifier: Apache-2.0
// Weighted sums along one axis, built once per instruction level. Terms are added in the order they are given.
#include <lumigrad/engine/cpu/resample_kernels.h>
#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

template <class T, int K>
LUMIGRAD_SIMD Vec<T, K> sum_of_lines(const T* x, std::int64_t at, std::int64_t count, const std::int32_t* source,
                                     const T* weight, int taps) {
  using V = Vec<T, K>;
  V sum(0);
  for (int k = 0; k < taps; ++k) {
    const V value = V::load(x + source[k] * count + at);
    sum = k == 0 ? V::splat(weight[0]) * value : fma(V::splat(weight[k]), value, sum);
  }
  return sum;
}

template <class T>
void lines(const T* x, T* y, std::int64_t count, const std::int32_t* source, const T* weight, int taps) {
  constexpr int width = Vec<T>::width;
  std::int64_t j = 0;
  for (; j + 4 * width <= count; j += 4 * width) sum_of_lines<T, 4>(x, j, count, source, weight, taps).store(y + j);
  for (; j + width <= count; j += width) sum_of_lines<T, 1>(x, j, count, source, weight, taps).store(y + j);
  for (; j < count; ++j) {  // one lane of the same arithmetic
    Vec<T> sum(0);
    for (int k = 0; k < taps; ++k) {
      const Vec<T> value = Vec<T>::splat(x[source[k] * count + j]), w = Vec<T>::splat(weight[k]);
      sum = k == 0 ? w * value : fma(w, value, sum);
    }
    y[j] = sum.raw[0][0];
  }
}

template <class T>
void along(const T* x, T* y, std::int64_t count, const std::int32_t* source, const T* weight, int taps) {
  constexpr int width = Vec<T>::width;
  for (std::int64_t i = 0; i < count; i += width) {
    const int some = count - i < width ? static_cast<int>(count - i) : width;
    Vec<T> sum(0);
    for (int k = 0; k < taps; ++k) {
      alignas(64) T value[width] = {}, w[width] = {};
      const std::int32_t* from = source + k * count + i;
      if (some == width) {
        for (int l = 0; l < width; ++l) value[l] = from[l] < 0 ? T(0) : x[from[l]];
      } else {
        for (int l = 0; l < some; ++l) value[l] = from[l] < 0 ? T(0) : x[from[l]];
        for (int l = 0; l < some; ++l) w[l] = weight[k * count + i + l];
      }
      const Vec<T> by = some == width ? Vec<T>::load(weight + k * count + i) : Vec<T>::load(w);
      sum = k == 0 ? by * Vec<T>::load(value) : fma(by, Vec<T>::load(value), sum);
    }
    if (some == width) {
      sum.store(y + i);
    } else {
      for (int l = 0; l < some; ++l) y[i + l] = sum.raw[0][l];
    }
  }
}

}  // namespace

extern const ResampleTable resample_table = {{lines<float>, along<float>}, {lines<double>, along<double>}};

}  // namespace lumigrad::LUMIGRAD_LEVEL
