// SPDX-License-Identifier: Apache-2.0
// Ranks: sorting, and picking by rank (the largest, the median, a quantile).
//
// Each of these is an index computed from the values, then a gather with it:
//
//     y = gather(x, axis, index(x))
//
// The index does not change when the values change a little, so the gradient goes to the elements that were picked, and
// the rest is the gather family's. Where two values tie the derivative is one of several; the rule is
//
//     sort, topk, median, quantile, max, min     the earlier element comes first (stable): it is the one picked
//     amax, amin, and max, min of all            those that tie share the gradient evenly
//
// NaN is larger than every number: last in ascending order. max, min, median and quantile of a line that holds a NaN
// are NaN, as everything computed from it would be. Indices are i64.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// What was picked and where from.
struct Selection {
  Tensor values;
  Tensor indices;  ///< i64, along the axis
};

/// The elements along an axis in ascending or descending order; equal ones stay in theirs. Any dtype.
LUMIGRAD_API Selection sort(const Tensor& x, int axis = -1, bool descending = false, Here here = {});
/// The indices of sort alone.
LUMIGRAD_API Tensor argsort(const Tensor& x, int axis = -1, bool descending = false, Here here = {});
/// The k largest (or smallest) elements along an axis, the largest (smallest) first; 0 <= k <= extent.
LUMIGRAD_API Selection topk(const Tensor& x, std::int64_t k, int axis = -1, bool largest = true, Here here = {});
/// The middle element along an axis, of an even number the lower of the two.
LUMIGRAD_API Selection median(const Tensor& x, int axis, bool keep = false, Here here = {});
/// The (lower) middle of all elements, a scalar.
LUMIGRAD_API Tensor median(const Tensor& x, Here here = {});

/// What to take at a position between two elements.
enum class QuantileRule { linear, lower, higher, midpoint, nearest };

/// The value at position q (n - 1) of the sorted elements along an axis; f32 and f64. `q` in [0, 1] is a scalar, or a
/// vector [k] that puts an axis of its values first. `nearest` rounds halves to even. Gradients to x, and under
/// `linear` to q: (n - 1) times the step between the neighbours, 0 where the position is an element. Throws
/// NumericError for a q outside [0, 1].
LUMIGRAD_API Tensor quantile(const Tensor& x, const Tensor& q, int axis, bool keep = false,
                             QuantileRule rule = QuantileRule::linear, Here here = {});
/// The same of all elements: a scalar or [k].
LUMIGRAD_API Tensor quantile(const Tensor& x, const Tensor& q, QuantileRule rule = QuantileRule::linear,
                             Here here = {});

/// The largest / smallest element along an axis and its index, of several the first.
LUMIGRAD_API Selection max(const Tensor& x, int axis, bool keep = false, Here here = {});
LUMIGRAD_API Selection min(const Tensor& x, int axis, bool keep = false, Here here = {});
/// Indices of the same.
LUMIGRAD_API Tensor argmax(const Tensor& x, int axis, bool keep = false, Here here = {});
LUMIGRAD_API Tensor argmin(const Tensor& x, int axis, bool keep = false, Here here = {});
/// Index among all elements in row-major order.
LUMIGRAD_API Tensor argmax(const Tensor& x, Here here = {});
LUMIGRAD_API Tensor argmin(const Tensor& x, Here here = {});
/// The largest / smallest element over some axes; f32 and f64. Those that tie share the gradient.
LUMIGRAD_API Tensor amax(const Tensor& x, std::span<const int> axes, bool keep = false, Here here = {});
LUMIGRAD_API Tensor amin(const Tensor& x, std::span<const int> axes, bool keep = false, Here here = {});
LUMIGRAD_API Tensor amax(const Tensor& x, std::initializer_list<int> axes, bool keep = false, Here here = {});
LUMIGRAD_API Tensor amin(const Tensor& x, std::initializer_list<int> axes, bool keep = false, Here here = {});
/// The largest / smallest of all elements, a scalar; as amax and amin.
LUMIGRAD_API Tensor max(const Tensor& x, Here here = {});
LUMIGRAD_API Tensor min(const Tensor& x, Here here = {});

}  // namespace lumigrad
