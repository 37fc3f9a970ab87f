// SPDX-License-Identifier: Apache-2.0
// Tensor: a handle to a strided view of shared memory, and to the place in the graph where its value came from.
//
// Copying a Tensor copies the handle. reshape, slice, transpose and expand give further views of the same bytes. A
// tensor whose value was computed from one that asked for gradients carries the node that computed it (see node.h);
// everything else about differentiation stands in tape.h.
//
//   Tensor x = Tensor({1.0, 2.0, 3.0}).requires_grad();
//   Tensor y = sum(x * x);
//   y.backward();
//   x.grad();  // [2, 4, 6]
//
// Read node.h next.
#pragma once
#include <lumigrad/engine/buffer.h>
#include <lumigrad/engine/device.h>
#include <lumigrad/engine/dtype.h>
#include <lumigrad/engine/here.h>
#include <lumigrad/engine/shape.h>
#include <memory>
#include <string>
#include <vector>

namespace lumigrad {

class Node;
class Tensor;

/// What a sweep leaves behind.
struct BackwardOptions {
  bool retain_graph = false;  ///< keep saved values, so that the same graph can be swept again
  bool create_graph = false;  ///< record the sweep itself, so that gradients can be differentiated
};

/// What a Tensor handle points to. Only the engine looks inside.
struct TensorState {
  Shape shape;
  Strides strides{};
  std::int64_t offset = 0;  // in elements from the start of the buffer
  DType dtype = DType::f32;
  bool weak = false;  // made from a bare number: takes the dtype of whatever it meets
  std::int32_t output = 0;
  std::shared_ptr<Buffer> buffer;
  std::shared_ptr<Node> node;  // what computed it, or the leaf that collects its gradient; null outside the graph
  std::shared_ptr<const std::string> name;
  std::shared_ptr<Node> resting;  // the leaf that requires_grad(false) took off: graphs may lead to it still
};

/// Numbers in up to eight axes, on a device, possibly part of a recorded graph.
class LUMIGRAD_API Tensor {
 public:
  /// An undefined tensor: "not given" for optional arguments.
  Tensor() = default;
  /// A scalar. It is *weak*: in arithmetic it takes the dtype of the other operand.
  template <class T>
  requires std::is_arithmetic_v<T> Tensor(T value) : Tensor(scalar(static_cast<double>(value))) {}
  /// A weak vector from a list of numbers.
  Tensor(std::initializer_list<double> values);

  /// Uninitialised / filled tensors.
  static Tensor empty(const Shape& shape, DType dtype = DType::f32, Device device = {});
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32, Device device = {}) {
    return full(shape, 0, dtype, device);
  }
  static Tensor ones(const Shape& shape, DType dtype = DType::f32, Device device = {}) {
    return full(shape, 1, dtype, device);
  }
  static Tensor full(const Shape& shape, double value, DType dtype = DType::f32, Device device = {});
  /// 0, 1, ..., count - 1.
  static Tensor arange(std::int64_t count, DType dtype = DType::f32, Device device = {});
  /// The n by n unit matrix.
  static Tensor eye(std::int64_t n, DType dtype = DType::f32, Device device = {});
  /// A copy of `values` (row-major); throws ShapeError unless their number is shape.numel().
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape);
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape) {
    return from(std::span<const T>(values), shape);
  }
  /// A view over a program's own memory. Strides are in elements and may be negative; `owner` (may be empty) is kept
  /// until the last view is gone. Nothing is copied; the memory must stay valid.
  template <class T>
  static Tensor view(T* data, const Shape& shape, const Strides& strides, std::shared_ptr<void> owner = {}) {
    return view_bytes(const_cast<std::remove_const_t<T>*>(data), dtype_of<std::remove_const_t<T>>, shape, strides,
                      std::move(owner));
  }
  template <class T>
  static Tensor view(T* data, const Shape& shape, std::shared_ptr<void> owner = {}) {
    return view(data, shape, dense_strides(shape), std::move(owner));
  }

  bool defined() const { return state_ != nullptr; }
  explicit operator bool() const { return defined(); }
  const Shape& shape() const { return state().shape; }
  std::int64_t size(int axis) const { return shape()[axis]; }
  int rank() const { return shape().rank(); }
  std::int64_t numel() const { return shape().numel(); }
  DType dtype() const { return state().dtype; }
  /// Where its numbers are.
  Device device() const { return state().buffer->device(); }
  const Strides& strides() const { return state().strides; }
  /// Row-major without gaps.
  bool is_contiguous() const;
  /// Made from a bare number.
  bool is_weak() const { return state().weak; }

  /// Pointer to the first element of this view, on the CPU; throws DTypeError when T is not its type and DeviceError
  /// when the numbers are on another device.
  template <class T>
  const T* data() const {
    check_type(dtype_of<T>);
    return reinterpret_cast<const T*>(bytes());
  }
  /// The same for writing; raises the version (the tape refuses to sweep values saved before).
  template <class T>
  T* mutable_data() {
    check_type(dtype_of<T>);
    changed("mutable_data");
    return reinterpret_cast<T*>(const_cast<std::byte*>(bytes()));
  }
  const std::byte* bytes() const;
  /// The value of a one-element tensor of any dtype, as double. Of another device than the CPU it is fetched: that
  /// waits for all work before it.
  double item() const;
  /// All values, row-major, as double (fetched like item()).
  std::vector<double> values() const;

  /// The same values as another dtype (recorded between f32 and f64; the same handle when nothing changes).
  Tensor to(DType dtype, Here here = {}) const;
  /// The same values on another device (recorded; the same handle where nothing changes). Throws DeviceError with the
  /// reason where the device cannot be used.
  Tensor to(Device device, Here here = {}) const;
  /// Dense row-major values: this tensor, or a recorded copy.
  Tensor contiguous(Here here = {}) const;
  /// A copy of the values in memory of its own, recorded.
  Tensor clone(Here here = {}) const;
  /// The same values outside the graph (shares memory).
  Tensor detach() const;

  /// A name for pages, dumps and messages. Returns this tensor.
  Tensor& named(std::string name) &;
  Tensor named(std::string name) && { return std::move(named(std::move(name))); }
  const std::string& name() const;

  /// Makes this tensor a leaf: sweeps collect its gradient. f32 and f64 only. Returns this tensor. Switched off and on
  /// again it is the same leaf: graphs recorded before lead to it, and what it has collected stays.
  Tensor& requires_grad(bool on = true) &;
  Tensor requires_grad(bool on = true) && { return std::move(requires_grad(on)); }
  /// True when gradients flow to this tensor: a leaf, or computed from one.
  bool needs_grad() const { return defined() && state_->node != nullptr; }
  bool is_leaf() const;
  /// The gradient collected by sweeps so far; undefined before the first.
  Tensor grad() const;
  void clear_grad();
  /// Sweeps the graph back from this tensor and adds to the gradient of every leaf below it. `seed` is the gradient of
  /// whatever is differentiated with respect to this tensor; it may be left out for one element.
  void backward(const Tensor& seed = {}, BackwardOptions options = {}) const;

  /// Overwrites the values in place (same shape, dtype converted). Refused with GraphError while this tensor is part of
  /// a recorded graph, unless it is a leaf and recording is off (NoGrad); with ShapeError where several elements share
  /// one place in memory (expand). `by` names the change in later messages and must outlive the tensor.
  void assign(const Tensor& source, const char* by = "assign");

  /// Moves the values, and the gradient collected so far, to another device in place: all handles to this tensor find
  /// them there (see Module::to). Refused with GraphError for what was computed from a leaf, with DeviceError where the
  /// device cannot be used.
  void move_to(Device device);

  // For the engine.
  std::byte* device_data() const;  // the first element of this view, wherever it is
  template <std::same_as<std::shared_ptr<TensorState>> S>
  explicit Tensor(S state) : state_(std::move(state)) {}
  TensorState& state() const {
    if (!state_) [[unlikely]]
      throw_undefined();
    return *state_;
  }
  const std::shared_ptr<TensorState>& handle() const { return state_; }
  void changed(const char* by) { state().buffer->changed(by); }
  /// A view of the same buffer outside the graph.
  Tensor with_layout(const Shape& shape, const Strides& strides, std::int64_t offset) const;

 private:
  static Tensor scalar(double value);
  static Tensor view_bytes(void* data, DType dtype, const Shape& shape, const Strides& strides,
                           std::shared_ptr<void> owner);
  void check_type(DType wanted) const;
  [[noreturn]] static void throw_undefined();

  std::shared_ptr<TensorState> state_;
};

/// A right-hand operand that remembers the line it was written on (see here.h).
struct Operand {
  Tensor tensor;
  Here here;
  Operand(const Tensor& t, Here h = Here()) : tensor(t), here(h) {}
  template <class T>
  requires std::is_arithmetic_v<T> Operand(T value, Here h = Here()) : tensor(value), here(h) {}
};

}  // namespace lumigrad
