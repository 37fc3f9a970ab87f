// SPDX-License-Identifier: Apache-2.0
// Weighted sums along a line of floats. For level sources only.
#pragma once
#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

#if LUMIGRAD_VECTOR_BYTES == 64
// Here every weight wants the line from another number on, and a load that starts within a line of the cache costs two.
// So every other piece is cut out of the two whole ones it lies in: loads and cuts keep two units busy, the sums a
// third. Adds weights J, J + 1, ... < count to K registers of the result.
template <int step, int J, int K>
LUMIGRAD_SIMD void add_along(Vec<float, K>& sum, const __m512i (&whole)[K + 1], const float* line, int count,
                             const float* weight) {
  if constexpr (step * J < 16) {
    if (J >= count) return;
    const Vec<float> by = Vec<float>::splat(weight[J]);
    for (int k = 0; k < K; ++k) {
      const __m512i piece = J == 0       ? whole[k]
                            : J % 2 == 0 ? _mm512_loadu_si512(line + 16 * k + step * J)
                                         : _mm512_alignr_epi32(whole[k + 1], whole[k], step * J);
      sum.raw[k] = native::fma(by.raw[0], native::F(piece), sum.raw[k]);
    }
    add_along<step, J + 1>(sum, whole, line, count, weight);
  }
}
#endif

/// K registers of sum over j < across of weight[j] line[i + step j], terms in this order. Nothing behind the last
/// number that is asked for is read.
template <int step, int K>
LUMIGRAD_SIMD Vec<float, K> sums_along(const float* line, int across, const float* weight) {
  Vec<float, K> sum(0);
#if LUMIGRAD_VECTOR_BYTES == 64
  constexpr int most = (15 + step) / step;  // weights whose pieces start in the same register
  for (; across > 0; across -= most, line += most * step, weight += most) {
    const int count = across < most ? across : most;
    __m512i whole[K + 1];
    for (int k = 0; k < K; ++k) whole[k] = _mm512_loadu_si512(line + 16 * k);
    const auto needed = static_cast<__mmask16>((1u << (step * (count - 1))) - 1u);  // the line may end there
    whole[K] = _mm512_maskz_loadu_epi32(needed, line + 16 * K);
    add_along<step, 0>(sum, whole, line, count, weight);
  }
#else
  using Batch = Vec<float, K>;
  for (int j = 0; j < across; ++j) sum = fma(Batch::splat(weight[j]), Batch::load(line + step * j), sum);
#endif
  return sum;
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
