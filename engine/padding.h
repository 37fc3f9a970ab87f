// SPDX-License-Identifier: Apache-2.0
// Margins around a tensor.
//
// Padding reads, along each axis, the element that a rule puts at an index (families/border.h): beyond the end the
// tensor is mirrored, goes on or begins again, or there is a value instead. Each axis on its own is a band with a
// single 1 in each row, so the adjoint to the tensor is the transposed bands (families/resample.h): what was read
// several times collects as many cotangents. A value collects those of the margins.
#pragma once
#include <lumigrad/engine/families/border.h>
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// What stands in the margins.
struct PadOptions {
  Border mode = Border::zeros;  ///< zeros: `value`
  Tensor value = 0.0;           ///< one number, a learnable argument
};

/// x (any rank and dtype) with margins: widths (before, after) of the last axis, then of the one before it, and so on;
/// negative ones take off (before the rest begins again with `circular`, of the tensor with its margins otherwise).
/// Mirrored, repeated and continued margins may be wider than the axis, which must not be empty then. Gradients to x
/// and value, to every order. Throws ShapeError.
LUMIGRAD_API Tensor pad(const Tensor& x, std::span<const std::int64_t> widths, const PadOptions& options = {},
                        Here here = {});
LUMIGRAD_API Tensor pad(const Tensor& x, std::initializer_list<std::int64_t> widths, const PadOptions& options = {},
                        Here here = {});

}  // namespace lumigrad
