// SPDX-License-Identifier: Apache-2.0
// Separable filters of interleaved bytes, built once per instruction level. Neither pass takes pixels apart: down the
// columns channels do not matter, and along a row they are only a larger step.
#include <lumigrad/engine/cpu/byte_filter_kernels.h>
#include <lumigrad/engine/cpu/line_sums.h>
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
