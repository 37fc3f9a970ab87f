// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/convolution.h>
#include <lumigrad/engine/random.h>
#include <cmath>

namespace lumigrad {
namespace {

// [first, second / groups, kernel ..]
Shape weight_shape(const char* name, int axes, std::int64_t first, std::int64_t second, std::int64_t groups,
                   const Extents& kernel) {
  require<ShapeError>(first >= 0 && second >= 0 && groups >= 1 && first % groups == 0 && second % groups == 0, name,
                      ": expected groups that divide the channels ", first, " and ", second, ", got ", groups);
  std::vector<std::int64_t> extents = {first, second / groups};
  for (int a = 0; a < axes; ++a) {
    extents.push_back(kernel.at(a, axes, name));
    require<ShapeError>(extents.back() >= 1, name, ": expected a kernel of at least 1, got ", extents.back());
  }
  return Shape(extents);
}

// Uniform in +-1/sqrt(numbers in one row of the weights).
double bound(const Shape& weight) {
  const std::int64_t row = weight.without(0).numel();
  return row > 0 ? 1 / std::sqrt(static_cast<double>(row)) : 0;
}

}  // namespace

ConvLayer::ConvLayer(int axes, std::int64_t in, std::int64_t out, const Extents& kernel, std::uint64_t seed,
                     const ConvLayerOptions& options, DType dtype)
    : axes_(axes), options_(options) {
  const Shape shape = weight_shape("conv", axes, out, in, options.groups, kernel);
  const Generator draws{seed};
  weight_ = parameter("weight", uniform(draws.then("conv.weight"), shape, -bound(shape), bound(shape), dtype));
  if (!options.bias) return;
  bias_ = parameter("bias", uniform(draws.then("conv.bias"), {out}, -bound(shape), bound(shape), dtype));
}

Tensor ConvLayer::forward(const Tensor& x) {
  const ConvOptions options{.bias = bias_,
                            .stride = options_.stride,
                            .padding = options_.padding,
                            .dilation = options_.dilation,
                            .groups = options_.groups,
                            .same = options_.same};
  return axes_ == 1   ? conv1d(x, weight_, options)
         : axes_ == 2 ? conv2d(x, weight_, options)
                      : conv3d(x, weight_, options);
}

ConvTransposeLayer::ConvTransposeLayer(int axes, std::int64_t in, std::int64_t out, const Extents& kernel,
                                       std::uint64_t seed, const ConvTransposeLayerOptions& options, DType dtype)
    : axes_(axes), options_(options) {
  const Shape shape = weight_shape("conv_transpose", axes, in, out, options.groups, kernel);
  const Generator draws{seed};
  weight_ = parameter("weight", uniform(draws.then("conv.weight"), shape, -bound(shape), bound(shape), dtype));
  if (!options.bias) return;
  bias_ = parameter("bias", uniform(draws.then("conv.bias"), {out}, -bound(shape), bound(shape), dtype));
}

Tensor ConvTransposeLayer::forward(const Tensor& x) {
  const ConvTransposeOptions options{.bias = bias_,
                                     .stride = options_.stride,
                                     .padding = options_.padding,
                                     .output_padding = options_.output_padding,
                                     .dilation = options_.dilation,
                                     .groups = options_.groups};
  return axes_ == 1   ? conv_transpose1d(x, weight_, options)
         : axes_ == 2 ? conv_transpose2d(x, weight_, options)
                      : conv_transpose3d(x, weight_, options);
}

}  // namespace lumigrad
