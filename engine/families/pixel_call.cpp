// SPDX-License-Identifier: Apache-2.0
// Kernels over lanes: blocks, threads, staging, and sums in fixed order.
#include <lumigrad/engine/cpu/sum_kernels.h>
#include <lumigrad/engine/families/pixel_lanes.h>
#include <lumigrad/engine/machine.h>
#include <algorithm>

namespace lumigrad {
namespace {

template <class T>
const PixelKernel<T>& kernel_of(const PixelKernels& kernels) {
  if constexpr (std::is_same_v<T, float>)
    return kernels.f32;
  else
    return kernels.f64;
}

// Parameters of every image as T, [images][K]; those that are one number are repeated, those not given are zero.
template <class T>
InlineVector<T, 16> params_of(const Domain& domain, std::span<const Tensor> params) {
  const auto K = params.size(), images = static_cast<std::size_t>(std::max<std::int64_t>(domain.images, 1));
  InlineVector<T, 16> result(images * K);
  for (std::size_t k = 0; k < K; ++k) {
    if (!params[k].defined()) continue;
    const Tensor& flat = params[k].is_contiguous() ? params[k] : params[k].detach().clone();
    const bool one = flat.numel() == 1;
    for (std::size_t n = 0; n < images; ++n) {
      const auto at = static_cast<std::ptrdiff_t>((one ? 0 : n) * size_of(flat.dtype()));
      load_elements(flat.bytes() + at, flat.dtype(), 1, 1, 1, &result[n * K + k]);
    }
  }
  return result;
}

// What a kernel gets for one block.
template <class T>
struct Block {
  T* const* lanes;  // one pointer a lane of the set
  std::size_t n;
  std::int64_t image;
  double* sums;  // of the chunk
  bool staged;

  const T* const* at(int lane) const { return lanes + lane; }
  T* const* out(int lane) const { return lanes + lane; }
};

// Runs `step(block)` over all blocks of a call. Blocks are of lane_block elements when something is staged or summed,
// else as long as the chunk. `sums` (may be null) gets `width` numbers a chunk, [images][chunks][width].
template <class T, class Step>
void run_blocks(const PixelPlan& plan, const LaneSet& set, std::vector<double>* sums, std::size_t width,
                const Step& step) {
  const Domain& domain = plan.domain;
  const std::int64_t chunks = (domain.extent + lane_chunk - 1) / lane_chunk;
  if (sums) sums->assign(static_cast<std::size_t>(domain.images * chunks) * width, 0.0);
  bool plain = true;
  for (int k = 0; k < set.count; ++k) plain = plain && set.lanes[k].base && is_plain(set.lanes[k], domain, dtype_of<T>);

  for_each_chunk(domain, 0.15 * set.count, [&](std::int64_t image, std::int64_t begin, std::int64_t end) {
    double* own = sums ? sums->data() + static_cast<std::size_t>(image * chunks + begin / lane_chunk) * width : nullptr;
    T* pointers[LaneSet::capacity];
    if (plain) {
      const std::int64_t longest = sums ? lane_block : lane_chunk;
      for (std::int64_t at = begin; at < end; at += longest) {
        for (int k = 0; k < set.count; ++k) {
          const std::int64_t first = domain.images > 1 ? image * set.lanes[k].strides[0] : 0;
          pointers[k] = set.lanes[k].base ? reinterpret_cast<T*>(set.lanes[k].base) + first + at : nullptr;
        }
        step(Block<T>{pointers, static_cast<std::size_t>(std::min(longest, end - at)), image, own, false});
      }
      return;
    }
    std::vector<LaneReader<T>> readers(static_cast<std::size_t>(set.count));
    for (int k = 0; k < set.count; ++k)
      if (set.lanes[k].base) readers[static_cast<std::size_t>(k)] = LaneReader<T>(set.lanes[k], domain, image);
    const auto room = std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(set.count * lane_block));
    for (std::int64_t at = begin; at < end; at += lane_block) {
      const std::int64_t n = std::min(lane_block, end - at);
      bool staged = false;  // a result that does not go where it belongs at once
      for (int k = 0; k < set.count; ++k) {
        T* own_room = room.get() + k * lane_block;
        const auto& reader = readers[static_cast<std::size_t>(k)];
        if (!set.lanes[k].base) {
          pointers[k] = k < set.read ? std::fill_n(own_room, n, T{0}) - n : nullptr;
        } else if (k < set.read && reader.constant()) {  // filled once for all blocks
          if (at == begin) pointers[k] = reader.at(at, std::min(lane_block, end - begin), own_room);
        } else {
          pointers[k] = reader.at(at, n, own_room, k < set.read);
          staged |= k >= set.read && pointers[k] == own_room;
        }
      }
      step(Block<T>{pointers, static_cast<std::size_t>(n), image, own, staged});
      for (int k = set.read; k < set.count; ++k) {
        const T* own_room = room.get() + k * lane_block;
        if (set.lanes[k].base && pointers[k] == own_room) readers[static_cast<std::size_t>(k)].put(at, n, own_room);
      }
    }
  });
}

// Sums of the chunks of each image, in order: [images][width].
std::vector<double> sum_chunks(const Domain& domain, const std::vector<double>& sums, std::size_t width) {
  const std::int64_t chunks = (domain.extent + lane_chunk - 1) / lane_chunk;
  std::vector<double> result(static_cast<std::size_t>(domain.images) * width, 0.0);
  for (std::int64_t n = 0; n < domain.images; ++n)
    for (std::int64_t c = 0; c < chunks; ++c)
      for (std::size_t k = 0; k < width; ++k)
        result[static_cast<std::size_t>(n) * width + k] += sums[static_cast<std::size_t>(n * chunks + c) * width + k];
  return result;
}

// Gradients of the parameters, each in its own shape and dtype.
void finish_params(const PixelPlan& plan, const std::vector<double>& sums, std::span<const Tensor> params,
                   std::span<Tensor> gradients) {
  const std::size_t K = params.size();
  const std::vector<double> images = sum_chunks(plan.domain, sums, K);
  for (std::size_t k = 0; k < K; ++k) {
    std::vector<double> result(static_cast<std::size_t>(params[k].numel()), 0.0);
    for (std::size_t n = 0; n * K < images.size(); ++n) result[result.size() == 1 ? 0 : n] += images[n * K + k];
    gradients[k] = Tensor::empty(params[k].shape(), params[k].dtype());
    store_elements(result.data(), params[k].numel(), const_cast<std::byte*>(gradients[k].bytes()), params[k].dtype(),
                   1);
  }
}

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
  run_blocks<T>(plan, set, &sums, static_cast<std::size_t>(M), [&](const Block<T>& b) {
    T terms[max_lanes * lane_block];  // stays in the L1 cache for the usual one or few results
    T* y[max_lanes];
    for (int m = 0; m < M; ++m) y[m] = terms + m * lane_block;
    kernel.forward(b.at(0), p.data() + static_cast<std::size_t>(b.image) * params.size(), y, b.n, 0);
    for (int m = 0; m < M; ++m) b.sums[m] += add_up.block(y[m], b.n);
  });
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
  return plan.dtype == DType::f32 ? forward<float>(plan, inputs, params) : forward<double>(plan, inputs, params);
}

std::vector<double> pixel_sums(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params) {
  return plan.dtype == DType::f32 ? sums_of<float>(plan, inputs, params) : sums_of<double>(plan, inputs, params);
}

void pixel_adjoint(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params,
                   const Tensor& w, std::span<const bool> wants, std::span<Tensor> gradients) {
  plan.dtype == DType::f32 ? adjoint<float>(plan, inputs, params, w, wants, gradients)
                           : adjoint<double>(plan, inputs, params, w, wants, gradients);
}

void pixel_second(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params,
                  const Tensor& w, std::span<const Tensor> u, std::span<Tensor> gradients) {
  second(plan, inputs, params, w, u, gradients);
}

}  // namespace lumigrad
