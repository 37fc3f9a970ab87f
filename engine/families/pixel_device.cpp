// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/device/pixel_formulas.h>
#include <lumigrad/engine/families/device_call.h>
#include <lumigrad/engine/families/pixel_device.h>

namespace lumigrad {
namespace {

using device::PixelCall;
using Launch = device::Status (*)(device::Place, const PixelCall*);

void launch(const PixelPlan& plan, Launch function, const PixelCall& call) {
  if (!is_empty(call.domain)) device::check(plan.name, plan.device, function(device::place_of(plan.device), &call));
}

}  // namespace

void meet_on_device(const char* name, TensorList& inputs, TensorList& params, Here here) {
  Device device = device::device_of(inputs);
  if (device == Device()) device = device::device_of(params);
  if (device == Device()) return;
  const auto stays = [](const Tensor& t) { return t.device() == Device() && t.numel() == 1 && !t.needs_grad(); };
  for (Tensor& t : inputs)
    if (!stays(t)) t = device::on_device(name, t, device, here);
  for (Tensor& t : params)
    if (!stays(t)) t = t.device() == Device() ? t.to(device, here) : device::on_device(name, t, device, here);
}

Tensor device_pixel_forward(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params) {
  const device::DeviceFormula& formula = device::formula_on(plan.name, *plan.kernels, plan.device);
  Tensor y = Tensor::empty(plan.result, plan.dtype, plan.device);
  DeviceCall call(plan);
  call.inputs(inputs);
  call.result(y);
  const DeviceLanes lanes = call.joined();
  TensorList kept;
  const auto p = device_numbers(plan, params, plan.dtype, kept);
  launch(plan, formula.forward[device_index(plan.dtype)],
         {lanes.domain, lanes.lanes.data(), p.data(), nullptr, nullptr});
  return y;
}

Tensor device_pixel_sums(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params,
                         bool each_image, double scale) {
  const device::DeviceFormula& formula = device::formula_on(plan.name, *plan.kernels, plan.device);
  const int M = plan.kernels->outputs;
  DeviceCall call(plan);
  call.inputs(inputs);
  const DeviceLanes lanes = call.joined();
  TensorList kept;
  const auto p = device_numbers(plan, params, plan.dtype, kept);
  const SumsRoom sums(plan, lanes.domain, formula.group[device_index(plan.dtype)], M);
  launch(plan, formula.sums[device_index(plan.dtype)],
         {lanes.domain, lanes.lanes.data(), p.data(), nullptr, sums.data()});
  Tensor y = Tensor::empty(each_image ? Shape{plan.domain.images, M} : Shape{M}, plan.dtype, plan.device);
  const bool rows = each_image && plan.domain.images > 1;
  InlineVector<device::PixelTotal, 8> totals;
  for (int m = 0; m < M; ++m)
    totals.push_back({y.device_data() + static_cast<std::size_t>(m) * size_of(y.dtype()), y.dtype(), rows, M});
  if (y.numel() > 0) add_totals(plan, sums, lanes.domain, {totals.data(), totals.size()}, scale);
  return y;
}

void device_pixel_adjoint(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params,
                          const Tensor& w, std::span<const bool> wants, std::span<Tensor> gradients) {
  const device::DeviceFormula& formula = device::formula_on(plan.name, *plan.kernels, plan.device);
  const std::size_t I = inputs.size(), K = params.size();
  DeviceCall call(plan);
  call.inputs(inputs);
  call.result(w);
  call.gradients(inputs, wants.first(I), gradients);
  const DeviceLanes lanes = call.joined();
  TensorList kept;
  const auto p = device_numbers(plan, params, plan.dtype, kept);
  bool sum_params = false;
  for (std::size_t k = 0; k < K; ++k) sum_params |= wants[I + k];
  const Launch vjp = formula.vjp[device_index(plan.dtype)];
  if (!sum_params) return launch(plan, vjp, {lanes.domain, lanes.lanes.data(), p.data(), nullptr, nullptr});
  const SumsRoom sums(plan, lanes.domain, formula.group[device_index(plan.dtype)], static_cast<std::int64_t>(K));
  launch(plan, vjp, {lanes.domain, lanes.lanes.data(), p.data(), nullptr, sums.data()});
  add_parameter_totals(plan, sums, lanes.domain, params, wants.subspan(I), gradients.subspan(I));
}

void device_pixel_second(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params,
                         const Tensor& w, std::span<const Tensor> u, std::span<Tensor> gradients) {
  const device::DeviceFormula& formula = device::formula_on(plan.name, *plan.kernels, plan.device);
  const std::size_t I = inputs.size(), K = params.size();
  DeviceCall call(plan);
  call.inputs(inputs);
  for (std::size_t i = 0; i < I; ++i) u[i].defined() ? call.inputs(u.subspan(i, 1)) : call.nothing(inputs[i]);
  call.result(w);
  InlineVector<bool, 8> wants(I + K);
  for (std::size_t i = 0; i < I; ++i) wants[i] = !is_number(plan, inputs[i]);
  for (std::size_t k = 0; k < K; ++k) wants[I + k] = !is_number(plan, params[k]);
  const std::span<const bool> want(wants.data(), wants.size());
  call.gradients(inputs, want.first(I), gradients);
  Tensor& gw = gradients[I + K];
  gw = Tensor::empty(plan.result, plan.dtype, plan.device);
  call.result(gw);
  const DeviceLanes lanes = call.joined();
  TensorList kept;
  const auto p = device_numbers(plan, params, DType::f64, kept),
             up = device_numbers(plan, u.subspan(I, K), DType::f64, kept);
  PixelCall record{lanes.domain, lanes.lanes.data(), p.data(), up.data(), nullptr};
  if (params.empty()) return launch(plan, formula.second, record);
  const SumsRoom sums(plan, lanes.domain, formula.group[1], static_cast<std::int64_t>(K));
  record.sums = sums.data();
  launch(plan, formula.second, record);
  add_parameter_totals(plan, sums, lanes.domain, params, want.subspan(I), gradients.subspan(I));
}

}  // namespace lumigrad
