// SPDX-License-Identifier: Apache-2.0
// What operators that are made of others ask of their inputs first, so that an error bears their name.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// What an error about the type of an image ends with.
constexpr const char* advice(DType dtype) {
  return dtype == DType::u8 || dtype == DType::u16 ? "; to_float makes numbers of stored pixels" : "";
}

/// Throws DTypeError unless x holds numbers that can be differentiated.
inline void require_real(const char* name, const Tensor& x) {
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected f32 or f64, got ", x.dtype(),
                      "; convert it with to()");
}

/// Whether a parameter of x is neither one number nor one an image, which is [N], or [N, 1, 1, 1] with as many axes as
/// x, N the first axis of at least four. It then varies within images and broadcasts as operands do, from the right:
/// [C, 1, 1] is one a channel whatever C is, and [N, 1] is one a row.
inline bool varies_within(const Tensor& parameter, const Tensor& x) {
  const int rank = parameter.rank();
  return rank > 1 && parameter.numel() != 1 && (rank < 4 || rank != x.rank() || parameter.numel() != parameter.size(0));
}

/// A parameter of x, where one beside it varies within images, as an operand: of the dtype of x, and one an image ([N])
/// along the first axis. What parameters of formulas may do it may: numbers, and one an image, are handed to the device
/// of x. Throws under `name` what does not broadcast to x, is on another device or holds no f32 or f64.
Tensor operand_of(const char* name, const Tensor& parameter, const Tensor& x, Here here);

}  // namespace lumigrad
