// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/optim.h>
#include <algorithm>
#include <cmath>

namespace lumigrad {
namespace {

// New values of several tensors, written together when all are computed: a step that fails on the way changes nothing.
class Changes {
 public:
  void add(const Tensor& target, const Tensor& value) { list_.emplace_back(target, value); }
  void commit(const char* by) {
    for (auto& [target, value] : list_) target.assign(value, by);
  }

 private:
  std::vector<std::pair<Tensor, Tensor>> list_;
};

std::vector<Tensor> zeros_like(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> list;
  for (const Tensor& p : parameters) list.push_back(Tensor::zeros(p.shape(), p.dtype(), p.device()));
  return list;
}

// What is kept for each parameter goes where the parameter went (Module::to).
void follow(const std::vector<Tensor>& parameters, std::initializer_list<std::vector<Tensor>*> kept) {
  for (std::vector<Tensor>* list : kept)
    for (std::size_t k = 0; k < list->size(); ++k) (*list)[k].move_to(parameters[k].device());
}

void put(State& state, const std::string& name, const std::vector<Tensor>& list) {
  for (std::size_t k = 0; k < list.size(); ++k) state.emplace(name + "." + std::to_string(k), list[k]);
}

}  // namespace

double MinimizationReport::loss() const { return losses.empty() ? 0 : losses.back(); }

Optimizer::~Optimizer() = default;

Optimizer::Optimizer(std::vector<Tensor> parameters) : parameters_(std::move(parameters)) {
  std::vector<const Node*> leaves;
  for (const Tensor& p : parameters_) {
    require<GraphError>(p.is_leaf(),
                        "optimizer: expected parameters that are leaves, got one that is not; call "
                        "requires_grad() on it");
    leaves.push_back(p.state().node.get());
  }
  std::sort(leaves.begin(), leaves.end());
  require<GraphError>(std::adjacent_find(leaves.begin(), leaves.end()) == leaves.end(),
                      "optimizer: expected different parameters, got one twice");
}

void Optimizer::clear_grad() {
  for (Tensor& p : parameters_) p.clear_grad();
}

void Optimizer::load(const State& saved) {
  check(saved);
  restore(state(), saved, "load");
}

void Optimizer::check(const State&) const {}

Sgd::Sgd(std::vector<Tensor> parameters, SgdOptions o)
    : GradientOptimizer(std::move(parameters)), options(o), velocity_(zeros_like(parameters_)) {}

void Sgd::step() {
  require<NumericError>(!options.nesterov || options.momentum > 0, "sgd: expected momentum > 0 with nesterov, got ",
                        options.momentum);
  NoGrad off;
  follow(parameters_, {&velocity_});
  Changes changes;
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    const Tensor& x = parameters_[k];
    Tensor g = x.grad();
    if (!g.defined()) continue;
    if (options.weight_decay != 0) g = g + options.weight_decay * x;
    if (options.momentum != 0) {
      const Tensor v = options.momentum * velocity_[k] + g;
      changes.add(velocity_[k], v);
      g = options.nesterov ? g + options.momentum * v : v;
    }
    changes.add(x, x - options.learning_rate * g);
  }
  changes.commit("sgd.step");
}

State Sgd::state() const {
  State state;
  put(state, "velocity", velocity_);
  return state;
}

Adam::Adam(std::vector<Tensor> parameters, AdamOptions o)
    : GradientOptimizer(std::move(parameters)),
      options(o),
      mean_(zeros_like(parameters_)),
      square_(zeros_like(parameters_)),
      steps_(Tensor::zeros({static_cast<std::int64_t>(parameters_.size())}, DType::i64)) {}

void Adam::step() {
  const AdamOptions& o = options;
  NoGrad off;
  follow(parameters_, {&mean_, &square_});
  Changes changes;
  const Tensor steps = steps_.clone();
  auto* count = Tensor(steps).mutable_data<std::int64_t>();
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    const Tensor& x = parameters_[k];
    Tensor g = x.grad();
    if (!g.defined()) continue;
    const auto t = static_cast<double>(++count[k]);
    if (o.weight_decay != 0 && !o.decoupled_weight_decay) g = g + o.weight_decay * x;
    const Tensor m = o.beta1 * mean_[k] + (1 - o.beta1) * g;
    const Tensor v = o.beta2 * square_[k] + (1 - o.beta2) * square(g);
    // Both means start at zero; dividing by 1 - b^t takes that bias out.
    const double rate = o.learning_rate / (1 - std::pow(o.beta1, t)), scale = 1 / (1 - std::pow(o.beta2, t));
    const Tensor kept = o.decoupled_weight_decay ? x * (1 - o.learning_rate * o.weight_decay) : x;
    changes.add(mean_[k], m);
    changes.add(square_[k], v);
    changes.add(x, kept - rate * m / (sqrt(scale * v) + o.epsilon));
  }
  changes.add(steps_, steps);
  changes.commit("adam.step");
}

State Adam::state() const {
  State state;
  put(state, "mean", mean_);
  put(state, "square", square_);
  state.emplace("steps", steps_);
  return state;
}

AdamW::AdamW(std::vector<Tensor> parameters, AdamOptions o) : Adam(std::move(parameters), o) {
  options.decoupled_weight_decay = true;
}

RmsProp::RmsProp(std::vector<Tensor> parameters, RmsPropOptions o)
    : GradientOptimizer(std::move(parameters)),
      options(o),
      square_(zeros_like(parameters_)),
      mean_(zeros_like(parameters_)),
      velocity_(zeros_like(parameters_)) {}

void RmsProp::step() {
  const RmsPropOptions& o = options;
  NoGrad off;
  follow(parameters_, {&square_, &mean_, &velocity_});
  Changes changes;
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    const Tensor& x = parameters_[k];
    Tensor g = x.grad();
    if (!g.defined()) continue;
    if (o.weight_decay != 0) g = g + o.weight_decay * x;
    Tensor s = o.memory * square_[k] + (1 - o.memory) * square(g);
    changes.add(square_[k], s);
    if (o.centered) {
      const Tensor m = o.memory * mean_[k] + (1 - o.memory) * g;
      changes.add(mean_[k], m);
      s = maximum(s - square(m), 0);  // rounding may take more off than there is
    }
    Tensor v = g / (sqrt(s) + o.epsilon);
    if (o.momentum != 0) {
      v = o.momentum * velocity_[k] + v;
      changes.add(velocity_[k], v);
    }
    changes.add(x, x - o.learning_rate * v);
  }
  changes.commit("rmsprop.step");
}

State RmsProp::state() const {
  State state;
  put(state, "square", square_);
  put(state, "mean", mean_);
  put(state, "velocity", velocity_);
  return state;
}

std::string to_string(Stop stop) {
  constexpr const char* names[] = {"gradient", "step", "loss", "iterations", "stalled", "singular", "non_finite"};
  return names[static_cast<int>(stop)];
}

}  // namespace lumigrad
