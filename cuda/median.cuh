// SPDX-License-Identifier: Apache-2.0
// The lower median of what a function reads: of few numbers in registers, of many by the bits of their order.
#pragma once
#include <lumigrad/cuda/tiles.h>
#include <lumigrad/engine/families/rank_key.h>
#include <bit>

namespace lumigrad::cuda {

#if defined(__CUDA_ARCH__)  // one instruction; of a NaN and a number the number
LUMIGRAD_INLINE float greater_of(float a, float b) { return ::fmaxf(a, b); }
LUMIGRAD_INLINE double greater_of(double a, double b) { return ::fmax(a, b); }
LUMIGRAD_INLINE float lesser_of(float a, float b) { return ::fminf(a, b); }
LUMIGRAD_INLINE double lesser_of(double a, double b) { return ::fmin(a, b); }
#else
template <class T>
LUMIGRAD_INLINE T greater_of(T a, T b) {
  return max(a, b);
}
template <class T>
LUMIGRAD_INLINE T lesser_of(T a, T b) {
  return min(a, b);
}
#endif

/// Half of the values and two more hold at least one below the median and one above it, or the median itself with
/// equals: the least and the greatest of so many are not needed. So hold that many, forget both, take in the next
/// value, and so on until three are left. N is odd; everything stays in registers.
template <int N, int size, class T, class Read>
LUMIGRAD_INLINE T middle(T (&held)[N / 2 + 2], const Read& read) {
  const auto exchange = [&](int a, int b) {
    const T low = lesser_of(held[a], held[b]);
    held[b] = greater_of(held[a], held[b]);
    held[a] = low;
  };
  // Each with its partner at the other end: the least is now in the lower half, the greatest in the upper one.
  LUMIGRAD_UNROLL
  for (int i = 0; i < size / 2; ++i) exchange(i, size - 1 - i);
  LUMIGRAD_UNROLL
  for (int i = 1; i < (size + 1) / 2; ++i) exchange(0, i);
  LUMIGRAD_UNROLL
  for (int i = size / 2; i < size - 1; ++i) exchange(i, size - 1);
  if constexpr (size == 3) {
    return held[1];
  } else {
    held[0] = read(2 * (N / 2 + 2) - size);  // where the least was; the greatest is cut off
    return middle<N, size - 1>(held, read);
  }
}
template <int N, class T, class Read>
LUMIGRAD_INLINE T median_of(const Read& read) {
  T held[N / 2 + 2];
  LUMIGRAD_UNROLL
  for (int t = 0; t < N / 2 + 2; ++t) held[t] = read(t);
  return middle<N, N / 2 + 2>(held, read);
}

/// The number whose key (engine/families/rank_key.h) this is.
template <class T>
LUMIGRAD_INLINE T number_of(std::uint64_t key) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr std::uint64_t sign = all_bits<T> / 2 + 1;
  return std::bit_cast<T>(static_cast<Bits>(key & sign ? key ^ sign : ~key));
}

/// The lower median of any number of values, one bit after another from the highest: of those that agree so far, do the
/// ones with a zero reach up to the rank?
template <class T, class Read>
LUMIGRAD_INLINE T median_of_many(int count, const Read& read) {
  std::uint64_t found = 0;
  int rank = (count - 1) / 2;
  for (std::uint64_t bit = all_bits<T> / 2 + 1, known = 0; bit != 0; known |= bit, bit >>= 1) {
    int zeros = 0;
    for (int t = 0; t < count; ++t) zeros += (key_of(read(t)) & (known | bit)) == found;
    if (rank >= zeros) {
      rank -= zeros;
      found |= bit;
    }
  }
  return number_of<T>(found);
}

}  // namespace lumigrad::cuda
