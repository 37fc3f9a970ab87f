// SPDX-License-Identifier: Apache-2.0
// Module: something with parameters that maps a tensor to a tensor. Layers, augmentations and whole pipelines are
// modules, so that any of them sits in a network, trains, saves and loads like any other.
#pragma once
#include <lumigrad/engine/dictionary.h>
#include <lumigrad/engine/tensor.h>
#include <memory>
#include <string>

namespace lumigrad {

class Moves;

/// A name path ("0.weight") and the tensor it stands for.
using State = Dictionary<Tensor>;

/// Overwrites the tensors of `own` in place with those of `saved`. Every name must be there, with its shape, and no
/// other; FormatError names the first that does not fit, and nothing is changed then. `by` stands in messages.
LUMIGRAD_API void restore(const State& own, const State& saved, const char* by);

/// Base of everything that holds parameters. Not copyable: parameters are shared by handle, not duplicated by accident.
class LUMIGRAD_API Module {
 public:
  Module() = default;
  virtual ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// What the module computes.
  virtual Tensor forward(const Tensor& x) = 0;
  Tensor operator()(const Tensor& x) { return forward(x); }

  /// All leaves to be trained, own and of children, in order of registration.
  std::vector<Tensor> parameters() const;
  /// Parameters and buffers by name. The tensors are the module's own (copy them to keep a snapshot).
  State state() const;
  /// Overwrites parameters and buffers in place. Every name must be there, with its shape; FormatError names the first
  /// that is missing, unknown or of another shape, and nothing is changed then.
  void load(const State& state);
  /// Training or evaluation behaviour, of children too.
  void train(bool on = true);
  bool training() const { return training_; }
  /// Moves parameters, buffers and the gradients collected so far to another device, those of children too; whole
  /// numbers, which count, stay where the program reads them, and so do those of augmentations. Tensors stay the same
  /// tensors: leaves stay leaves, and an optimiser made before goes on with them there, its moments too. Not between
  /// computing a loss and its backward(). Throws DeviceError with the reason where the device cannot be used,
  /// ResourceError; nothing has moved then.
  void to(Device device);
  void clear_grad();

 protected:
  /// What to() moves together: the module's own numbers and those of its children.
  virtual void add_to(Moves& moves, Device device) const;
  /// Registers a leaf under a name; returns it for the module to use.
  Tensor parameter(std::string name, Tensor initial);
  /// Registers a tensor that is saved but not trained.
  Tensor buffer(std::string name, Tensor initial);
  /// Registers a child.
  template <class M>
  std::shared_ptr<M> child(std::string name, std::shared_ptr<M> module) {
    children_.emplace_back(std::move(name), module);
    return module;
  }

  /// Adds parameters (and buffers) under names that begin with `prefix`: what is registered here, and children. A
  /// module that keeps tensors elsewhere adds them in an override.
  virtual void collect(const std::string& prefix, bool trained_only,
                       std::vector<std::pair<std::string, Tensor>>& to) const;

 private:
  struct Entry {
    std::string name;
    Tensor tensor;
    bool trained;
  };
  std::vector<Entry> entries_;
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children_;
  bool training_ = true;
};

/// Modules one after the other, named "0", "1", ...
class LUMIGRAD_API Sequential final : public Module {
 public:
  Sequential() = default;
  explicit Sequential(std::vector<std::shared_ptr<Module>> modules);
  void append(std::shared_ptr<Module> module);
  std::size_t size() const;
  Module& operator[](std::size_t i) const;
  Tensor forward(const Tensor& x) override;

 private:
  std::vector<std::shared_ptr<Module>> modules_;
};

/// y = x W' + b for x [.., in], W [out, in], b [out]. Weights start uniform in +-1/sqrt(in), drawn by `seed`.
class LUMIGRAD_API Linear final : public Module {
 public:
  Linear(std::int64_t in, std::int64_t out, std::uint64_t seed, DType dtype = DType::f32);
  Tensor forward(const Tensor& x) override;

 private:
  Tensor weight_, bias_;
};

}  // namespace lumigrad
