// SPDX-License-Identifier: Apache-2.0
// What becomes of many losses.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// What becomes of the loss of each element (or image).
enum class Reduction {
  none,  ///< all of them, in the shape of the inputs
  mean,  ///< their mean, a scalar (ShapeError where there are none)
  sum    ///< their sum, a scalar
};

/// `losses` as that asks; errors name `name`.
LUMIGRAD_API Tensor reduced(const char* name, const Tensor& losses, Reduction reduction, Here here = {});

}  // namespace lumigrad
