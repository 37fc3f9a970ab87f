// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/derivative_modes.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/replay.h>
#include <unordered_set>

namespace lumigrad {
namespace {

std::vector<Tensor> leaves_of(const std::vector<Tensor>& inputs) {
  std::vector<Tensor> leaves;
  for (const Tensor& input : inputs) leaves.push_back(input.detach().requires_grad());
  return leaves;
}

void check_directions(const char* name, const std::vector<Tensor>& inputs, const std::vector<Tensor>& directions) {
  require<ShapeError>(inputs.size() == directions.size(), name, ": expected ", inputs.size(),
                      " directions, one an input, got ", directions.size());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    require<ShapeError>(inputs[i].shape() == directions[i].shape(), name, ": expected a direction of shape ",
                        inputs[i].shape(), ", got ", directions[i].shape());
}

void check_one_element(const char* name, const Tensor& value) {
  require<ShapeError>(value.numel() == 1, name, ": expected a function with a result of one element, got shape ",
                      value.shape());
}

// Of several tensors that may not depend on anything, those that do, with their seeds.
struct Seeded {
  std::vector<Tensor> outputs, seeds;
  void add(const Tensor& output, const Tensor& seed) {
    if (!output.needs_grad()) return;
    outputs.push_back(output);
    seeds.push_back(seed);
  }
};

std::vector<Tensor> zeros_like(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> zeros;
  for (const Tensor& t : tensors) zeros.push_back(Tensor::zeros(t.shape(), t.dtype(), t.device()));
  return zeros;
}

// d y[k] / d inputs for every element k of y, stacked: [shape of y .., shape of the input ..].
std::vector<Tensor> rows_of(const char* name, const Tensor& y, const std::vector<Tensor>& inputs) {
  std::vector<std::vector<Tensor>> rows(inputs.size());
  for (std::int64_t k = 0; k < y.numel() && y.needs_grad(); ++k) {
    std::vector<double> one(static_cast<std::size_t>(y.numel()), 0.0);
    one[static_cast<std::size_t>(k)] = 1;
    const Tensor seed = Tensor::from(one, y.shape()).to(y.dtype()).to(y.device());
    const std::vector<Tensor> row = grad({y}, inputs, {.seeds = {seed}, .retain_graph = true});
    for (std::size_t i = 0; i < inputs.size(); ++i) rows[i].push_back(row[i]);
  }
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    require<ShapeError>(y.rank() + inputs[i].rank() <= max_rank, name, ": expected at most ", max_rank,
                        " axes together, got a result of shape ", y.shape(), " and an input of shape ",
                        inputs[i].shape());
    std::vector<std::int64_t> extents(y.shape().begin(), y.shape().end());
    extents.insert(extents.end(), inputs[i].shape().begin(), inputs[i].shape().end());
    const Shape shape{std::span<const std::int64_t>(extents)};
    result.push_back(rows[i].empty() ? Tensor::zeros(shape, inputs[i].dtype(), inputs[i].device())
                                     : reshape(stack(rows[i], 0), shape));
  }
  return result;
}

}  // namespace

Pushforward jvp(const TensorFunction& f, const std::vector<Tensor>& inputs, const std::vector<Tensor>& directions) {
  check_directions("jvp", inputs, directions);
  const Recording on(true);
  const std::vector<Tensor> leaves = leaves_of(inputs);
  const Tensor value = f(leaves);
  Tensor tangent = Tensor::zeros(value.shape(), value.dtype(), value.device());
  if (value.needs_grad()) {
    const Tensor w = tangent.clone().requires_grad();
    const std::vector<Tensor> g = grad({value}, leaves, {.seeds = {w}, .create_graph = true});
    Seeded linear;  // g is linear in w
    for (std::size_t i = 0; i < g.size(); ++i) linear.add(g[i], directions[i].detach().to(g[i].dtype()));
    if (!linear.outputs.empty()) tangent = grad(linear.outputs, {w}, {.seeds = linear.seeds})[0];
  }
  return {value.detach(), tangent};
}

std::vector<Tensor> jacobian(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  const Recording on(true);
  const std::vector<Tensor> leaves = leaves_of(inputs);
  return rows_of("jacobian", f(leaves), leaves);
}

std::vector<std::vector<Tensor>> hessian(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  const Recording on(true);
  const std::vector<Tensor> leaves = leaves_of(inputs);
  const Tensor value = f(leaves);
  check_one_element("hessian", value);
  const std::vector<Tensor> gradients =
      value.needs_grad() ? grad({value}, leaves, {.create_graph = true}) : zeros_like(leaves);
  std::vector<std::vector<Tensor>> blocks;
  for (const Tensor& g : gradients) blocks.push_back(rows_of("hessian", g, leaves));
  return blocks;
}

HessianProduct hvp(const TensorFunction& f, const std::vector<Tensor>& inputs, const std::vector<Tensor>& directions) {
  check_directions("hvp", inputs, directions);
  const Recording on(true);
  const std::vector<Tensor> leaves = leaves_of(inputs);
  const Tensor value = f(leaves);
  check_one_element("hvp", value);
  HessianProduct result{value.detach(), zeros_like(leaves), zeros_like(leaves)};
  if (!value.needs_grad()) return result;
  const std::vector<Tensor> g = grad({value}, leaves, {.create_graph = true});
  Seeded along;
  for (std::size_t i = 0; i < g.size(); ++i) {
    result.gradients[i] = g[i].detach();
    along.add(g[i], directions[i].detach().to(g[i].dtype()));
  }
  if (!along.outputs.empty()) result.products = grad(along.outputs, leaves, {.seeds = along.seeds});
  return result;
}

// ---- checkpoint -----------------------------------------------------------------------------------------------------

namespace {

// f run again on copies of its inputs that belong to no graph but their own; those that want no gradient are constants.
struct Replay {
  std::vector<Tensor> inputs;  // of f
  std::vector<Tensor> leaves;  // those that want a gradient
  std::vector<std::size_t> place;
  Tensor value;

  Replay(const Node& node, const TensorFunction& f, std::span<const Tensor> kept) {
    for (std::size_t i = 0; i < kept.size(); ++i) {
      inputs.push_back(kept[i].detach());
      if (!node.wants(i)) continue;
      inputs.back().requires_grad();
      leaves.push_back(inputs.back());
      place.push_back(i);
    }
    value = f(inputs);
    refuse_captured(node);
  }

  // A leaf below the value that is none of ours was captured by f: its gradient would be lost.
  void refuse_captured(const Node& node) const {
    if (!value.needs_grad()) return;
    std::unordered_set<const Node*> seen;
    for (const Tensor& leaf : leaves) seen.insert(leaf.state().node.get());
    const std::uint64_t first = leaves.empty() ? ~std::uint64_t{0} : leaves[0].state().node->sequence();
    std::vector<const Node*> open;
    const auto visit = [&](const Node* n) {
      if (n && seen.insert(n).second) open.push_back(n);
    };
    visit(value.state().node.get());
    while (!open.empty()) {
      const Node* n = open.back();
      open.pop_back();
      require<GraphError>(!n->is_leaf() && n->sequence() > first, node.name(),
                          ": expected every tensor that needs a gradient among the inputs, got one that the function "
                          "captured",
                          n->label ? " (" + *n->label + ")" : std::string(), "; pass it as an input");
      for (const Edge& edge : n->inputs()) visit(edge.node.get());
    }
  }
};

struct CheckpointBase : Node {
  using Node::Node;
  TensorFunction f;
  std::vector<Saved> kept;  // the inputs, then, for the adjoint, w
  std::span<Saved> saved() override { return kept; }
  std::vector<Tensor> values() const {
    std::vector<Tensor> all;
    for (const Saved& s : kept) all.push_back(s.get(*this));
    return all;
  }
};

// (inputs, w) -> the gradients of <f, w>: run again, too, when it is differentiated.
struct CheckpointAdjoint final : CheckpointBase {
  using CheckpointBase::CheckpointBase;

  void adjoint(std::span<const Tensor> u, std::span<Tensor> g) override {
    require<GraphError>(!recording(), name(), ": third derivatives are not defined; differentiate at most twice");
    const std::vector<Tensor> all = values();
    const Recording on(true);
    Replay replay(*this, f, std::span(all).first(all.size() - 1));
    if (!replay.value.needs_grad()) return;
    const Tensor w = all.back().detach().requires_grad();
    std::vector<Tensor> by = replay.leaves;
    by.push_back(w);
    const std::vector<Tensor> first = grad({replay.value}, replay.leaves, {.seeds = {w}, .create_graph = true});
    Seeded seeded;
    for (std::size_t k = 0; k < first.size(); ++k)
      if (k < u.size() && u[k].defined()) seeded.add(first[k], u[k].detach());
    if (seeded.outputs.empty()) return;
    const std::vector<Tensor> second = grad(seeded.outputs, by, {.seeds = seeded.seeds});
    for (std::size_t k = 0; k < replay.place.size(); ++k) g[replay.place[k]] = second[k];
    if (wants(all.size() - 1)) g[all.size() - 1] = second.back();
  }
};

struct Checkpoint final : CheckpointBase {
  using CheckpointBase::CheckpointBase;

  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    adjoint_by_replay(*this, f, values(), w[0], g);
  }
};

}  // namespace

void adjoint_by_replay(const Node& node, const TensorFunction& f, std::span<const Tensor> inputs, const Tensor& w,
                       std::span<Tensor> g) {
  std::vector<Tensor> gradients;
  std::vector<std::size_t> place;
  {
    const Recording on(true);
    Replay replay(node, f, inputs);
    if (!replay.value.needs_grad()) return;
    gradients = grad({replay.value}, replay.leaves, {.seeds = {w.detach()}});
    place = replay.place;
  }
  InlineVector<const Tensor*, 8> sources;
  for (const Tensor& t : inputs) sources.push_back(&t);
  sources.push_back(&w);
  if (auto again = record<CheckpointAdjoint>(node.name(), node.here(), std::span<const Tensor* const>(sources))) {
    again->f = f;
    for (std::size_t i = 0; i < inputs.size(); ++i) again->kept.push_back(again->save_input(i, inputs[i]));
    again->kept.push_back(again->save_input(inputs.size(), w));
    for (Tensor& gradient : gradients) again->attach(gradient);
  }
  for (std::size_t k = 0; k < place.size(); ++k) g[place[k]] = gradients[k];
}

Tensor checkpoint(const TensorFunction& f, const std::vector<Tensor>& inputs, Here here) {
  bool wanted = false;
  for (const Tensor& input : inputs) wanted |= input.needs_grad();
  if (!wanted || !recording()) return f(inputs);  // nothing would be kept
  Tensor y;
  {
    const NoGrad outside;
    std::vector<Tensor> plain;
    for (const Tensor& input : inputs) plain.push_back(input.detach());
    y = f(plain).detach();
  }
  InlineVector<const Tensor*, 8> sources;
  for (const Tensor& input : inputs) sources.push_back(&input);
  if (auto node = record<Checkpoint>("checkpoint", here, std::span<const Tensor* const>(sources))) {
    node->f = f;
    for (std::size_t i = 0; i < inputs.size(); ++i) node->kept.push_back(node->save_input(i, inputs[i]));
    node->attach(y);
  }
  return y;
}

}  // namespace lumigrad
