// SPDX-License-Identifier: Apache-2.0
// Reverse mode, in one page.
//
// Say a program computed  loss = h(g(f(x))).  The chain rule multiplies Jacobians; because the loss is one number it is
// cheapest to multiply from the left: start with the cotangent of the loss, 1, and let each step turn the cotangent of
// its result into cotangents of its inputs. Where a value was used twice, two cotangents meet and are added: the sum
// over paths, without ever walking a path twice. That is all `backward` does:
//
//   collect the nodes below the outputs            (a Tape)
//   give the outputs their cotangents
//   for node in descending order of number:        every user of a node has a higher number, so by now its cotangent
//     gradients = node.adjoint(its cotangents)     is complete
//     add gradients[i] to the cotangent of input i
//   leaves keep what arrived
//
// Each node is visited once, so a graph with 2^40 paths costs no more than its number of nodes. With create_graph the
// adjoints are recorded like any other arithmetic, and their result can be differentiated again.
#pragma once
#include <lumigrad/engine/callable.h>
#include <lumigrad/engine/node.h>

namespace lumigrad {

/// The recorded steps that some tensors came from, in the order they were recorded. A view: the graph itself is owned
/// by its tensors. Tapes over the same graph may not be made or swept from two threads at once;
/// that raises GraphError.
class LUMIGRAD_API Tape {
 public:
  explicit Tape(std::vector<Tensor> outputs);
  std::size_t size() const { return nodes_.size(); }
  Node& operator[](std::size_t i) const { return *nodes_[i]; }
  Node* const* begin() const { return nodes_.data(); }
  Node* const* end() const { return begin() + size(); }
  const std::vector<Tensor>& outputs() const { return outputs_; }

 private:
  std::vector<Tensor> outputs_;
  std::vector<std::shared_ptr<Node>> roots_;  // keep the nodes, whatever becomes of the tensors
  std::vector<Node*> nodes_;
};

/// Called before each step of a sweep with the node and the cotangents that arrived at its outputs.
using SweepObserver = Callable<void(const Node&, std::span<const Tensor>)>;

/// Sweeps back from `outputs` with the cotangents `seeds` (an undefined one stands for 1 and needs a one-element
/// output) and adds to the gradient of every leaf.
LUMIGRAD_API void backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& seeds = {},
                           BackwardOptions options = {}, const SweepObserver& observer = {});

struct GradOptions {
  std::vector<Tensor> seeds = {};  ///< cotangents of the outputs; left out: 1
  bool create_graph = false;       ///< record the sweep, for second derivatives
  bool retain_graph = false;       ///< keep saved values (implied by create_graph)
};

/// The gradient of sum <output, seed> with respect to each input (leaf or not), without touching any leaf's grad().
/// An input that the outputs do not depend on has gradient zero.
LUMIGRAD_API std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                                      const GradOptions& options = {});

/// f at `inputs`, and w' df/dinput for each input.
struct Pullback {
  Tensor value;
  std::vector<Tensor> gradients;
};
LUMIGRAD_API Pullback vjp(const Callable<Tensor(const std::vector<Tensor>&)>& f, const std::vector<Tensor>& inputs,
                          const Tensor& w);

}  // namespace lumigrad
