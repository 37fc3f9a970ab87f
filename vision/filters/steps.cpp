// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/filters/steps.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/filters/kernel_pairs.h>

namespace lumigrad::filters::steps {

ImageStep filter2d(const Tensor& kernel, const Filter2d& options, Here here) {
  const char* name = "filters.filter2d";
  return {name, prepared(name, kernel, DType::f32, 2, options.normalized, options.convolve, here),
          FilterOptions{options.border, options.valid}};
}

ImageStep filter2d_separable(const Tensor& row, const Tensor& column, const SeparableFilter2d& options, Here here) {
  const char* name = "filters.filter2d_separable";
  return {name, prepared(name, column, DType::f32, 1, options.normalized, false, here),
          prepared(name, row, DType::f32, 1, options.normalized, false, here),
          FilterOptions{options.border, options.valid}};
}

ImageStep gaussian_blur2d(const GaussianBlur& options, Here here) {
  const char* name = "filters.gaussian_blur2d";
  const GaussianPair pair = gaussian_pair(name, options.kernel, options.sigma.to(DType::f32, here), here);
  return {name, pair.column, pair.row, FilterOptions{options.border}};
}

ImageStep box_blur(const BoxBlur& options, Here) {
  return {"filters.box_blur", get_box_kernel1d(options.kernel.height), get_box_kernel1d(options.kernel.width),
          FilterOptions{options.border}};
}

}  // namespace lumigrad::filters::steps
