// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/copy.h>
#include <lumigrad/engine/device/memory.h>
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/engine/views.h>
#include <cmath>
#include <cstring>

namespace lumigrad {

std::shared_ptr<Buffer> Buffer::allocate(std::size_t bytes, Device device) {
  void* data = device == Device() ? lumigrad::allocate(bytes) : device::allocate(device, bytes);
  return std::allocate_shared<Buffer>(PoolAllocator<Buffer>(), data, bytes, nullptr, true, device);
}

std::shared_ptr<Buffer> Buffer::wrap(void* data, std::size_t bytes, std::shared_ptr<void> owner) {
  return std::allocate_shared<Buffer>(PoolAllocator<Buffer>(), data, bytes, std::move(owner), false);
}

Buffer::Buffer(void* data, std::size_t bytes, std::shared_ptr<void> owner, bool own, Device device)
    : data_(static_cast<std::byte*>(data)), bytes_(bytes), owner_(std::move(owner)), device_(device), own_(own) {}

Buffer::~Buffer() {
  if (!own_) return;
  if (device_ == Device())
    deallocate(data_, bytes_);
  else
    device::deallocate(device_, data_, bytes_);
}

std::string to_string(Device device) {
  return device.kind == Device::Kind::cpu ? "cpu" : "cuda:" + std::to_string(device.index);
}

Device parse_device(std::string_view name) {
  if (name == "cpu") return {};
  if (name == "cuda") return {Device::Kind::cuda, 0};
  if (name.size() == 6 && name.starts_with("cuda:") && name[5] >= '0' && name[5] <= '9')
    return {Device::Kind::cuda, name[5] - '0'};
  throw DeviceError(message("device: expected cpu, cuda or cuda:N, got ", name));
}

namespace {

Tensor make(const Shape& shape, DType dtype, std::shared_ptr<Buffer> buffer, const Strides& strides,
            std::int64_t offset) {
  auto state = std::allocate_shared<TensorState>(PoolAllocator<TensorState>());
  state->shape = shape;
  state->strides = strides;
  state->offset = offset;
  state->dtype = dtype;
  state->buffer = std::move(buffer);
  return Tensor(std::move(state));
}

struct CastNode final : Node {
  using Node::Node;
  DType from{};
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override { g[0] = w[0].to(from); }
};

struct TransferNode final : Node {
  using Node::Node;
  Device from;
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override { g[0] = w[0].to(from); }
};

struct CopyNode final : Node {
  using Node::Node;
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override { g[0] = w[0]; }
};

template <class N>
Tensor copied(const char* name, const Tensor& source, DType dtype, Here here) {
  Tensor result = Tensor::empty(source.shape(), dtype, source.device());
  copy_values(source, result);
  result.state().weak = source.is_weak() && dtype == source.dtype() && std::is_same_v<N, CopyNode>;
  if (is_differentiable(dtype))
    if (auto node = record<N>(name, here, {&source})) {
      if constexpr (std::is_same_v<N, CastNode>) node->from = source.dtype();
      node->attach(result);
    }
  return result;
}

}  // namespace

void Tensor::throw_undefined() { throw GraphError("tensor: expected a defined tensor, got an undefined one"); }

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device) {
  return make(shape, dtype, Buffer::allocate(static_cast<std::size_t>(shape.numel()) * size_of(dtype), device),
              dense_strides(shape), 0);
}

Tensor Tensor::scalar(double value) {
  Tensor result = empty({}, DType::f64);
  *reinterpret_cast<double*>(result.state().buffer->data()) = value;
  result.state().weak = true;
  return result;
}

Tensor::Tensor(std::initializer_list<double> values)
    : Tensor(from(std::span(values.begin(), values.size()), {static_cast<std::int64_t>(values.size())})) {
  state().weak = true;
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype, Device device) {
  Tensor result = empty(shape, dtype, device);
  if (device != Device()) {
    fill_values(result, value);
    return result;
  }
  Buffer& buffer = *result.state().buffer;
  if (constexpr std::size_t most = 1 << 16; value == 0 && !std::signbit(value) && buffer.bytes() <= most) {
    std::memset(buffer.data(), 0, buffer.bytes());  // zero bits in every dtype, with nothing to set up
    return result;
  }
  const Tensor number = scalar(value);
  copy_values(number.with_layout(shape, Strides{}, 0), result);
  return result;
}

Tensor Tensor::arange(std::int64_t count, DType dtype, Device device) {
  require<ShapeError>(count >= 0, "arange: expected a count >= 0, got ", count);
  if (device != Device()) {
    Tensor there = empty({count}, dtype, device);
    count_up(there);
    return there;
  }
  Tensor result = empty({count}, DType::i64);
  auto* values = reinterpret_cast<std::int64_t*>(result.state().buffer->data());
  for (std::int64_t i = 0; i < count; ++i) values[i] = i;
  return result.to(dtype);
}

Tensor Tensor::eye(std::int64_t n, DType dtype, Device device) {
  Tensor result = zeros({n, n}, dtype, device);
  Tensor diagonal = result.with_layout({n}, Strides{n + 1}, 0);
  if (device != Device()) {
    fill_values(diagonal, 1);
    return result;
  }
  copy_values(scalar(1).with_layout({n}, Strides{}, 0), diagonal);
  return result;
}

template <class T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape) {
  require<ShapeError>(static_cast<std::int64_t>(values.size()) == shape.numel(), "from: expected ", shape.numel(),
                      " values for shape ", shape, ", got ", values.size());
  Tensor result = empty(shape, dtype_of<T>);
  copy_values(view(values.data(), shape), result);
  return result;
}
template Tensor Tensor::from(std::span<const float>, const Shape&);
template Tensor Tensor::from(std::span<const double>, const Shape&);
template Tensor Tensor::from(std::span<const std::uint8_t>, const Shape&);
template Tensor Tensor::from(std::span<const std::uint16_t>, const Shape&);
template Tensor Tensor::from(std::span<const std::int32_t>, const Shape&);
template Tensor Tensor::from(std::span<const std::int64_t>, const Shape&);

Tensor Tensor::view_bytes(void* data, DType dtype, const Shape& shape, const Strides& strides,
                          std::shared_ptr<void> owner) {
  require<ShapeError>(data != nullptr || shape.numel() == 0, "view: expected memory for shape ", shape, ", got null");
  return make(shape, dtype, Buffer::wrap(data, 0, std::move(owner)), strides, 0);
}

Tensor Tensor::with_layout(const Shape& shape, const Strides& strides, std::int64_t offset) const {
  return make(shape, dtype(), state().buffer, strides, state().offset + offset);
}

bool Tensor::is_contiguous() const {
  std::int64_t step = 1;
  for (int i = rank() - 1; i >= 0; --i) {
    if (shape()[i] != 1 && strides()[static_cast<std::size_t>(i)] != step) return numel() == 0;
    step *= shape()[i];
  }
  return true;
}

std::byte* Tensor::device_data() const {
  return state().buffer->data() + state().offset * static_cast<std::int64_t>(size_of(dtype()));
}

const std::byte* Tensor::bytes() const {
  require<DeviceError>(device() == Device(), "data: expected a tensor on the cpu, got one on ", device(),
                       "; move it with to(Device{})");
  return state().buffer->data() + state().offset * static_cast<std::int64_t>(size_of(dtype()));
}

void Tensor::check_type(DType wanted) const {
  require<DTypeError>(dtype() == wanted, "data: expected a tensor of ", wanted, ", got ", dtype());
}

double Tensor::item() const {
  require<ShapeError>(numel() == 1, "item: expected one element, got shape ", shape());
  double value = 0;
  const Tensor here = device() == Device() ? *this : detach().to(Device());
  load_elements(here.bytes(), dtype(), 1, 1, 1, &value);
  return value;
}

std::vector<double> Tensor::values() const {
  std::vector<double> result(static_cast<std::size_t>(numel()));
  copy_values(*this, view(result.data(), shape()));
  return result;
}

Tensor Tensor::to(DType dtype, Here here) const {
  if (this->dtype() == dtype && !is_weak()) return *this;
  if (this->dtype() == dtype && !needs_grad()) {
    Tensor firm = detach();
    firm.state().weak = false;
    return firm;
  }
  return copied<CastNode>("to", *this, dtype, here);
}

Tensor Tensor::to(Device device, Here here) const {
  if (device == this->device()) return *this;
  Tensor result = empty(shape(), dtype(), device);
  copy_values(*this, result);
  result.state().weak = is_weak();
  if (is_differentiable(dtype()))
    if (auto node = record<TransferNode>("to", here, {this})) {
      node->from = this->device();
      node->attach(result);
    }
  return result;
}

Tensor Tensor::contiguous(Here here) const { return is_contiguous() ? *this : clone(here); }
Tensor Tensor::clone(Here here) const { return copied<CopyNode>("clone", *this, dtype(), here); }

Tensor Tensor::detach() const {
  Tensor result = with_layout(shape(), strides(), 0);
  result.state().weak = is_weak();
  return result;
}

Tensor& Tensor::named(std::string name) & {
  state().name = std::make_shared<const std::string>(std::move(name));
  if (state().node) state().node->label = state().name;
  return *this;
}

const std::string& Tensor::name() const {
  static const std::string none;
  return state().name ? *state().name : none;
}

Tensor& Tensor::requires_grad(bool on) & {
  require<DTypeError>(!on || is_differentiable(dtype()), "requires_grad: expected f32 or f64, got ", dtype());
  require<GraphError>(!needs_grad() || is_leaf(), "requires_grad: expected a leaf or a tensor outside the graph, got ",
                      "the result of ", needs_grad() ? state().node->name() : "", "; detach() it first");
  if (on == needs_grad()) return *this;
  if (!on) {
    state().resting = std::move(state().node);
    return *this;
  }
  if (state().resting) {
    state().node = std::move(state().resting);
    state().node->label = state().name;
    return *this;
  }
  auto leaf = std::allocate_shared<Leaf>(PoolAllocator<Leaf>(), Here("", 0));
  leaf->attach(*this);
  leaf->label = state().name;
  return *this;
}

bool Tensor::is_leaf() const { return needs_grad() && state().node->is_leaf(); }

Tensor Tensor::grad() const { return is_leaf() ? static_cast<Leaf&>(*state().node).grad : Tensor(); }

void Tensor::clear_grad() {
  if (is_leaf()) static_cast<Leaf&>(*state().node).grad = Tensor();
  if (defined() && state().resting) static_cast<Leaf&>(*state().resting).grad = Tensor();
}

void Tensor::backward(const Tensor& seed, BackwardOptions options) const {
  lumigrad::backward({*this}, {seed}, options);
}

void Tensor::assign(const Tensor& source, const char* by) {
  require<GraphError>(!needs_grad() || (is_leaf() && !recording()), by,
                      ": expected a tensor outside the graph, or a leaf inside NoGrad, to change in place");
  require<ShapeError>(source.shape() == shape(), by, ": expected shape ", shape(), ", got ", source.shape());
  for (int i = 0; i < rank(); ++i)
    require<ShapeError>(size(i) < 2 || strides()[static_cast<std::size_t>(i)] != 0, by,
                        ": expected elements with a place of their own, got an expanded tensor of shape ", shape(),
                        "; clone() it first");
  const bool overlaps = source.state().buffer == state().buffer;
  copy_values(overlaps ? source.detach().clone() : source, *this);
  changed(by);
}

bool recorded(const Tensor* const* inputs, std::size_t count) {
  if (!recording()) return false;
  for (std::size_t i = 0; i < count; ++i)
    if (inputs[i]->needs_grad()) return true;
  return false;
}

bool all_finite(const Tensor& tensor) {
  if (!is_floating(tensor.dtype())) return true;
  const Tensor dense = tensor.detach().to(Device()).contiguous();
  const std::int64_t n = dense.numel();
  double block[256];
  for (std::int64_t done = 0; done < n; done += 256) {
    const std::int64_t count = std::min<std::int64_t>(256, n - done);
    load_elements(dense.bytes() + done * static_cast<std::int64_t>(size_of(dense.dtype())), dense.dtype(), 1, count, 1,
                  block);
    for (std::int64_t i = 0; i < count; ++i)
      if (!std::isfinite(block[i])) return false;
  }
  return true;
}

}  // namespace lumigrad
