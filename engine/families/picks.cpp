// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/picks.h>

#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/node.h>

namespace lumigrad {
namespace {

struct PickNode final : Node {
  using Node::Node;
  Picker picker;
  bool back = false;
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    g[0] = back ? pick(w[0], picker, here()) : collect(w[0], picker, here());
  }
};

Tensor on_tape(const char* name, bool back, const Tensor& from, Tensor to, const Picker& picker, Here here) {
  if (auto node = record<PickNode>(name, here, {&from})) {
    node->picker = picker;
    node->back = back;
    node->attach(to);
  }
  return to;
}

}  // namespace

Tensor pick(const Tensor& x, const Picker& picker, Here here) {
  const Device device = x.device();
  const Tensor from = x.detach().contiguous(), z = Tensor::empty(picker.index.shape(), x.dtype(), device);
  const device::PickCall call{
      x.size(0),          picker.extent, picker.index.size(1), device::array_of(from), device::array_of(picker.index),
      device::array_of(z)};
  if (z.numel() > 0) device::check("pick", device, device::table(device).stencil.pick(device::place_of(device), &call));
  return on_tape("pick", false, x, z, picker, here);
}

Tensor collect(const Tensor& z, const Picker& picker, Here here) {
  return on_tape("collect", true, z, picker.collect(z), picker, here);
}

}  // namespace lumigrad
