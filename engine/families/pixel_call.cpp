// SPDX-License-Identifier: Apache-2.0
// What a call asks of its kernels: values, sums, gradients, and gradients of gradients.
#include <lumigrad/engine/cpu/sum_kernels.h>
#include <lumigrad/engine/families/pixel_blocks.h>
#include <lumigrad/engine/families/pixel_device.h>
#include <lumigrad/engine/machine.h>

namespace lumigrad {
namespace {

template <class T>
Tensor forward(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params) {
  Tensor y = Tensor::empty(plan.result, plan.dtype);
  const PixelKernel<T>& kernel = kernel_of<T>(*plan.kernels);
  LaneSet set;
  input_lanes(plan, inputs, set.add(plan.kernels->inputs));
  set.read = set.count;
  result_lanes(plan, y, set.add(plan.kernels->outputs));
  const auto p = params_of<T>(plan.domain, params);
  const unsigned stream = y.numel() * std::int64_t{sizeof(T)} > stream_threshold() ? stream_outputs : 0;
  run_blocks<T>(plan, set, nullptr, 0, [&](const Block<T>& b) {
    kernel.forward(b.at(0), p.data() + static_cast<std::size_t>(b.image) * params.size(), b.out(set.read), b.n,
                   b.staged ? 0 : stream);
  });
  return y;
}

template <class T>
std::vector<double> sums_of(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params) {
  const PixelKernel<T>& kernel = kernel_of<T>(*plan.kernels);
  const auto& add_up = [] {
    if constexpr (std::is_same_v<T, float>)
      return sum_kernels().f32;
    else
      return sum_kernels().f64;
  }();
  const int M = plan.kernels->outputs;
  LaneSet set;
  input_lanes(plan, inputs, set.add(plan.kernels->inputs));
  set.read = set.count;
  const auto p = params_of<T>(plan.domain, params);
  std::vector<double> sums;
  run_blocks<T>(plan, set, &sums, static_cast<std::size_t>(M),
                [&](const Block<T>& b) {
                  T terms[max_lanes * lane_block];  // stays in the L1 cache for the usual one or few results
                  T* y[max_lanes];
                  for (int m = 0; m < M; ++m) y[m] = terms + m * lane_block;
                  kernel.forward(b.at(0), p.data() + static_cast<std::size_t>(b.image) * params.size(), y, b.n, 0);
                  for (int m = 0; m < M; ++m) b.sums[m] += add_up.block(y[m], b.n);
                },
                {.longest = lane_block});
  return sum_chunks(plan.domain, sums, static_cast<std::size_t>(M));
}

template <class T>
void adjoint(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params, const Tensor& w,
             std::span<const bool> wants, std::span<Tensor> gradients) {
  const PixelKernel<T>& kernel = kernel_of<T>(*plan.kernels);
  const int I = plan.kernels->inputs, M = plan.kernels->outputs;
  LaneSet set;
  input_lanes(plan, inputs, set.add(I));
  result_lanes(plan, w, set.add(M));
  set.read = set.count;
  gradient_lanes(plan, inputs, wants, gradients, set.add(I));
  const auto p = params_of<T>(plan.domain, params);
  bool sum_params = false;
  for (std::size_t k = 0; k < params.size(); ++k) sum_params |= wants[inputs.size() + k];
  const unsigned stream = plan.result.numel() * std::int64_t{sizeof(T)} > stream_threshold() ? stream_outputs : 0;
  std::vector<double> sums;
  run_blocks<T>(plan, set, sum_params ? &sums : nullptr, params.size(), [&](const Block<T>& b) {
    const T* at = p.data() + static_cast<std::size_t>(b.image) * params.size();
    const unsigned flags = b.staged ? 0 : stream;
    if (b.sums)
      kernel.vjp_params(b.at(0), at, b.at(I), b.out(I + M), b.sums, b.n, flags);
    else
      kernel.vjp(b.at(0), at, b.at(I), b.out(I + M), b.n, flags);
  });
  if (sum_params) finish_params(plan, sums, params, gradients.subspan(inputs.size()));
}

// In double whatever the dtype of the tensors: lanes of f32 are widened on their way in and rounded on their way out.
// Kernels of second order are the longest and the least used, so they exist once.
void second(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params, const Tensor& w,
            std::span<const Tensor> u, std::span<Tensor> gradients) {
  const PixelKernel<double>& kernel = plan.kernels->f64;
  const int I = plan.kernels->inputs, M = plan.kernels->outputs;
  LaneSet set;
  input_lanes(plan, inputs, set.add(I));
  result_lanes(plan, w, set.add(M));
  Lane* directions = set.add(I);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const int count = input_lanes(plan, inputs.subspan(i, 1), directions);
    if (u[i].defined())
      input_lanes(plan, u.subspan(i, 1), directions);
    else
      for (int c = 0; c < count; ++c) directions[c].base = nullptr;
    directions += count;
  }
  set.read = set.count;
  InlineVector<bool, 8> all(inputs.size());
  for (bool& want : all) want = true;
  gradient_lanes(plan, inputs, {all.data(), all.size()}, gradients, set.add(I));
  Tensor& gw = gradients[inputs.size() + params.size()];
  gw = Tensor::empty(plan.result, plan.dtype);
  result_lanes(plan, gw, set.add(M));
  const auto p = params_of<double>(plan.domain, params);
  const auto up = params_of<double>(plan.domain, u.subspan(inputs.size(), params.size()));
  std::vector<double> sums;
  run_blocks<double>(plan, set, params.empty() ? nullptr : &sums, params.size(), [&](const Block<double>& b) {
    const auto at = static_cast<std::size_t>(b.image) * params.size();
    kernel.second(b.at(0), p.data() + at, b.at(I + M), up.data() + at, b.at(I), b.out(set.read), b.sums,
                  b.out(set.read + I), b.n);
  });
  if (!params.empty()) finish_params(plan, sums, params, gradients.subspan(inputs.size()));
}

template <class T>
const T* numbers(const Tensor& t) {
  return reinterpret_cast<const T*>(t.bytes());
}

template <class T>
Tensor small_forward(const PixelKernels& kernels, std::span<const Tensor> inputs) {
  Tensor y = Tensor::empty(inputs[0].shape(), dtype_of<T>);
  const T* x[max_lanes];
  for (std::size_t i = 0; i < inputs.size(); ++i) x[i] = numbers<T>(inputs[i]);
  T* out[1] = {const_cast<T*>(numbers<T>(y))};
  kernel_of<T>(kernels).forward(x, nullptr, out, static_cast<std::size_t>(y.numel()), 0);
  return y;
}

template <class T>
void small_adjoint(const PixelKernels& kernels, std::span<const Tensor> inputs, const Tensor& w,
                   std::span<const bool> wants, std::span<Tensor> gradients) {
  const T* x[max_lanes];
  T* out[max_lanes];
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    x[i] = numbers<T>(inputs[i]);
    if (wants[i]) gradients[i] = Tensor::empty(w.shape(), dtype_of<T>);
    out[i] = wants[i] ? const_cast<T*>(numbers<T>(gradients[i])) : nullptr;
  }
  const T* cotangent[1] = {numbers<T>(w)};
  kernel_of<T>(kernels).vjp(x, nullptr, cotangent, out, static_cast<std::size_t>(w.numel()), 0);
}

}  // namespace

bool is_small(const PixelKernels& kernels, Lanes lanes, std::span<const Tensor> inputs,
              std::span<const Tensor> params) {
  if (lanes != Lanes::elements || kernels.outputs != 1 || !params.empty()) return false;
  if (static_cast<int>(inputs.size()) != kernels.inputs || inputs.empty()) return false;
  const TensorState& first = inputs[0].state();
  if (!is_differentiable(first.dtype) || first.shape.numel() > lane_chunk) return false;
  for (const Tensor& x : inputs) {
    const TensorState& s = x.state();
    if (s.dtype != first.dtype || s.weak != first.weak || !(s.shape == first.shape) || !x.is_contiguous()) return false;
    if (s.buffer->device() != Device()) return false;
  }
  return true;
}

Tensor small_forward(const PixelKernels& kernels, std::span<const Tensor> inputs) {
  return inputs[0].dtype() == DType::f32 ? small_forward<float>(kernels, inputs)
                                         : small_forward<double>(kernels, inputs);
}

void small_adjoint(const PixelKernels& kernels, std::span<const Tensor> inputs, const Tensor& w,
                   std::span<const bool> wants, std::span<Tensor> gradients) {
  w.dtype() == DType::f32 ? small_adjoint<float>(kernels, inputs, w, wants, gradients)
                          : small_adjoint<double>(kernels, inputs, w, wants, gradients);
}

Tensor pixel_forward(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params) {
  if (plan.device != Device()) return device_pixel_forward(plan, inputs, params);
  return plan.dtype == DType::f32 ? forward<float>(plan, inputs, params) : forward<double>(plan, inputs, params);
}

std::vector<double> pixel_sums(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params) {
  return plan.dtype == DType::f32 ? sums_of<float>(plan, inputs, params) : sums_of<double>(plan, inputs, params);
}

void pixel_adjoint(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params,
                   const Tensor& w, std::span<const bool> wants, std::span<Tensor> gradients) {
  if (plan.device != Device()) return device_pixel_adjoint(plan, inputs, params, w, wants, gradients);
  plan.dtype == DType::f32 ? adjoint<float>(plan, inputs, params, w, wants, gradients)
                           : adjoint<double>(plan, inputs, params, w, wants, gradients);
}

void pixel_second(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params,
                  const Tensor& w, std::span<const Tensor> u, std::span<Tensor> gradients) {
  if (plan.device != Device()) return device_pixel_second(plan, inputs, params, w, u, gradients);
  second(plan, inputs, params, w, u, gradients);
}

}  // namespace lumigrad
