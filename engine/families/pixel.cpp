// SPDX-License-Identifier: Apache-2.0
// The pixel family on the tape: a node for the formula, and a node for its adjoint.
#include <lumigrad/engine/families/pixel_call.h>
#include <lumigrad/engine/families/pixel_device.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/views.h>

namespace lumigrad {
namespace {

// What both nodes keep: the call, and its tensors (inputs, then parameters, then, for the adjoint, w).
struct PixelNodeBase : Node {
  using Node::Node;
  const PixelKernels* kernels = nullptr;
  Lanes lanes{};
  std::size_t inputs_count = 0, params_count = 0;
  InlineVector<Saved, 3> kept;
  std::span<Saved> saved() override { return {kept.data(), kept.size()}; }

  void keep(const PixelKernels& k, Lanes l, std::span<const Tensor> x, std::span<const Tensor> p) {
    kernels = &k;
    lanes = l;
    inputs_count = x.size();
    params_count = p.size();
    std::size_t i = 0;
    for (const Tensor& t : x) kept.push_back(save_input(i++, t));
    for (const Tensor& t : p) kept.push_back(save_input(i++, t));
  }
  TensorList values() const {
    TensorList list;
    for (const Saved& s : kept) list.push_back(s.get(*this));
    return list;
  }
};

// (x, p, w) -> (gx, gp). Its adjoint needs second derivatives of the formula, and those end here.
struct PixelAdjointNode final : PixelNodeBase {
  using PixelNodeBase::PixelNodeBase;
  InlineVector<int, 4> result_of;  // output k is the gradient of tensor result_of[k]

  void adjoint(std::span<const Tensor> u, std::span<Tensor> g) override {
    require<GraphError>(!recording(), name(), ": third derivatives are not defined; differentiate at most twice");
    const TensorList all = values();
    const auto tensors = std::span<const Tensor>(all);
    const auto x = tensors.first(inputs_count), p = tensors.subspan(inputs_count, params_count);
    const PixelPlan plan = plan_pixel(name(), *kernels, lanes, x, p);
    TensorList by_tensor(inputs_count + params_count), results(inputs_count + params_count + 1);
    for (std::size_t k = 0; k < result_of.size(); ++k)
      if (k < u.size()) by_tensor[static_cast<std::size_t>(result_of[k])] = u[k];
    pixel_second(plan, x, p, tensors.back(), by_tensor, {results.data(), results.size()});
    for (std::size_t i = 0; i < g.size(); ++i)
      if (wants(i)) g[i] = i < inputs_count ? sum_to(results[i], x[i].shape()) : results[i];
  }
};

struct PixelNode final : PixelNodeBase {
  using PixelNodeBase::PixelNodeBase;

  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const TensorList all = values();
    const auto tensors = std::span<const Tensor>(all);
    InlineVector<bool, 8> want(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) want[i] = wants(i);
    pixel_gradients(name(), *kernels, lanes, tensors.first(inputs_count), tensors.subspan(inputs_count), w[0],
                    {want.data(), want.size()}, g, here());
  }
};

}  // namespace

void pixel_gradients(const char* name, const PixelKernels& kernels, Lanes lanes, std::span<const Tensor> inputs,
                     std::span<const Tensor> params, const Tensor& w, std::span<const bool> wants,
                     std::span<Tensor> gradients, Here here) {
  if (!recording() && is_small(kernels, lanes, inputs, params) && w.is_contiguous() && w.shape() == inputs[0].shape())
    return small_adjoint(kernels, inputs, w, wants, gradients);
  const PixelPlan plan = plan_pixel(name, kernels, lanes, inputs, params);
  pixel_adjoint(plan, inputs, params, w, wants, gradients);
  for (std::size_t i = 0; i < wants.size(); ++i)
    if (!wants[i]) gradients[i] = Tensor();  // parameters come along in the kernel whether wanted or not

  InlineVector<const Tensor*, 8> sources;
  for (const Tensor& t : inputs) sources.push_back(&t);
  for (const Tensor& t : params) sources.push_back(&t);
  sources.push_back(&w);
  if (auto node = record<PixelAdjointNode>(name, here, std::span<const Tensor* const>(sources))) {
    node->keep(kernels, lanes, inputs, params);
    node->kept.push_back(node->save_input(inputs.size() + params.size(), w));
    for (std::size_t i = 0; i < wants.size(); ++i) {
      if (!wants[i]) continue;
      node->result_of.push_back(static_cast<int>(i));
      node->attach(gradients[i]);
    }
  }
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (gradients[i].defined()) gradients[i] = sum_to(gradients[i], inputs[i].shape());
}

Tensor pixel(const char* name, const PixelKernels& kernels, Lanes lanes, std::span<const Tensor> inputs,
             std::span<const Tensor> params, Here here) {
  TensorList converted, own_params;  // bare numbers among the inputs, as the dtype of the others; all on one device
  const bool small = is_small(kernels, lanes, inputs, params);
  if (!small) {
    const DType dtype = pixel_dtype(name, lanes, inputs);
    for (const Tensor& t : inputs) converted.push_back(t.is_weak() ? t.to(dtype, here) : t);
    for (const Tensor& t : params) own_params.push_back(t);
    meet_on_device(name, converted, own_params, here);
  }
  const std::span<const Tensor> x = small ? inputs : std::span<const Tensor>(converted);
  const std::span<const Tensor> p = own_params;  // small calls have none
  Tensor y = small ? small_forward(kernels, x) : pixel_forward(plan_pixel(name, kernels, lanes, x, p), x, p);
  bool numbers_only = true;  // arithmetic on bare numbers gives a bare number
  for (const Tensor& t : inputs) numbers_only = numbers_only && t.is_weak();
  y.state().weak = numbers_only;
  InlineVector<const Tensor*, 8> sources;
  for (const Tensor& t : x) sources.push_back(&t);
  for (const Tensor& t : p) sources.push_back(&t);
  if (auto node = record<PixelNode>(name, here, std::span<const Tensor* const>(sources))) {
    node->keep(kernels, lanes, x, p);
    node->attach(y);
  }
  return y;
}

}  // namespace lumigrad
