// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/formula_table.h>

namespace lumigrad {

namespace {

template <class T>
void fill(PixelKernel<T>& kernel, const PixelKernel<T>& from) {
  if (!kernel.forward) kernel.forward = from.forward;
  if (!kernel.vjp) kernel.vjp = from.vjp;
  if (!kernel.vjp_params) kernel.vjp_params = from.vjp_params;
  if (!kernel.second) kernel.second = from.second;
}

}  // namespace

PixelKernels resolve(const KernelLevels& levels, const char* list, int number) {
  int level = static_cast<int>(simd_level());
  while (!levels.level[level]) --level;
  PixelKernels kernels = *levels.level[level];
  while (--level >= 0) {
    fill(kernels.f32, levels.level[level]->f32);
    fill(kernels.f64, levels.level[level]->f64);
  }
  kernels.list = list;
  kernels.number = number;
  return kernels;
}

}  // namespace lumigrad
