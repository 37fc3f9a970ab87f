// SPDX-License-Identifier: Apache-2.0
// The adjoint of a step that can be computed again from its inputs by operators that are on the tape.
#pragma once
#include <lumigrad/engine/derivative_modes.h>
#include <lumigrad/engine/node.h>

namespace lumigrad {

/// For Node::adjoint: the gradients of <f(inputs), w>, by recording f over the node's inputs once more. When the sweep
/// is recorded they can be differentiated again, once. So a node whose own adjoint is a kernel may hand a recorded
/// sweep to the same thing said in operators.
void adjoint_by_replay(const Node& node, const TensorFunction& f, std::span<const Tensor> inputs, const Tensor& w,
                       std::span<Tensor> gradients);

}  // namespace lumigrad
