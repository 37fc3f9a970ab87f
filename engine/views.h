// SPDX-License-Identifier: Apache-2.0
// Moving elements without arithmetic: views of the same memory where strides can express it, copies where not. The
// adjoint of a view is the same movement read backwards, and is made of the same few operators.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// The same elements in another shape (one extent may be -1: whatever is left). A view when the layout allows, a copy
/// otherwise.
LUMIGRAD_API Tensor reshape(const Tensor& x, std::span<const std::int64_t> extents, Here here = {});
LUMIGRAD_API Tensor reshape(const Tensor& x, std::initializer_list<std::int64_t> extents, Here here = {});
LUMIGRAD_API Tensor reshape(const Tensor& x, const Shape& shape, Here here = {});
/// Axes in another order: result axis i is axis order[i] of x. A view.
LUMIGRAD_API Tensor permute(const Tensor& x, std::span<const int> order, Here here = {});
LUMIGRAD_API Tensor permute(const Tensor& x, std::initializer_list<int> order, Here here = {});
/// Two axes exchanged. A view.
LUMIGRAD_API Tensor transpose(const Tensor& x, int a, int b, Here here = {});
/// Where a slice begins or ends: at an index, or, left out, where the axis does.
class SliceBound {
 public:
  SliceBound() = default;
  SliceBound(std::int64_t index) : index_(index), given_(true) {}
  bool given() const { return given_; }
  std::int64_t index() const { return index_; }

 private:
  std::int64_t index_ = 0;
  bool given_ = false;
};
/// Elements begin, begin + step, ... below end of an axis. Negative begin and end count from the end; step may be
/// negative (then end is exclusive going down; leave it out with `{}`). A view.
LUMIGRAD_API Tensor slice(const Tensor& x, int axis, SliceBound begin, SliceBound end = {}, std::int64_t step = 1,
                          Here here = {});
/// The index-th entry along an axis; the axis is gone. A view.
LUMIGRAD_API Tensor select(const Tensor& x, int axis, std::int64_t index, Here here = {});
/// Axes of extent 1 repeated to `shape` (broadcast rules); takes no memory. The adjoint sums.
LUMIGRAD_API Tensor expand(const Tensor& x, const Shape& shape, Here here = {});
/// An axis of extent 1 put in / taken out. Views.
LUMIGRAD_API Tensor unsqueeze(const Tensor& x, int axis, Here here = {});
LUMIGRAD_API Tensor squeeze(const Tensor& x, int axis, Here here = {});
/// The order along some axes reversed. A view.
LUMIGRAD_API Tensor flip(const Tensor& x, std::span<const int> axes, Here here = {});
/// Tensors one behind the other along an axis / along a new axis.
LUMIGRAD_API Tensor concat(const std::vector<Tensor>& parts, int axis, Here here = {});
LUMIGRAD_API Tensor stack(const std::vector<Tensor>& parts, int axis, Here here = {});
/// Zeros of `shape` with x placed at `begin` along an axis in steps of `step`: the adjoint of slice.
LUMIGRAD_API Tensor embed(const Tensor& x, int axis, std::int64_t begin, std::int64_t step, std::int64_t extent,
                          Here here = {});
/// x summed over the axes along which `shape` was broadcast to it: the adjoint of expand.
LUMIGRAD_API Tensor sum_to(const Tensor& x, const Shape& shape, Here here = {});

}  // namespace lumigrad
