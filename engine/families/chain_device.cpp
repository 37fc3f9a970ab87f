// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/device/chain.h>
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/chain_device.h>
#include <lumigrad/engine/families/device_call.h>

namespace lumigrad {
namespace {

std::int32_t code_of(const device::ChainTable& table, const PixelKernels& kernels) {
  return kernels.list ? table.code(kernels.list, kernels.number) : -1;
}

// The record of a call; what it points to.
struct ChainRecord {
  PixelPlan plan;
  device::ChainStep steps[device::max_chain_steps];
  TensorList kept;
  InlineVector<device::PixelNumber, 8> params;

  explicit ChainRecord(const Chain& chain) : plan(chain.plan()) {
    const device::ChainTable& table = device::table(plan.device).chain;
    for (std::size_t s = 0; s < chain.links.size(); ++s) {
      const Link& link = chain.links[s];
      steps[s] = {code_of(table, *link.kernels),
                  link.each,
                  link.inputs,
                  link.outputs,
                  static_cast<std::int32_t>(link.first),
                  static_cast<std::int32_t>(link.gate)};
    }
    params = device_numbers(plan, chain.params, plan.dtype, kept);
  }
  device::ChainCall call(const DeviceLanes& lanes, std::size_t count, double* sums) const {
    return {lanes.domain,  lanes.lanes.data(),
            steps,         static_cast<std::int32_t>(count),
            params.data(), static_cast<std::int32_t>(params.size()),
            sums};
  }
  void run(device::Status (*function)(device::Place, const device::ChainCall*), const device::ChainCall& call) const {
    if (!is_empty(call.domain)) device::check(plan.name, plan.device, function(device::place_of(plan.device), &call));
  }
};

}  // namespace

bool device_takes(const Chain& chain, DType dtype) {
  if (dtype != DType::f32 || chain.links.size() > device::max_chain_steps) return false;
  if (chain.params.size() > device::max_chain_params) return false;
  const device::ChainTable& table = device::table(chain.images.device()).chain;
  for (const Link& link : chain.links)
    if (std::max(link.inputs, link.outputs) > device::max_chain_channels || code_of(table, *link.kernels) < 0)
      return false;
  return true;
}

Tensor device_chain_forward(const Chain& chain) {
  const ChainRecord record(chain);
  Tensor y = Tensor::empty(record.plan.result, record.plan.dtype, record.plan.device);
  DeviceCall call(record.plan);
  call.inputs({&chain.images, 1});
  call.result(y);
  const DeviceLanes lanes = call.joined();
  record.run(device::table(record.plan.device).chain.forward, record.call(lanes, chain.links.size(), nullptr));
  return y;
}

void device_chain_adjoint(const Chain& chain, const Tensor& w, std::span<const bool> wants,
                          std::span<Tensor> gradients) {
  const ChainRecord record(chain);
  DeviceCall call(record.plan);
  call.inputs({&chain.images, 1});
  call.result(w);
  call.gradients({&chain.images, 1}, wants.first(1), gradients);
  const DeviceLanes lanes = call.joined();
  const auto K = static_cast<std::int64_t>(chain.params.size());
  bool sum_params = false;
  for (std::int64_t k = 0; k < K; ++k) sum_params |= wants[1 + static_cast<std::size_t>(k)];
  const auto vjp = device::table(record.plan.device).chain.vjp;
  if (!sum_params) return record.run(vjp, record.call(lanes, chain.links.size(), nullptr));
  const SumsRoom sums(record.plan, lanes.domain, 1, K);
  record.run(vjp, record.call(lanes, chain.links.size(), sums.data()));
  add_parameter_totals(record.plan, sums, lanes.domain, chain.params, wants.subspan(1), gradients.subspan(1));
}

}  // namespace lumigrad
