// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/pixel_call.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/tape.h>
#include <algorithm>
#include <atomic>

namespace lumigrad {
namespace {

std::atomic<std::uint64_t> next_mark{1};

// Two threads may try to sweep one graph.
std::atomic_ref<std::uint64_t> mark_of(const Node& node) { return std::atomic_ref(node.mark); }

// The nodes below some outputs, each marked as belonging to one sweep; marks and cotangents are gone when it ends,
// however it ends.
class Sweep {
 public:
  explicit Sweep(std::span<const Tensor> outputs) : mark_(next_mark.fetch_add(1, std::memory_order_relaxed)) {
    try {
      for (const Tensor& output : outputs)
        if (output.needs_grad()) take(output.state().node.get());
      for (std::size_t i = 0; i < nodes_.size(); ++i)  // nodes_ grows while we walk it
        for (const Edge& edge : nodes_[i]->inputs())
          if (edge.node) take(edge.node.get());
    } catch (...) {
      clear();
      throw;
    }
    const auto later = [](Node* a, Node* b) { return a->sequence() > b->sequence(); };
    if (!std::is_sorted(nodes_.begin(), nodes_.end(), later)) std::sort(nodes_.begin(), nodes_.end(), later);
  }
  ~Sweep() { clear(); }
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  /// Latest first.
  std::vector<Node*>& nodes() { return nodes_; }
  bool holds(const Node& node) const { return mark_of(node).load(std::memory_order_relaxed) == mark_; }

 private:
  void take(Node* node) {
    std::uint64_t found = 0;
    if (nodes_.size() == nodes_.capacity()) nodes_.reserve(2 * nodes_.size() + 64);  // what throws, throws unmarked
    if (mark_of(*node).compare_exchange_strong(found, mark_, std::memory_order_acquire)) {
      nodes_.push_back(node);
      return;
    }
    require<GraphError>(found == mark_, node->name(),
                        ": expected a graph that no other thread sweeps at the same time, got one in use");
  }
  void clear() {
    for (Node* node : nodes_) {
      node->cotangents.clear();
      mark_of(*node).store(0, std::memory_order_release);
    }
  }

  std::uint64_t mark_;
  std::vector<Node*> nodes_;
};

// Two cotangents that meet are added.
void accumulate(Node& node, int output, const Tensor& cotangent) {
  const auto k = static_cast<std::size_t>(output);
  if (node.cotangents.size() <= k) node.cotangents.resize(std::max(node.outputs().size(), k + 1));
  Tensor& slot = node.cotangents[k];
  slot = slot.defined() ? add_onto(std::move(slot), cotangent) : cotangent;
}

Tensor seed_of(const Tensor& output, const Tensor& seed) {
  if (!seed.defined()) {
    require<ShapeError>(output.numel() == 1, "backward: expected a seed for an output of shape ", output.shape(),
                        ", got none (only a one-element output has the default seed 1)");
    return Tensor::ones(output.shape(), output.dtype(), output.device());
  }
  require<ShapeError>(seed.shape() == output.shape(), "backward: expected a seed of shape ", output.shape(), ", got ",
                      seed.shape());
  return seed.to(output.dtype());
}

// A node whose inputs are all outside the sweep has nothing to hand on.
bool has_work(const Node& node) {
  if (node.is_leaf() || node.cotangents.empty()) return false;
  const std::uint64_t mark = mark_of(node).load(std::memory_order_relaxed);
  for (const Edge& edge : node.inputs())
    if (edge.node && mark_of(*edge.node).load(std::memory_order_relaxed) == mark) return true;
  return false;
}

// Saved values are released when all is done: a sweep that fails can be tried again.
void run(Sweep& sweep, bool create_graph, bool release, const SweepObserver& observer) {
  Recording mode(create_graph);
  InlineVector<Tensor, 4> gradients;
  std::vector<Node*> done;
  if (release) done.reserve(sweep.nodes().size());
  for (Node* node : sweep.nodes()) {
    if (!has_work(*node)) continue;
    if (release) done.push_back(node);
    if (observer) observer(*node, node->cotangents);
    gradients.clear();
    gradients.resize(node->inputs().size());
    node->adjoint(node->cotangents, {gradients.data(), gradients.size()});
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const Edge& edge = node->inputs()[i];
      if (!edge.node || !gradients[i].defined()) continue;
      if (AnomalyMode::active())
        require<NumericError>(all_finite(gradients[i]), node->name(), ": the gradient of input ", i,
                              " is not finite; recorded at ", node->here().file, ":", node->here().line);
      if (mark_of(*edge.node).load(std::memory_order_relaxed) == mark_of(*node).load(std::memory_order_relaxed))
        accumulate(*edge.node, edge.output, gradients[i]);
    }
    if (!node->keep_cotangents) node->cotangents.clear();
  }
  for (Node* node : done) node->release();
}

// A gradient that leaves the sweep: dense, and nobody else's memory.
Tensor own(const Tensor& gradient, bool create_graph) {
  const bool shared = gradient.handle().use_count() > 1 || gradient.state().buffer.use_count() > 1;
  Recording mode(create_graph);
  return shared || !gradient.is_contiguous() ? gradient.clone() : gradient;
}

}  // namespace

Tape::Tape(std::vector<Tensor> outputs) : outputs_(std::move(outputs)) {
  for (const Tensor& output : outputs_)
    if (output.needs_grad()) roots_.push_back(output.state().node);
  Sweep sweep(outputs_);
  nodes_.assign(sweep.nodes().rbegin(), sweep.nodes().rend());
}

void backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& seeds, BackwardOptions options,
              const SweepObserver& observer) {
  require<GraphError>(seeds.empty() || seeds.size() == outputs.size(), "backward: expected ", outputs.size(),
                      " seeds, got ", seeds.size());
  for (const Tensor& output : outputs)
    require<GraphError>(output.needs_grad(),
                        "backward: expected an output that depends on a leaf, got one outside any graph; call "
                        "requires_grad() on the input, outside NoGrad");
  Sweep sweep(outputs);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    accumulate(*outputs[i].state().node, outputs[i].state().output,
               seed_of(outputs[i], seeds.empty() ? Tensor() : seeds[i]));
  run(sweep, options.create_graph, !options.retain_graph && !options.create_graph, observer);

  // Leaves are written last and together: an error above leaves every grad() as it was.
  Recording mode(options.create_graph);
  std::vector<std::pair<Leaf*, Tensor>> arrived;
  for (Node* node : sweep.nodes()) {
    if (!node->is_leaf() || node->cotangents.empty() || !node->cotangents[0].defined()) continue;
    auto* leaf = static_cast<Leaf*>(node);
    Tensor gradient = std::move(leaf->cotangents[0]);
    leaf->cotangents.clear();
    arrived.emplace_back(leaf, leaf->grad.defined() ? add(leaf->grad, gradient) : own(gradient, options.create_graph));
  }
  for (auto& [leaf, gradient] : arrived) leaf->grad = std::move(gradient);
}

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& options) {
  require<GraphError>(options.seeds.empty() || options.seeds.size() == outputs.size(), "grad: expected ",
                      outputs.size(), " seeds, got ", options.seeds.size());
  for (const Tensor& input : inputs)
    require<GraphError>(input.needs_grad(), "grad: expected inputs that require gradients, got one that does not");
  Sweep sweep(outputs);

  // Only nodes that lead to an input are visited; the others lose their mark and are skipped.
  std::vector<Node*>& nodes = sweep.nodes();
  struct Kept {
    std::vector<Node*> nodes;
    ~Kept() {
      for (Node* node : nodes) node->keep_cotangents = false;
    }
  } kept;
  kept.nodes.reserve(inputs.size());
  for (const Tensor& input : inputs) {
    Node& node = *input.state().node;
    if (!sweep.holds(node)) continue;  // the outputs do not depend on it; another sweep may be at it
    kept.nodes.push_back(&node);
    node.keep_cotangents = true;
  }
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
    bool leads = (*it)->keep_cotangents;
    for (const Edge& edge : (*it)->inputs())
      leads |= edge.node && mark_of(*edge.node).load(std::memory_order_relaxed) != 0 && edge.node->leads;
    (*it)->leads = leads;
  }
  for (Node* node : nodes)
    if (!node->leads) mark_of(*node).store(0, std::memory_order_release);
  std::erase_if(nodes, [](Node* node) { return !node->leads; });

  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].needs_grad() || !mark_of(*outputs[i].state().node).load(std::memory_order_relaxed)) continue;
    const Tensor seed = seed_of(outputs[i], options.seeds.empty() ? Tensor() : options.seeds[i]);
    accumulate(*outputs[i].state().node, outputs[i].state().output, seed);
  }
  run(sweep, options.create_graph, !options.retain_graph && !options.create_graph, {});

  std::vector<Tensor> gradients;
  for (const Tensor& input : inputs) {
    const Node& node = *input.state().node;
    const auto k = static_cast<std::size_t>(input.state().output);
    const bool arrived = sweep.holds(node) && node.cotangents.size() > k && node.cotangents[k].defined();
    gradients.push_back(arrived ? own(node.cotangents[k], options.create_graph)
                                : Tensor::zeros(input.shape(), input.dtype(), input.device()));
  }
  return gradients;
}

Pullback vjp(const Callable<Tensor(const std::vector<Tensor>&)>& f, const std::vector<Tensor>& inputs,
             const Tensor& w) {
  Recording on(true);
  std::vector<Tensor> leaves;
  for (const Tensor& input : inputs) leaves.push_back(input.detach().requires_grad());
  Tensor value = f(leaves);
  std::vector<Tensor> gradients(leaves.size());
  if (value.needs_grad()) {
    gradients = grad({value}, leaves, {.seeds = {w}});
  } else {
    for (std::size_t i = 0; i < leaves.size(); ++i) gradients[i] = Tensor::zeros(leaves[i].shape(), leaves[i].dtype(), leaves[i].device());
  }
  return {value.detach(), std::move(gradients)};
}

}  // namespace lumigrad
