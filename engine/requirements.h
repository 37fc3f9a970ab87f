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

}  // namespace lumigrad
