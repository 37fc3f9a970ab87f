// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/tape_json.h>
#include <lumigrad/engine/trace.h>
#include <lumigrad/engine/trace_page.h>
#include <lumigrad/engine/witness.h>
#include <cstdlib>
#include <optional>

namespace lumigrad {
namespace {

using Json = nlohmann::json;

class Looking {
 public:
  explicit Looking(Witness* who) : before_(std::exchange(witness, who)) {}
  ~Looking() { witness = before_; }
  Looking(const Looking&) = delete;
  Looking& operator=(const Looking&) = delete;

 private:
  Witness* before_;
};

// Gradients as the sweep leaves them. The observer is called before each step, so what a step gave is seen at the
// beginning of the next one; what the last one gave has reached the leaves.
class SweepRecord {
 public:
  SweepRecord(Json& nodes, const Numbers& numbers) : nodes_(nodes), numbers_(numbers) {}

  void begin(const Node& node, std::span<const Tensor> cotangents) {
    end();
    open_ = &node;
    steps_.push_back({{"node", numbers_[&node]}, {"gives", Json::array()}});
    for (std::size_t k = 0; k < cotangents.size(); ++k)
      if (cotangents[k].defined()) gradient_of(node, k) = json_of(thumbnail(cotangents[k], Scale::gradients));
  }

  void end() {
    if (!open_) return;
    for (std::size_t i = 0; i < open_->inputs().size(); ++i) {
      const Edge& edge = open_->inputs()[i];
      bool told = false;  // x * x gives to x once
      for (std::size_t j = 0; j < i; ++j)
        told |= open_->inputs()[j].node == edge.node && open_->inputs()[j].output == edge.output;
      if (told || !edge.node) continue;
      const auto k = static_cast<std::size_t>(edge.output);
      Tensor so_far;
      if (k < edge.node->cotangents.size()) so_far = edge.node->cotangents[k];
      if (!so_far.defined() && edge.node->is_leaf()) so_far = static_cast<const Leaf&>(*edge.node).grad;
      if (!so_far.defined()) continue;
      Json& gradient = gradient_of(*edge.node, k);
      gradient = json_of(thumbnail(so_far, Scale::gradients));
      steps_.back()["gives"].push_back(
          {{"node", numbers_[edge.node.get()]}, {"output", edge.output}, {"gradient", gradient}});
    }
    open_ = nullptr;
  }

  Json steps() { return std::move(steps_); }

 private:
  Json& gradient_of(const Node& node, std::size_t k) { return nodes_[numbers_[&node]]["gradients"][k]; }

  Json& nodes_;
  const Numbers& numbers_;
  const Node* open_ = nullptr;
  Json steps_ = Json::array();
};

}  // namespace

constinit thread_local Witness* witness = nullptr;

class Trace::Eye final : public Witness {
 public:
  explicit Eye(std::size_t most) : looking_(this), most_(most) {}

  void saw(const Node& node, int output, const Tensor& value) override {
    const std::pair key(node.sequence(), output);
    if (values_.size() < most_ && !values_.contains(key)) values_.emplace(key, thumbnail(value, Scale::values));
  }

  void watch(const std::vector<Tensor>& outputs, const std::vector<Tensor>& seeds, BackwardOptions options) {
    const Looking away(nullptr);
    const Tape tape(outputs);
    const Numbers numbers(tape);
    Json json = json_of(tape);
    for (std::size_t i = 0; i < tape.size(); ++i)
      for (std::size_t k = 0; k < tape[i].outputs().size(); ++k)
        if (const auto seen = values_.find({tape[i].sequence(), static_cast<int>(k)}); seen != values_.end())
          json["nodes"][i]["values"][k] = json_of(seen->second);

    SweepRecord record(json["nodes"], numbers);
    lumigrad::backward(outputs, seeds, options,
                       [&](const Node& node, std::span<const Tensor> cotangents) { record.begin(node, cotangents); });
    record.end();
    for (std::size_t i = 0; i < tape.size(); ++i)
      if (tape[i].is_leaf())
        if (const Tensor& grad = static_cast<const Leaf&>(tape[i]).grad; grad.defined())
          json["nodes"][i]["gradients"] = {json_of(thumbnail(grad, Scale::gradients))};
    Json given = Json::array();
    for (const Tensor& seed : seeds)
      given.push_back(seed.defined() ? json_of(thumbnail(seed, Scale::gradients)) : Json());
    json["sweep"] = {
        {"seeds", given}, {"steps", record.steps()}, {"releases", !options.retain_graph && !options.create_graph}};
    text_ = text_of(json);
  }

  const std::string& text() const { return text_; }

 private:
  struct Hash {
    std::size_t operator()(const std::pair<std::uint64_t, int>& key) const {
      return static_cast<std::size_t>(key.first * 31 + static_cast<std::uint64_t>(key.second));
    }
  };

  Looking looking_;
  std::size_t most_;
  std::unordered_map<std::pair<std::uint64_t, int>, Thumbnail, Hash> values_;
  std::string text_;
};

Trace::Trace(std::size_t most_values) : eye_(new Eye(most_values)) {}
Trace::~Trace() { delete eye_; }

void Trace::backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& seeds, BackwardOptions options) {
  eye_->watch(outputs, seeds, options);
}

const std::string& Trace::json() const {
  require<GraphError>(!eye_->text().empty(), "Trace: expected a trace that has watched a sweep, got one before that");
  return eye_->text();
}

void write_json(const Trace& trace, const std::string& path) { write_file(path, trace.json()); }
void write_html(const Trace& trace, const std::string& path) { write_file(path, page_of(trace.json())); }

bool write_if_asked(const Trace& trace) {
  const char* path = std::getenv("LUMIGRAD_TRACE");
  if (!path || !*path) return false;
  write_json(trace, path);
  return true;
}

}  // namespace lumigrad
