// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/flat_parameters.h>
#include <lumigrad/engine/node.h>

namespace lumigrad {

FlatVector moved(std::span<const double> a, double t, std::span<const double> b) {
  FlatVector sum(a.begin(), a.end());
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += t * b[i];
  return sum;
}

FlatParameters::FlatParameters(const std::vector<Tensor>& leaves) : leaves_(leaves) {
  for (const Tensor& leaf : leaves_) size_ += static_cast<std::size_t>(leaf.numel());
}

FlatVector FlatParameters::flat(const std::vector<Tensor>& tensors) const {
  FlatVector all;
  all.reserve(size_);
  for (const Tensor& tensor : tensors) {
    const std::vector<double> part = tensor.values();
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

void FlatParameters::place(std::span<const double> values, const char* by) {
  NoGrad off;
  for (Tensor& leaf : leaves_) {
    const auto n = static_cast<std::size_t>(leaf.numel());
    leaf.assign(Tensor::view(values.data(), leaf.shape()), by);
    values = values.subspan(n);
  }
}

}  // namespace lumigrad
