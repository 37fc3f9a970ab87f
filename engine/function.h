// SPDX-License-Identifier: Apache-2.0
// An operator of one's own: any computation, with an adjoint written by hand.
//
// Where the arithmetic is a formula on scalars, use a formula instead (formula.h): its derivatives come by themselves.
// A Function is for the rest: a call into another library, an implicit solution, a gradient one wants to replace.
//
//   const Function swish{.name = "swish",
//                        .forward = [](const auto& x) { return x[0] * sigmoid(x[0]); },
//                        .adjoint = [](const auto& x, const Tensor& y, const Tensor& w) {
//                          const Tensor s = sigmoid(x[0]);
//                          return std::vector<Tensor>{w * (s + y * (1 - s))};
//                        }};
//   Tensor y = swish({x});
#pragma once
#include <lumigrad/engine/callable.h>
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// Forward and adjoint of an operator with one result. Both see plain tensors; forward is not recorded. When the
/// adjoint is made of lumigrad operators, second derivatives follow by themselves; asked of any other, GraphError is
/// raised.
struct Function {
  const char* name = "function";  ///< a string that outlives the graph
  Callable<Tensor(const std::vector<Tensor>& inputs)> forward;
  /// The gradients of <output, cotangent>, one an input in its shape; undefined where none flows.
  Callable<std::vector<Tensor>(const std::vector<Tensor>& inputs, const Tensor& output, const Tensor& cotangent)>
      adjoint;

  /// Calls forward and records. Throws GraphError / ShapeError when the adjoint returns other than it must.
  LUMIGRAD_API Tensor operator()(const std::vector<Tensor>& inputs, Here here = {}) const;
};

}  // namespace lumigrad
