// SPDX-License-Identifier: Apache-2.0
// Extremes and medians of windows, one vector of neighbouring windows at a time, built once per instruction level.
#include <lumigrad/engine/cpu/filter_rank_kernels.h>
#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

template <class T>
using Integer = typename RankKernels<T>::Integer;

template <class T>
LUMIGRAD_SIMD T lowest() {
  return -std::numeric_limits<T>::infinity();
}

// What comes after the last of neighbouring rows, as far behind it as that is behind the one before: by the time the
// next row of results wants it, it is here.
template <class T>
LUMIGRAD_SIMD std::uintptr_t behind(const T* last, const T* before) {
  const auto at = reinterpret_cast<std::uintptr_t>(last);
  return at + (at - reinterpret_cast<std::uintptr_t>(before));
}
template <class T>
LUMIGRAD_SIMD void ask_for(std::uintptr_t row, std::int64_t i) {
  __builtin_prefetch(reinterpret_cast<const void*>(row + static_cast<std::uintptr_t>(i) * sizeof(T)));
}

template <class W>
struct IntegersOf;
template <class T, int K>
struct IntegersOf<Vec<T, K>> {
  using Type = Int<T, K>;
};
template <class W>
using IntOf = typename IntegersOf<W>::Type;

// Calls step(batch, i) for a stretch, several registers a batch: what is read for a place of the window, its address
// and its number, serves them all.
template <class T, class Step>
LUMIGRAD_SIMD void in_batches(std::int64_t stretch, const Step& step) {
  using Wide = Vec<T, vector_bytes == 64 ? 4 : 2>;
  std::int64_t i = 0;
  for (; i + Wide::width <= stretch; i += Wide::width) step(Wide(), i);
  for (; i < stretch; i += Vec<T>::width) step(Vec<T>(), i);
}

template <class T>
void extremum(const T* const* place, const T* height, int count, T sign, T* out, Integer<T>* pick,
              std::int64_t stretch) {
  using V = Vec<T>;
  if (height == nullptr && pick == nullptr) {
    const std::uintptr_t next = behind(place[count - 1], place[count > 1 ? count - 2 : 0]);
    for (std::int64_t i = 0; i < stretch; i += V::width) {
      ask_for<T>(next, i);
      V best = V::splat(sign * lowest<T>());
      if (sign > 0)
        for (int t = 0; t < count; ++t) best = max(best, V::load(place[t] + i));
      else
        for (int t = 0; t < count; ++t) best = min(best, V::load(place[t] + i));
      best.store(out + i);
    }
    return;
  }
  in_batches<T>(
      stretch, [&](auto batch, std::int64_t i) __attribute__((always_inline)) {
        using W = decltype(batch);
        W best = W::splat(lowest<T>());
        if (pick == nullptr) {
          for (int t = 0; t < count; ++t)
            best = max(best,
                       fma(W::splat(sign), W::load(place[t] + i), W::splat(height == nullptr ? T(-0.0) : height[t])));
        } else {
          IntOf<W> at(-1);
          for (int t = 0; t < count; ++t) {
            const W value =
                fma(W::splat(sign), W::load(place[t] + i), W::splat(height == nullptr ? T(-0.0) : height[t]));
            const auto better = value > best;
            best = select(better, value, best);
            at = select(better, IntOf<W>(t), at);
          }
          at.store(pick + i);
        }
        (W::splat(sign) * best).store(out + i);
      });
}

template <class V>
LUMIGRAD_SIMD void exchange(V& low, V& high) {
  const V a = min(low, high), b = max(low, high);
  low = a, high = b;
}

// Half of the values and two more hold at least one below the median and one above it, or the median itself with
// equals: the least and the greatest of so many are not needed. So hold that many, forget both, take in the next value,
// and so on until three are left. `count` is odd.
template <class V>
LUMIGRAD_SIMD void ends_apart(V* held, int size) {
  // Each with its partner at the other end: the least is now in the lower half, the greatest in the upper one.
#pragma GCC unroll 8
  for (int i = 0; i < size / 2; ++i) exchange(held[i], held[size - 1 - i]);
#pragma GCC unroll 8
  for (int i = 1; i < (size + 1) / 2; ++i) exchange(held[0], held[i]);
#pragma GCC unroll 8
  for (int i = size / 2; i < size - 1; ++i) exchange(held[i], held[size - 1]);
}
template <class V>
LUMIGRAD_SIMD V middle(V* held, int count) {
  const V* next = held + count / 2 + 2;
  for (int size = count / 2 + 2;; --size) {
    ends_apart(held, size);
    if (size == 3) return held[1];
    held[0] = *next++;  // where the least was; the greatest is cut off
  }
}
// The same of nine, the most used window, all of it in registers.
template <class T>
LUMIGRAD_SIMD Vec<T> middle_of_nine(const T* const* place, std::int64_t i) {
  Vec<T> held[6];
#pragma GCC unroll 6
  for (int t = 0; t < 6; ++t) held[t] = Vec<T>::load(place[t] + i);
  ends_apart(held, 6);
  held[0] = Vec<T>::load(place[6] + i);
  ends_apart(held, 5);
  held[0] = Vec<T>::load(place[7] + i);
  ends_apart(held, 4);
  held[0] = Vec<T>::load(place[8] + i);
  ends_apart(held, 3);
  return held[1];
}

template <class T>
void median(const T* const* place, int count, T* out, Integer<T>* pick, T* room, std::int64_t stretch) {
  using V = Vec<T>;
  V* const held = reinterpret_cast<V*>(room);
  for (std::int64_t i = 0; i < stretch; i += V::width) {
    V value;
    if (count == 9) {
      value = middle_of_nine(place, i);
    } else {
      int n = 0;
      for (; n < count; ++n) held[n] = V::load(place[n] + i);
      if (n % 2 == 0) held[n++] = V::splat(lowest<T>());
      value = n == 1 ? held[0] : middle(held, n);
    }
    value.store(out + i);
    if (pick == nullptr) continue;
    Int<T> at(-1);
    for (int t = count; t-- > 0;) at = select(V::load(place[t] + i) == value, Int<T>(t), at);
    at.store(pick + i);
  }
}

void sort_columns(const float* const* row, float* const* sorted, std::int64_t stretch) {
  using V = Vec<float>;
  const std::uintptr_t next = behind(row[2], row[1]);
  for (std::int64_t i = 0; i < stretch; i += V::width) {
    ask_for<float>(next, i);
    V low = V::load(row[0] + i), middle = V::load(row[1] + i), high = V::load(row[2] + i);
    exchange(low, middle);
    exchange(middle, high);
    exchange(low, middle);
    low.store(sorted[0] + i), middle.store(sorted[1] + i), high.store(sorted[2] + i);
  }
}

template <class V>
LUMIGRAD_SIMD V middle_of_three(const V& a, const V& b, const V& c) {
  return max(min(a, b), min(max(a, b), c));
}

// Of nine numbers in sorted columns only the greatest of the least, the middle one of the middle ones and the least of
// the greatest can have four below and four above.
void median_of_columns(const float* const* sorted, float* out, std::int64_t stretch) {
  using V = Vec<float>;
  const auto at = [&](int k, std::int64_t i) __attribute__((always_inline)) { return V::load(sorted[k] + i); };
  for (std::int64_t i = 0; i < stretch; i += V::width) {
    const V low = max(max(at(0, i), at(0, i + 1)), at(0, i + 2)), high = min(min(at(2, i), at(2, i + 1)), at(2, i + 2));
    middle_of_three(low, middle_of_three(at(1, i), at(1, i + 1), at(1, i + 2)), high).store(out + i);
  }
}

template <class T>
void collect(const T* const* value, const Integer<T>* const* pick, int count, T* out, std::int64_t stretch) {
  in_batches<T>(
      stretch, [&](auto batch, std::int64_t i) __attribute__((always_inline)) {
        using W = decltype(batch);
        W sum = W::splat(T(0));
        for (int t = 0; t < count; ++t)
          sum = sum + select(IntOf<W>::load(pick[t] + i) == IntOf<W>(t), W::load(value[t] + i), W::splat(T(0)));
        sum.store(out + i);
      });
}

}  // namespace

extern const RankTable rank_table = {{extremum<float>, sort_columns, median_of_columns, median<float>, collect<float>},
                                     {extremum<double>, nullptr, nullptr, median<double>, collect<double>}};

}  // namespace lumigrad::LUMIGRAD_LEVEL
