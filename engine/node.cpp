// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/witness.h>
#include <atomic>

namespace lumigrad {
namespace {

std::atomic<std::uint64_t> next_sequence{1};
thread_local bool recording_on = true;
thread_local bool anomaly_on = false;

// Releasing a chain of a million nodes must not recurse a million destructors deep. The first destructor on this thread
// opens a list; the ones it sets off add their inputs to that list instead of destroying them on the spot.
thread_local std::vector<std::shared_ptr<Node>>* dying = nullptr;

}  // namespace

bool recording() { return recording_on; }
Recording::Recording(bool on) : before_(std::exchange(recording_on, on)) {}
Recording::~Recording() { recording_on = before_; }

AnomalyMode::AnomalyMode() : before_(std::exchange(anomaly_on, true)) {}
AnomalyMode::~AnomalyMode() { anomaly_on = before_; }
bool AnomalyMode::active() { return anomaly_on; }

// An input is kept as it is: the node owns the input's node anyway. An own output is kept without its node, or the two
// would own each other.
Saved::Saved(const Tensor& value, int source)
    : value_(source >= 0 ? value : value.detach()), version_(value.state().buffer->version()), source_(source) {}

Tensor Saved::get(const Node& reader) const {
  require<GraphError>(!reader.released(), reader.name(),
                      ": expected a graph that was not swept yet, got one whose saved values are released; sweep with "
                      "{.retain_graph = true} to sweep twice");
  if (!value_.defined()) return value_;
  const Buffer& buffer = *value_.state().buffer;
  require<GraphError>(buffer.version() == version_, reader.name(), ": expected the value of shape ", value_.shape(),
                      " that it saved at ", reader.here().file, ":", reader.here().line, ", but ",
                      buffer.changed_by() ? buffer.changed_by() : "a write", " changed it in place afterwards");
  if (source_ >= 0 || !recording()) return value_;
  Tensor joined = value_.detach();
  joined.state().node = const_cast<Node&>(reader).shared_from_this();
  joined.state().output = -1 - source_;
  return joined;
}

std::size_t Saved::bytes() const {
  return value_.defined() ? static_cast<std::size_t>(value_.numel()) * size_of(value_.dtype()) : 0;
}

Node::Node(const char* name, Here here)
    : name_(name), here_(here), sequence_(next_sequence.fetch_add(1, std::memory_order_relaxed)) {}

Node::~Node() {
  for (std::size_t i = 1; i < inputs_.size(); ++i)  // y * y holds y's node twice; one of them counts
    for (std::size_t j = 0; j < i; ++j)
      if (inputs_[i].node == inputs_[j].node) inputs_[i].node.reset();
  bool any = false;
  for (const Edge& edge : inputs_) any |= edge.node != nullptr && edge.node.use_count() == 1;
  if (!any) return;
  if (dying) {
    for (Edge& edge : inputs_)
      if (edge.node) dying->push_back(std::move(edge.node));
    return;
  }
  std::vector<std::shared_ptr<Node>> list;
  dying = &list;
  for (Edge& edge : inputs_)
    if (edge.node) list.push_back(std::move(edge.node));
  while (!list.empty()) {
    std::shared_ptr<Node> node = std::move(list.back());
    list.pop_back();
  }
  dying = nullptr;
}

void Node::add_input(const Tensor& input) {
  const TensorState& state = input.state();
  inputs_.push_back({state.node, state.output});
  if (witness && state.node) witness->saw(*state.node, state.output, input);
}

void Node::attach(Tensor& output) {
  TensorState& state = output.state();
  require<DTypeError>(is_differentiable(state.dtype), name_, ": expected a result of f32 or f64 to record, got ",
                      state.dtype);
  if (AnomalyMode::active())
    require<NumericError>(all_finite(output), name_, ": produced a non-finite value; recorded at ", here_.file, ":",
                          here_.line);
  state.output = static_cast<std::int32_t>(outputs_.size());
  outputs_.push_back({state.shape, state.dtype});
  state.node = shared_from_this();
  if (witness) witness->saw(*this, state.output, output);
}

void Node::release() {
  for (Saved& value : saved()) value.release();
  released_ = !is_leaf();
}

}  // namespace lumigrad
