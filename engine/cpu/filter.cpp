// SPDX-License-Identifier: Apache-2.0
// Correlation with small kernels, row by row, built once per instruction level.
//
// A row of the image takes part in as many rows of the result as the kernel is high. Made one at a time, each result
// would fetch it again, and fetching is what such a loop waits for. So up to four rows of the result stand in registers
// together: a piece of the image is loaded once and multiplied into all of them.
#include <lumigrad/engine/cpu/filter_kernels.h>
#include <lumigrad/engine/cpu/line_sums.h>
#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

// The piece of a row that starts at `from`, times its weights in the results first ... last. `weight` is that of the
// row in the first of all results; in the next it is the weight of the row above it.
template <int first, int last, class T, int outs, int K>
LUMIGRAD_SIMD void add_row(Vec<T, K> (&sum)[outs], const T* from, int across, const T* weight) {
  for (int j = 0; j < across; ++j) {
    const Vec<T, K> value = Vec<T, K>::load(from + j);
#pragma GCC unroll 4
    for (int o = first; o <= last; ++o) sum[o] = fma(Vec<T, K>::splat(weight[j - o * across]), value, sum[o]);
  }
}

// Rows at both ends of the window belong to some of the results only: the first one to the first result, ...
template <class T, int outs, int K>
LUMIGRAD_SIMD void add_slab(Vec<T, K> (&sum)[outs], const T* const* rows, int taps, int across, const T* weight,
                            std::int64_t at) {
  if constexpr (outs >= 2) add_row<0, 0>(sum, rows[0] + at, across, weight);
  if constexpr (outs >= 3) add_row<0, 1>(sum, rows[1] + at, across, weight + across);
  if constexpr (outs >= 4) add_row<0, 2>(sum, rows[2] + at, across, weight + 2 * across);
  for (int k = outs - 1; k < taps; ++k) add_row<0, outs - 1>(sum, rows[k] + at, across, weight + k * across);
  rows += taps, weight += taps * across;
  if constexpr (outs >= 2) add_row<1, outs - 1>(sum, rows[0] + at, across, weight);
  if constexpr (outs >= 3) add_row<2, outs - 1>(sum, rows[1] + at, across, weight + across);
  if constexpr (outs >= 4) add_row<3, outs - 1>(sum, rows[2] + at, across, weight + 2 * across);
}

// K registers of each result, from element `at` on.
template <class T, int outs, int K>
LUMIGRAD_SIMD void tile(const T* const* rows, int slabs, int taps, int across, const T* weight, T* const* out,
                        std::int64_t at) {
#if LUMIGRAD_VECTOR_BYTES == 64
  if constexpr (outs == 1 && sizeof(T) == 4)
    if (slabs == 1 && taps == 1) return sums_along<1, K>(rows[0] + at, across, weight).store(out[0] + at);
#endif
  if constexpr (outs > 1) {  // the rows that the next results read first, most likely as far down as these lie apart
    const auto address = [](const T* p) { return reinterpret_cast<std::uintptr_t>(p); };
    const std::uintptr_t ahead = static_cast<std::uintptr_t>(outs) * (address(rows[1]) - address(rows[0]));
    for (int r = taps - 1; r < taps + outs - 1; ++r)
      for (int k = 0; k < K; ++k)
        __builtin_prefetch(reinterpret_cast<const void*>(address(rows[r] + at + k * Vec<T>::width) + ahead));
  }
  Vec<T, K> sum[outs];
#pragma GCC unroll 4
  for (int o = 0; o < outs; ++o) sum[o] = Vec<T, K>(0);
  for (int s = 0; s < slabs; ++s)
    add_slab(sum, rows + s * (taps + outs - 1), taps, across, weight + s * taps * across, at);
#pragma GCC unroll 4
  for (int o = 0; o < outs; ++o) sum[o].store(out[o] + at);
}

template <class T, int outs>
void several(const T* const* rows, int slabs, int taps, int across, const T* weight, T* const* out,
             std::int64_t count) {
  constexpr int registers = vector_bytes == 64 ? 16 : 8;  // of sums; others hold weights and the piece of the image
  constexpr int many = registers / outs < 8 ? registers / outs : 8;
  constexpr int width = Vec<T>::width;
  std::int64_t i = 0;
  for (; i + many * width <= count; i += many * width) tile<T, outs, many>(rows, slabs, taps, across, weight, out, i);
  for (; i + width <= count; i += width) tile<T, outs, 1>(rows, slabs, taps, across, weight, out, i);
  if (i == count) return;
  if (count >= width) {  // once more over elements that are done: the same numbers
    tile<T, outs, 1>(rows, slabs, taps, across, weight, out, count - width);
    return;
  }
  for (; i < count; ++i) {  // one lane of the same arithmetic
    for (int o = 0; o < outs; ++o) {
      Vec<T> sum(0);
      for (int s = 0; s < slabs; ++s)
        for (int r = 0; r < taps; ++r)
          for (int j = 0; j < across; ++j)
            sum = fma(Vec<T>::splat(weight[(s * taps + r) * across + j]),
                      Vec<T>::splat(rows[s * (taps + outs - 1) + o + r][i + j]), sum);
      out[o][i] = sum.raw[0][0];
    }
  }
}

template <class T>
void lines(const T* const* rows, int slabs, int taps, int across, const T* weight, T* const* out, int outs,
           std::int64_t count) {
  if (outs == 4) {
    several<T, 4>(rows, slabs, taps, across, weight, out, count);
  } else if (outs == 2) {
    several<T, 2>(rows, slabs, taps, across, weight, out, count);
  } else {
    several<T, 1>(rows, slabs, taps, across, weight, out, count);
  }
}

// `taps` neighbouring weights together, so that a piece of g is loaded once for them.
template <class T, int taps>
LUMIGRAD_SIMD void products_of(const T* g, const T* row, std::int64_t count, double* sums) {
  constexpr int width = Vec<T>::width;
  Vec<T> sum[taps];
#pragma GCC unroll 4
  for (int j = 0; j < taps; ++j) sum[j] = Vec<T>(0);
  std::int64_t i = 0;
  for (; i + width <= count; i += width) {
    const Vec<T> by = Vec<T>::load(g + i);
#pragma GCC unroll 4
    for (int j = 0; j < taps; ++j) sum[j] = fma(by, Vec<T>::load(row + i + j), sum[j]);
  }
  for (int j = 0; j < taps; ++j) {
    double total = sum_lanes(sum[j]);
    for (std::int64_t k = i; k < count; ++k) total += static_cast<double>(g[k]) * static_cast<double>(row[k + j]);
    sums[j] += total;
  }
}

template <class T>
void products(const T* g, const T* row, int across, std::int64_t count, double* sums) {
  int j = 0;
  for (; j + 4 <= across; j += 4) products_of<T, 4>(g, row + j, count, sums + j);
  for (; j < across; ++j) products_of<T, 1>(g, row + j, count, sums + j);
}

}  // namespace

extern const FilterTable filter_table = {{lines<float>, products<float>}, {lines<double>, products<double>}};

}  // namespace lumigrad::LUMIGRAD_LEVEL
