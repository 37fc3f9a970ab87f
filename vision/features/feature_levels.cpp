// SPDX-License-Identifier: Apache-2.0
// Kernels of features, built once per instruction level.
#include <lumigrad/engine/cpu/simd.h>
#include <lumigrad/vision/features/feature_kernels.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

static int extrema(const float* const* rows, float least, int first, int last, int* columns) {
  using V = Vec<float>;
  int found = 0;
  for (int x = first; x < last; x += V::width) {
    const V v = V::load(rows[4] + x);
    if (!any(abs(v) > V::splat(least))) continue;
    const V left = V::load(rows[4] + x - 1), right = V::load(rows[4] + x + 1);
    V most = max(left, right), fewest = min(left, right);
    for (int k = 0; k < 9; ++k) {
      if (k == 4) continue;
      const V a = V::load(rows[k] + x - 1), b = V::load(rows[k] + x), c = V::load(rows[k] + x + 1);
      most = max(most, max(a, max(b, c)));
      fewest = min(fewest, min(a, min(b, c)));
    }
    const V high = V::splat(least), low = V::splat(-least);
    unsigned hits = (((v > high) & (v > most)) | ((v < low) & (v < fewest))).bits();
    for (int i = 0; hits; ++i, hits >>= 1)
      if ((hits & 1u) && x + i < last) columns[found++] = x + i;
  }
  return found;
}

}  // namespace

extern const FeatureKernels feature_table = {extrema};

}  // namespace lumigrad::LUMIGRAD_LEVEL
