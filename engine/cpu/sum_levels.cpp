// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/simd.h>
#include <lumigrad/engine/cpu/sum_kernels.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

template <class T>
double block(const T* x, std::size_t n) {
  using V = Vec<T>;
  V sum[4] = {V(0), V(0), V(0), V(0)};
  std::size_t i = 0;
  for (; i + 4 * V::width <= n; i += 4 * V::width)
    for (int k = 0; k < 4; ++k) sum[k] += V::load(x + i + static_cast<std::size_t>(k * V::width));
  V total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (; i + V::width <= n; i += V::width) total += V::load(x + i);
  double result = sum_lanes(total);
  for (; i < n; ++i) result += static_cast<double>(x[i]);
  return result;
}

template <class T>
void accumulate(const T* x, double* sums, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) sums[i] += static_cast<double>(x[i]);
}

}  // namespace

extern const SumKernels sums = {{block<float>, accumulate<float>}, {block<double>, accumulate<double>}};

}  // namespace lumigrad::LUMIGRAD_LEVEL
