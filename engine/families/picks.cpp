// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/picks.h>

#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/views.h>

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
  const Tensor none = Tensor::zeros({x.size(0), 1}, x.dtype(), x.device());
  return on_tape("pick", false, x, gather(concat({x.detach(), none}, 1), 1, picker.index), picker, here);
}

Tensor collect(const Tensor& z, const Picker& picker, Here here) {
  return on_tape("collect", true, z, picker.collect(z), picker, here);
}

}  // namespace lumigrad
