// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/moves.h>
#include <lumigrad/engine/node.h>

namespace lumigrad {
namespace {

// Where the gradient of a leaf, asleep or not, is collected; null for what is none.
Tensor* gradient_of(const TensorState& state) {
  const std::shared_ptr<Node>& leaf = state.node ? state.node : state.resting;
  return leaf ? &static_cast<Leaf&>(*leaf).grad : nullptr;
}

}  // namespace

void Moves::add(const Tensor& tensor, Device device) {
  require<GraphError>(!tensor.needs_grad() || tensor.is_leaf(),
                      "move_to: expected a leaf or a tensor outside the graph, got the result of ",
                      tensor.needs_grad() ? tensor.state().node->name() : "");
  if (tensor.device() == device) return;
  const Tensor* gradient = gradient_of(tensor.state());
  list_.push_back(
      {tensor, tensor.detach().to(device), gradient && gradient->defined() ? gradient->to(device) : Tensor()});
}

void Moves::finish() noexcept {
  for (const Move& move : list_) {
    TensorState& here = move.tensor.state();
    const TensorState& there = move.values.state();
    there.buffer->changed_since(*here.buffer, "move_to");
    here.strides = there.strides;
    here.offset = there.offset;
    here.buffer = there.buffer;
    if (move.gradient.defined()) *gradient_of(here) = move.gradient;
  }
}

void Tensor::move_to(Device device) {
  Moves moves;
  moves.add(*this, device);
  moves.finish();
}

}  // namespace lumigrad
