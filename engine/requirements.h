// SPDX-License-Identifier: Apache-2.0
// What operators that are made of others ask of their inputs first, so that an error bears their name.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// Throws DTypeError unless x holds numbers that can be differentiated.
inline void require_real(const char* name, const Tensor& x) {
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected f32 or f64, got ", x.dtype(),
                      "; convert it with to()");
}

/// Whether a parameter of x is neither one number nor one an image ([N], [N, 1, ...]): it varies within images, and
/// broadcasts as operands do.
inline bool varies_within(const Tensor& parameter, const Tensor& x) {
  const int rank = parameter.rank();
  return rank > 1 && parameter.numel() != 1 && (rank < x.rank() || parameter.numel() != parameter.size(0));
}

}  // namespace lumigrad
