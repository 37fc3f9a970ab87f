// SPDX-License-Identifier: Apache-2.0
// Separable filters of interleaved bytes, built once per instruction level. Neither pass takes pixels apart: down the
// columns channels do not matter, and along a row they are only a larger step.
#include <lumigrad/engine/cpu/byte_filter_kernels.h>
#include <lumigrad/engine/cpu/pixel_bytes.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

constexpr int fewest = 4;  // registers of a line together, of which the bytes fill one

// K registers of each line, from number `at` on. Every piece of a row is loaded once for all of them.
template <int outs, int K>
LUMIGRAD_SIMD void down_tile(const std::uint8_t* const* rows, int taps, const float* weight, float* const* out,
                             std::int64_t at) {
  Vec<float, K> sum[outs];
#pragma GCC unroll 4
  for (int o = 0; o < outs; ++o) sum[o] = Vec<float, K>(0);
  for (int r = 0; r < taps + outs - 1; ++r) {
    Vec<float, K> value;
    for (int k = 0; k < K; ++k) value.raw[k] = numbers_of(rows[r] + at + k * Numbers::width).raw[0];
#pragma GCC unroll 4
    for (int o = 0; o < outs; ++o)
      if (r >= o && r < o + taps) sum[o] = fma(Vec<float, K>::splat(weight[r - o]), value, sum[o]);
  }
#pragma GCC unroll 4
  for (int o = 0; o < outs; ++o) sum[o].store(out[o] + at);
}

template <int outs>
LUMIGRAD_SIMD void down_lines(const std::uint8_t* const* rows, int taps, const float* weight, float* const* out,
                              std::int64_t count) {
  constexpr int many = vector_bytes == 64 ? 4 : 2;
  std::int64_t i = 0;
  for (; i + many * Numbers::width <= count; i += many * Numbers::width)
    down_tile<outs, many>(rows, taps, weight, out, i);
  for (; i < count; i += Numbers::width) {  // the last one once more over numbers that are done
    if (i + Numbers::width > count) i = count - Numbers::width;
    down_tile<outs, 1>(rows, taps, weight, out, i);
  }
}

void down(const std::uint8_t* const* rows, int taps, const float* weight, float* const* out, int outs,
          std::int64_t count) {
  outs == 4 ? down_lines<4>(rows, taps, weight, out, count) : down_lines<1>(rows, taps, weight, out, count);
}

#if LUMIGRAD_VECTOR_BYTES == 64
// Weights J, J + 1, ... < count of those whose places start in the first register. As along lines of floats
// (filter.cpp), every other piece is cut out of the two whole ones it lies in and the others are loaded.
template <int step, int J, int K>
LUMIGRAD_SIMD void add_along(Vec<float, K>& sum, const __m512i (&whole)[K + 1], const float* line, int count,
                             const float* weight) {
  if constexpr (step * J < 16) {
    if (J >= count) return;
    const Numbers by = Numbers::splat(weight[J]);
    for (int k = 0; k < K; ++k) {
      const __m512i piece = J == 0       ? whole[k]
                            : J % 2 == 0 ? _mm512_loadu_si512(line + 16 * k + step * J)
                                         : _mm512_alignr_epi32(whole[k + 1], whole[k], step * J);
      sum.raw[k] = native::fma(by.raw[0], native::F(piece), sum.raw[k]);
    }
    add_along<step, J + 1>(sum, whole, line, count, weight);
  }
}
template <int step, int K>
LUMIGRAD_SIMD Vec<float, K> sums_along(const float* line, int across, const float* weight) {
  constexpr int most = (15 + step) / step;  // that start in a register
  Vec<float, K> sum(0);
  for (; across > 0; across -= most, line += most * step, weight += most) {
    __m512i whole[K + 1];
    for (int k = 0; k <= K; ++k) whole[k] = _mm512_loadu_si512(line + 16 * k);
    add_along<step, 0>(sum, whole, line, across, weight);
  }
  return sum;
}
#else
template <int step, int K>
LUMIGRAD_SIMD Vec<float, K> sums_along(const float* line, int across, const float* weight) {
  using Batch = Vec<float, K>;
  Batch sum(0);
  for (int j = 0; j < across; ++j) sum = fma(Batch::splat(weight[j]), Batch::load(line + step * j), sum);
  return sum;
}
#endif

template <int step, int K>
LUMIGRAD_SIMD void along_tile(const float* line, int across, const float* weight, std::uint8_t* to) {
  const Vec<float, K> sum = sums_along<step, K>(line, across, weight);
  for (int k = 0; k < K; k += fewest) {
    Vec<float, fewest> part;
    for (int j = 0; j < fewest; ++j) part.raw[j] = sum.raw[k + j];
    store_numbers(part, to + k * Numbers::width);
  }
}
template <int step>
LUMIGRAD_SIMD void along_line(const float* line, int across, const float* weight, std::uint8_t* to,
                              std::int64_t count) {
  constexpr int many = vector_bytes == 64 ? 2 * fewest : fewest;
  std::int64_t i = 0;
  for (; i + many * Numbers::width <= count; i += many * Numbers::width)
    along_tile<step, many>(line + i, across, weight, to + i);
  for (; i < count; i += fewest * Numbers::width) {  // the last one once more over numbers that are done
    if (i + fewest * Numbers::width > count) i = count - fewest * Numbers::width;
    along_tile<step, fewest>(line + i, across, weight, to + i);
  }
}

void along(const float* line, int across, int step, const float* weight, std::uint8_t* to, std::int64_t count) {
  if (step == 1)
    along_line<1>(line, across, weight, to, count);
  else if (step == 3)
    along_line<3>(line, across, weight, to, count);
  else
    along_line<4>(line, across, weight, to, count);
}

}  // namespace

extern const ByteFilterKernels byte_filters = {down, along};

}  // namespace lumigrad::LUMIGRAD_LEVEL
