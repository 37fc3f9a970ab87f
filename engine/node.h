// SPDX-License-Identifier: Apache-2.0
// Node: one recorded step.
//
// While an operator computes y = f(x), it may leave behind a Node: where x came from, what it will need later, and how
// to turn a cotangent of y (the gradient of some final number with respect to y) into a cotangent of x. That last part,
// `adjoint`, is the chain rule for this one step; tape.h strings the steps together.
//
// The graph is held together by ownership, and only in one direction: a tensor owns the node that computed it, a node
// owns the nodes of its inputs, and never its own output. So a graph disappears with the last tensor that needs it, and
// there is no cycle to break. Every node takes a number from one counter when it is made; a node therefore always has a
// higher number than its inputs, and "in descending order of number" is a valid order for a reverse sweep, whatever the
// graph looks like and whichever threads recorded it.
//
//   x ----> [mul 7] ----> y ----> [sum 8] ----> loss          loss owns 8, 8 owns 7, 7 owns the leaf of x
//
// Read tape.h next.
#pragma once
#include <lumigrad/engine/allocator.h>
#include <lumigrad/engine/inline_vector.h>
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

class Node;

/// Where an input came from: the output-th result of a node. Empty when no gradient flows to it.
struct Edge {
  std::shared_ptr<Node> node;
  int output = 0;
};

/// A value kept for the backward sweep, with the version it had. Reading it after a change in place raises GraphError.
class LUMIGRAD_API Saved {
 public:
  Saved() = default;
  bool defined() const { return value_.defined(); }
  /// The value; part of the graph again when the sweep itself is recorded. `reader` is the node that saved it.
  Tensor get(const Node& reader) const;
  std::size_t bytes() const;
  void release() { value_ = Tensor(); }

 private:
  friend class Node;
  Saved(const Tensor& value, int source);
  Tensor value_;
  std::uint32_t version_ = 0;
  int source_ = 0;  // i: the i-th input; -1 - k: the node's own k-th output
};

/// One recorded step. Derived classes add what they saved and say how cotangents flow.
class LUMIGRAD_API Node : public std::enable_shared_from_this<Node> {
 public:
  struct Output {
    Shape shape;
    DType dtype = DType::f32;
  };

  Node(const char* name, Here here);
  virtual ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const char* name() const { return name_; }
  std::uint64_t sequence() const { return sequence_; }
  Here here() const { return here_; }
  const InlineVector<Edge, 3>& inputs() const { return inputs_; }
  const InlineVector<Output, 1>& outputs() const { return outputs_; }
  /// False when no gradient flows to the i-th input: its cotangent need not be computed.
  bool wants(std::size_t i) const { return inputs_[i].node != nullptr; }
  bool released() const { return released_; }

  /// The chain rule for this step. cotangents[k] belongs to the k-th output and is undefined where nothing flowed back;
  /// leaves gradients[i] undefined where nothing flows or wants(i) is false.
  virtual void adjoint(std::span<const Tensor> cotangents, std::span<Tensor> gradients) = 0;
  /// The values kept for adjoint, for release and for looking at.
  virtual std::span<Saved> saved() { return {}; }
  virtual bool is_leaf() const { return false; }

  /// For operators, while they record: inputs first, then what to save, then attach to the results.
  void add_input(const Tensor& input);
  Saved save_input(std::size_t i, const Tensor& value) const { return Saved(value, static_cast<int>(i)); }
  Saved save_output(std::size_t k, const Tensor& value) const { return Saved(value, -1 - static_cast<int>(k)); }
  void attach(Tensor& output);

  /// For the sweep (tape.cpp).
  void release();
  std::shared_ptr<const std::string> label;  // the name a program gave to what the node computed, or to the leaf
  mutable std::uint64_t mark = 0;            // the sweep this node is part of, 0 between sweeps (atomic: see tape.cpp)
  InlineVector<Tensor, 1> cotangents;
  bool keep_cotangents = false;  // grad() reads them when the sweep is over
  bool leads = false;            // to an input that grad() was asked for

 private:
  const char* name_;
  Here here_;
  std::uint64_t sequence_;
  InlineVector<Edge, 3> inputs_;
  InlineVector<Output, 1> outputs_;
  bool released_ = false;
};

/// The end of the line: collects the gradient of a tensor that asked for it.
class Leaf final : public Node {
 public:
  explicit Leaf(Here here) : Node("leaf", here) {}
  void adjoint(std::span<const Tensor>, std::span<Tensor>) override {}
  bool is_leaf() const override { return true; }
  Tensor grad;
};

/// True when no element is NaN or infinite.
LUMIGRAD_API bool all_finite(const Tensor& tensor);

/// True while operators on this thread are recorded.
LUMIGRAD_API bool recording();

/// Switches recording off (or, with `true`, on) for this thread while it lives.
class LUMIGRAD_API Recording {
 public:
  explicit Recording(bool on);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  bool before_;
};
/// Nothing on this thread is recorded while one of these lives.
struct NoGrad : Recording {
  NoGrad() : Recording(false) {}
};

/// While it lives, every recorded value and every cotangent on this thread is checked; the first operator that produces
/// a NaN or an infinity raises NumericError with its name and the line that recorded it.
class LUMIGRAD_API AnomalyMode {
 public:
  AnomalyMode();
  ~AnomalyMode();
  AnomalyMode(const AnomalyMode&) = delete;
  AnomalyMode& operator=(const AnomalyMode&) = delete;
  static bool active();

 private:
  bool before_;
};

/// True when a step from these inputs is to be recorded: recording is on, and one of them needs gradients.
LUMIGRAD_API bool recorded(const Tensor* const* inputs, std::size_t count);

/// Makes the node of an operator when this call is to be recorded, else returns null:
///   if (auto node = record<MulNode>("mul", here, {&a, &b})) { node->a = node->save_input(0, a); ...; node->attach(y);
///   }
template <class N>
std::shared_ptr<N> record(const char* name, Here here, const Tensor* const* inputs, std::size_t count) {
  if (!recorded(inputs, count)) return nullptr;
  auto node = std::allocate_shared<N>(PoolAllocator<N>(), name, here);
  for (std::size_t i = 0; i < count; ++i) node->add_input(*inputs[i]);
  return node;
}
template <class N>
std::shared_ptr<N> record(const char* name, Here here, std::span<const Tensor* const> inputs) {
  return record<N>(name, here, inputs.data(), inputs.size());
}
template <class N>
std::shared_ptr<N> record(const char* name, Here here, std::initializer_list<const Tensor*> inputs) {
  return record<N>(name, here, inputs.begin(), inputs.size());
}

}  // namespace lumigrad
