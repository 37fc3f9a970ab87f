// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/function.h>
#include <lumigrad/engine/node.h>

namespace lumigrad {
namespace {

struct FunctionNode final : Node {
  using Node::Node;
  Function function;
  std::vector<Saved> kept;  // inputs, then the output
  std::span<Saved> saved() override { return kept; }

  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    std::vector<Tensor> x;  // part of the graph only when this sweep is recorded
    for (const Saved& s : kept) x.push_back(recording() ? s.get(*this) : s.get(*this).detach());
    const Tensor y = std::move(x.back());
    x.pop_back();
    // The gradients are linear in the cotangent. When this sweep is recorded, one that does not come from the cotangent
    // was computed behind the tape's back, and differentiating it would silently give zero.
    Tensor cotangent = w[0];
    if (recording() && !cotangent.needs_grad()) cotangent = cotangent.detach().requires_grad();
    std::vector<Tensor> gradients = function.adjoint(x, y, cotangent);
    require<GraphError>(gradients.size() == x.size(), name(), ": expected ", x.size(),
                        " gradients of its adjoint, got ", gradients.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!wants(i) || !gradients[i].defined()) continue;
      require<ShapeError>(gradients[i].shape() == x[i].shape(), name(), ": expected a gradient of shape ", x[i].shape(),
                          " for input ", i, ", got ", gradients[i].shape());
      require<GraphError>(!recording() || gradients[i].needs_grad(), name(),
                          ": expected an adjoint made of lumigrad operators to differentiate twice, got a gradient "
                          "outside the graph for input ",
                          i, " (leave it undefined where none flows)");
      g[i] = gradients[i].to(x[i].dtype(), here());
    }
  }
};

}  // namespace

Tensor Function::operator()(const std::vector<Tensor>& inputs, Here here) const {
  Tensor y;
  {
    NoGrad off;
    y = forward(inputs);
  }
  require<GraphError>(y.defined(), name, ": expected a result of its forward, got an undefined tensor");
  y = y.detach();  // also when forward hands back one of its inputs
  std::vector<const Tensor*> sources;
  for (const Tensor& x : inputs) sources.push_back(&x);
  if (auto node = record<FunctionNode>(name, here, std::span<const Tensor* const>(sources))) {
    node->function = *this;
    for (std::size_t i = 0; i < inputs.size(); ++i) node->kept.push_back(node->save_input(i, inputs[i]));
    node->kept.push_back(node->save_output(0, y));
    node->attach(y);
  }
  return y;
}

}  // namespace lumigrad
