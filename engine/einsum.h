// SPDX-License-Identifier: Apache-2.0
// Einstein's sums. Each axis of each operand has a letter; operands are multiplied where letters agree, and letters
// that the result does not have are summed over:
//
//     "bij,bjk->bik"   products of matrices          "ii->i"   diagonals          "i,j->ij"   outer products
//
// Two operands are one matmul: their letters fall into those of the batch (in both and kept), the sum (in both and not
// kept), the left and the right, and after a permutation that is [batch, left, sum] times [batch, sum, right]. More
// operands are multiplied from left to right.
#pragma once
#include <lumigrad/engine/tensor.h>
#include <string_view>

namespace lumigrad {

/// The sum that `equation` says. Letters a-z, A-Z; "..." stands for leading axes that broadcast; without "->" the
/// result has the letters that occur once, in alphabetical order. Axes of one letter have one extent, or 1. f32 and
/// f64. Throws FormatError for an equation that cannot be read, ShapeError where operands do not fit it.
LUMIGRAD_API Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands, Here here = {});

}  // namespace lumigrad
