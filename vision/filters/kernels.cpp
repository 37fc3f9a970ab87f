// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/filters/kernels.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/filters/kernel_pairs.h>

namespace lumigrad::filters {
namespace {

void require_taps(const char* name, std::int64_t taps) {
  require<ShapeError>(taps >= 1 && taps < (1 << 20), name, ": expected a kernel of at least one weight, got ", taps);
}

// [N, 1] from a number, [N] or [N, 1].
Tensor as_column(const char* name, const char* what, const Tensor& x, Here here) {
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected ", what, " of f32 or f64, got ", x.dtype());
  require<ShapeError>(x.rank() <= 1 || (x.rank() == 2 && x.size(1) == 1), name, ": expected ", what,
                      " of one number, or one a kernel, got shape ", x.shape());
  return reshape(x, {x.numel(), 1}, here);
}

void require_positive(const char* name, const Tensor& sigma) {
  for (const double value : sigma.detach().values())
    require<NumericError>(value > 0, name, ": expected sigma > 0, got ", value);
}

}  // namespace

Tensor gaussian(std::int64_t taps, const Tensor& sigma, const Tensor& mean, Here here) {
  const char* name = "filters.gaussian";
  require_taps(name, taps);
  require_positive(name, sigma);
  const Tensor s = as_column(name, "sigma", sigma, here);
  Tensor from = reshape(Tensor::arange(taps, s.dtype()), {1, taps});
  from = sub(from, mean.defined() ? as_column(name, "mean", mean, here) : Tensor(0.5 * static_cast<double>(taps - 1)),
             here);
  const Tensor weight = exp(mul(-0.5, square(div(from, s, here), here), here), here);
  return div(weight, sum(weight, {1}, true, here), here);
}

Tensor get_gaussian_kernel1d(std::int64_t taps, const Tensor& sigma, Here here) {
  return gaussian(taps, sigma, {}, here);
}

Tensor get_gaussian_kernel2d(Size size, const Tensor& sigma, Here here) {
  const GaussianPair pair = gaussian_pair("filters.get_gaussian_kernel2d", size, sigma, here);
  return mul(unsqueeze(pair.column, 2, here), unsqueeze(pair.row, 1, here), here);
}

GaussianPair gaussian_pair(const char* name, Size size, const Tensor& sigma, Here here) {
  require<ShapeError>(sigma.numel() == 1 || (sigma.rank() >= 1 && sigma.rank() <= 2 && sigma.size(-1) == 2), name,
                      ": expected sigma as a number, (y, x) or one pair a kernel [N, 2], got shape ", sigma.shape());
  if (sigma.numel() == 1) {
    const Tensor both = reshape(sigma, {1}, here);
    return {gaussian(size.height, both, {}, here), gaussian(size.width, both, {}, here)};
  }
  return {gaussian(size.height, select(sigma, -1, 0, here), {}, here),
          gaussian(size.width, select(sigma, -1, 1, here), {}, here)};
}

Tensor get_box_kernel1d(std::int64_t taps, DType dtype) {
  require_taps("filters.get_box_kernel1d", taps);
  return Tensor::full({1, taps}, 1 / static_cast<double>(taps), dtype);
}

Tensor get_box_kernel2d(Size size, DType dtype) {
  require_taps("filters.get_box_kernel2d", size.height);
  require_taps("filters.get_box_kernel2d", size.width);
  return Tensor::full({1, size.height, size.width}, 1 / static_cast<double>(size.height * size.width), dtype);
}

Tensor normalize_kernel(const Tensor& kernel, int axes, Here here) {
  require<ShapeError>(axes >= 1 && kernel.rank() >= axes, "filters.normalize_kernel: expected a kernel of at least ",
                      axes, " axes, got shape ", kernel.shape());
  std::vector<int> over;
  for (int i = 1; i <= axes; ++i) over.push_back(-i);
  return div(kernel, sum(abs(kernel, here), std::span<const int>(over), true, here), here);
}

}  // namespace lumigrad::filters
