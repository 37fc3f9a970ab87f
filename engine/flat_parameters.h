// SPDX-License-Identifier: Apache-2.0
// Leaves of any shapes as one vector of doubles, for optimisers that compute with the parameters as a whole.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

using FlatVector = std::vector<double>;

inline double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// a + t b
FlatVector moved(std::span<const double> a, double t, std::span<const double> b);

class FlatParameters {
 public:
  explicit FlatParameters(const std::vector<Tensor>& leaves);
  std::size_t size() const { return size_; }
  /// Tensors in the shapes of the leaves (or the leaves themselves), one behind the other.
  FlatVector flat(const std::vector<Tensor>& tensors) const;
  FlatVector values() const { return flat(leaves_); }
  /// Overwrites the leaves. In f32 they take the nearest values: ask values() for what they are now.
  void place(std::span<const double> values, const char* by);

 private:
  std::vector<Tensor> leaves_;
  std::size_t size_ = 0;
};

}  // namespace lumigrad
