// SPDX-License-Identifier: Apache-2.0
// Parts of tensors moved, repeated or left out. All are linear, made of views and of the gather family, so that
// gradients of every order come from there.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// Entry i of each of the axes moves to entry i + shift, around the end. `shifts` has a number for each of `axes`.
LUMIGRAD_API Tensor roll(const Tensor& x, std::span<const std::int64_t> shifts, std::span<const int> axes,
                         Here here = {});
LUMIGRAD_API Tensor roll(const Tensor& x, std::int64_t shift, int axis, Here here = {});
/// The same with all elements in row-major order.
LUMIGRAD_API Tensor roll(const Tensor& x, std::int64_t shift, Here here = {});
/// Views of `size` entries along an axis, the last with what is left. An axis of extent 0 gives one empty part.
LUMIGRAD_API std::vector<Tensor> split(const Tensor& x, std::int64_t size, int axis = 0, Here here = {});
/// Views of the given extents along an axis; they add up to its own.
LUMIGRAD_API std::vector<Tensor> split(const Tensor& x, std::span<const std::int64_t> extents, int axis = 0,
                                       Here here = {});
/// Views of equal extents along an axis, ceil(extent / count) each but for the last: at most `count` parts.
LUMIGRAD_API std::vector<Tensor> chunk(const Tensor& x, std::int64_t count, int axis = 0, Here here = {});
/// Every entry of an axis `repeats` times in a row.
LUMIGRAD_API Tensor repeat_interleave(const Tensor& x, std::int64_t repeats, int axis, Here here = {});
/// Entry i of an axis repeats[i] times in a row; `repeats` is a vector of i64 or i32, none negative.
LUMIGRAD_API Tensor repeat_interleave(const Tensor& x, const Tensor& repeats, int axis, Here here = {});
/// Matrices [.., m, n] (f32 or f64) with zeros above the diagonal j - i = `diagonal`: NaN there is gone too.
LUMIGRAD_API Tensor tril(const Tensor& x, std::int64_t diagonal = 0, Here here = {});
/// The same with zeros below it.
LUMIGRAD_API Tensor triu(const Tensor& x, std::int64_t diagonal = 0, Here here = {});

}  // namespace lumigrad
