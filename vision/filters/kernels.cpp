// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/filters/kernels.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/filters/kernel_pairs.h>
#include <cmath>
#include <numbers>

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
  Tensor from = reshape(Tensor::arange(taps, s.dtype(), s.device()), {1, taps});
  if (taps % 2 == 0) from = add(from, 0.5);
  from = sub(from, mean.defined() ? as_column(name, "mean", mean, here) : Tensor(taps / 2), here);
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
    const Tensor both = reshape(sigma, {1}, here), column = gaussian(size.height, both, {}, here);
    return {column, size.width == size.height ? column : gaussian(size.width, both, {}, here)};
  }
  if (size.width == size.height) {  // as one
    const std::int64_t count = sigma.numel() / 2;
    const Tensor all = gaussian(size.height, reshape(sigma, {2 * count}, here), {}, here);
    const Tensor pairs = reshape(all, {count, 2, size.height}, here);
    return {select(pairs, 1, 0, here), select(pairs, 1, 1, here)};
  }
  return {gaussian(size.height, select(sigma, -1, 0, here), {}, here),
          gaussian(size.width, select(sigma, -1, 1, here), {}, here)};
}

Tensor get_gaussian_kernel3d(VolumeSize size, const Tensor& sigma, Here here) {
  const char* name = "filters.get_gaussian_kernel3d";
  require<ShapeError>(sigma.numel() == 1 || (sigma.rank() >= 1 && sigma.rank() <= 2 && sigma.size(-1) == 3), name,
                      ": expected sigma as a number, (z, y, x) or one triple a kernel [N, 3], got shape ",
                      sigma.shape());
  const auto along = [&](int axis, std::int64_t taps) {
    return gaussian(taps, sigma.numel() == 1 ? reshape(sigma, {1}, here) : select(sigma, -1, axis, here), {}, here);
  };
  const Tensor depth = along(0, size.depth), column = along(1, size.height), row = along(2, size.width);
  const Tensor plane = mul(unsqueeze(column, 2, here), unsqueeze(row, 1, here), here);
  return mul(reshape(depth, {depth.size(0), size.depth, 1, 1}, here), unsqueeze(plane, 1, here), here);
}

Tensor get_gaussian_erf_kernel1d(std::int64_t taps, const Tensor& sigma, Here here) {
  const char* name = "filters.get_gaussian_erf_kernel1d";
  require_taps(name, taps);
  const Tensor wide = abs(as_column(name, "sigma", sigma, here), here);
  require_positive(name, wide);
  std::vector<double> edges;
  for (std::int64_t i = 0; i <= taps; ++i)
    edges.push_back((static_cast<double>(i - taps / 2) - 0.5) * std::numbers::sqrt2 / 2);
  const Tensor at = Tensor::from(edges, {1, taps + 1}).to(wide.dtype()).to(wide.device());
  const Tensor below = erf(div(at, wide, here), here);
  const Tensor mass = sub(slice(below, 1, 1, taps + 1, 1, here), slice(below, 1, 0, taps, 1, here), here);
  return div(mass, sum(mass, {1}, true, here), here);
}

namespace {

Tensor vector_of(const std::vector<double>& values, DType dtype) {
  return Tensor::from(values, {static_cast<std::int64_t>(values.size())}).to(dtype);
}

// The product of a column and a row of numbers.
Tensor product(const std::vector<double>& column, const std::vector<double>& row, DType dtype) {
  std::vector<double> values;
  for (const double c : column)
    for (const double r : row) values.push_back(c * r);
  return Tensor::from(values, {static_cast<std::int64_t>(column.size()), static_cast<std::int64_t>(row.size())})
      .to(dtype);
}

std::vector<double> binomials(const char* name, std::int64_t taps, bool normalized) {
  require_taps(name, taps);
  require<ShapeError>(taps <= 1000, name, ": expected at most 1000 binomial weights, got ", taps);
  std::vector<double> weights{1};
  for (std::int64_t i = 1; i < taps; ++i) {
    weights.push_back(weights.back() * static_cast<double>(taps - i) / static_cast<double>(i));
  }
  const double total = std::exp2(static_cast<double>(taps - 1));
  if (normalized)
    for (double& weight : weights) weight /= total;
  return weights;
}

std::vector<double> raised_cosine(const char* name, std::int64_t taps) {
  require<ShapeError>(taps >= 3, name, ": expected at least 3 taps, got ", taps);
  std::vector<double> weights;
  for (std::int64_t i = 0; i < taps; ++i)
    weights.push_back(0.5 -
                      0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(taps - 1)));
  return weights;
}

}  // namespace

Tensor get_pascal_kernel_1d(std::int64_t taps, bool normalized, DType dtype) {
  return vector_of(binomials("filters.get_pascal_kernel_1d", taps, normalized), dtype);
}

Tensor get_pascal_kernel_2d(Size size, bool normalized, DType dtype) {
  const char* name = "filters.get_pascal_kernel_2d";
  return product(binomials(name, size.height, normalized), binomials(name, size.width, normalized), dtype);
}

Tensor get_laplacian_kernel1d(std::int64_t taps, DType dtype) {
  require_taps("filters.get_laplacian_kernel1d", taps);
  std::vector<double> weights(static_cast<std::size_t>(taps), 1.0);
  weights[static_cast<std::size_t>(taps / 2)] = 1 - static_cast<double>(taps);
  return vector_of(weights, dtype);
}

Tensor get_laplacian_kernel2d(Size size, DType dtype) {
  require_taps("filters.get_laplacian_kernel2d", size.height);
  require_taps("filters.get_laplacian_kernel2d", size.width);
  std::vector<double> weights(static_cast<std::size_t>(size.height * size.width), 1.0);
  weights[static_cast<std::size_t>(size.height / 2 * size.width + size.width / 2)] =
      1 - static_cast<double>(size.height * size.width);
  return Tensor::from(weights, {size.height, size.width}).to(dtype);
}

Tensor get_hanning_kernel1d(std::int64_t taps, DType dtype) {
  return vector_of(raised_cosine("filters.get_hanning_kernel1d", taps), dtype);
}

Tensor get_hanning_kernel2d(Size size, DType dtype) {
  const char* name = "filters.get_hanning_kernel2d";
  return product(raised_cosine(name, size.height), raised_cosine(name, size.width), dtype);
}

Tensor get_binary_kernel2d(Size size, DType dtype) {
  require_taps("filters.get_binary_kernel2d", size.height);
  require_taps("filters.get_binary_kernel2d", size.width);
  const std::int64_t places = size.height * size.width;
  return reshape(Tensor::eye(places, dtype), {places, 1, size.height, size.width});
}

std::vector<Lines> slope_lines(const char* name, Slopes mode, int order) {
  require<NumericError>(order == 1 || order == 2, name, ": expected order 1 or 2, got ", order);
  const std::vector<double> slope = {-1, 0, 1}, fallen = {1, 0, -1};
  if (mode == Slopes::diff) {
    const std::vector<double> bend = {1, -2, 1}, same = {0, 1, 0};
    if (order == 1) return {{{}, same, slope}, {{}, slope, same}};
    return {{{}, same, bend}, {{}, fallen, slope}, {{}, bend, same}};
  }
  const std::vector<double> smooth = {1, 2, 1}, smoother = {1, 4, 6, 4, 1}, bend = {-1, 0, 2, 0, -1};
  if (order == 1) return {{{}, smooth, slope}, {{}, slope, smooth}};
  return {{{}, smoother, bend}, {{}, {1, 2, 0, -2, -1}, {-1, -2, 0, 2, 1}}, {{}, bend, smoother}};
}

std::vector<Lines> slope_lines3d(const char* name, int order) {
  require<NumericError>(order == 1 || order == 2, name, ": expected order 1 or 2, got ", order);
  const std::vector<double> slope = {-0.5, 0, 0.5}, bend = {1, -2, 1}, fallen = {1, 0, -1};
  if (order == 1) return {{{}, {}, slope}, {{}, slope, {}}, {slope, {}, {}}};
  return {{{}, {}, bend},       {{}, bend, {}},       {bend, {}, {}},
          {{}, fallen, fallen}, {fallen, fallen, {}}, {fallen, {}, fallen}};
}

Tensor get_spatial_gradient_kernel2d(Slopes mode, int order, DType dtype) {
  std::vector<Tensor> kernels;
  for (const Lines& lines : slope_lines("filters.get_spatial_gradient_kernel2d", mode, order))
    kernels.push_back(product(lines.column, lines.row, dtype));
  return stack(kernels, 0);
}

Tensor get_spatial_gradient_kernel3d(int order, DType dtype) {
  std::vector<Tensor> kernels;
  const auto full = [](const std::vector<double>& line) { return line.empty() ? std::vector<double>{0, 1, 0} : line; };
  for (const Lines& lines : slope_lines3d("filters.get_spatial_gradient_kernel3d", order)) {
    const Tensor plane = product(full(lines.column), full(lines.row), dtype);
    kernels.push_back(mul(reshape(vector_of(full(lines.depth), dtype), {1, 3, 1, 1}), reshape(plane, {1, 1, 3, 3})));
  }
  return stack(kernels, 0);
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
