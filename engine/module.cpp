// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/layers.h>
#include <lumigrad/engine/module.h>
#include <lumigrad/engine/moves.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <cmath>

namespace lumigrad {

void restore(const State& own, const State& saved, const char* by) {
  for (const auto& [name, tensor] : own) {
    const auto found = saved.find(name);
    require<FormatError>(found != saved.end() && found->second.defined(), by, ": expected a tensor named ", name,
                         ", got none");
    require<FormatError>(found->second.shape() == tensor.shape(), by, ": expected shape ", tensor.shape(), " for ",
                         name, ", got ", found->second.shape());
  }
  for (const auto& [name, tensor] : saved)
    require<FormatError>(own.contains(name), by, ": expected known names, got ", name);
  NoGrad off;
  for (const auto& [name, tensor] : own) Tensor(tensor).assign(saved.at(name), by);
}

Module::~Module() = default;

void Module::collect(const std::string& prefix, bool trained_only,
                     std::vector<std::pair<std::string, Tensor>>& to) const {
  for (const Entry& entry : entries_)
    if (entry.trained || !trained_only) to.emplace_back(prefix + entry.name, entry.tensor);
  for (const auto& [name, module] : children_) module->collect(prefix + name + ".", trained_only, to);
}

std::vector<Tensor> Module::parameters() const {
  std::vector<std::pair<std::string, Tensor>> named;
  collect("", true, named);
  std::vector<Tensor> list;
  for (auto& [name, tensor] : named) list.push_back(std::move(tensor));
  return list;
}

State Module::state() const {
  std::vector<std::pair<std::string, Tensor>> named;
  collect("", false, named);
  State state;
  for (auto& [name, tensor] : named) {
    const bool fresh = state.emplace(name, tensor).second;
    require<FormatError>(fresh, "state: expected different names, got ", name, " twice");
  }
  return state;
}

void Module::load(const State& saved) { restore(state(), saved, "load"); }

void Module::train(bool on) {
  training_ = on;
  for (const auto& [name, module] : children_) module->train(on);
}

void Module::to(Device device) {
  Moves moves;
  add_to(moves, device);
  moves.finish();
}

void Module::add_to(Moves& moves, Device device) const {
  for (const Entry& entry : entries_)
    if (is_floating(entry.tensor.dtype())) moves.add(entry.tensor, device);
  for (const auto& [name, module] : children_) module->add_to(moves, device);
}

void Module::clear_grad() {
  for (Tensor& p : parameters()) p.clear_grad();
}

Tensor Module::parameter(std::string name, Tensor initial) {
  Tensor leaf = initial.detach().clone().to(initial.dtype()).requires_grad().named(name);  // its own memory
  entries_.push_back({std::move(name), leaf, true});
  return leaf;
}

Tensor Module::buffer(std::string name, Tensor initial) {
  Tensor plain = initial.detach().clone();
  entries_.push_back({std::move(name), plain, false});
  return plain;
}

std::size_t Sequential::size() const { return modules_.size(); }
Module& Sequential::operator[](std::size_t i) const { return *modules_[i]; }

Sequential::Sequential(std::vector<std::shared_ptr<Module>> modules) {
  for (auto& module : modules) append(std::move(module));
}

void Sequential::append(std::shared_ptr<Module> module) {
  modules_.push_back(child(std::to_string(modules_.size()), std::move(module)));
}

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (const auto& module : modules_) y = (*module)(y);
  return y;
}

Linear::Linear(std::int64_t in, std::int64_t out, std::uint64_t seed, DType dtype) {
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  const Generator draws{seed};
  weight_ = parameter("weight", uniform(draws.then("linear.weight"), {out, in}, -bound, bound, dtype));
  bias_ = parameter("bias", uniform(draws.then("linear.bias"), {out}, -bound, bound, dtype));
}

Tensor Linear::forward(const Tensor& x) { return linear(x, weight_, bias_); }

}  // namespace lumigrad
