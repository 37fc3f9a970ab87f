// SPDX-License-Identifier: Apache-2.0
// The loop under every pixel kernel: a call cut into chunks for threads and blocks for caches, lanes staged where
// memory does not hold them plainly, sums in fixed order.
#pragma once
#include <lumigrad/engine/families/pixel_lanes.h>
#include <algorithm>
#include <cstdint>
#include <vector>

namespace lumigrad {

/// The kernels of number type T.
template <class T>
const PixelKernel<T>& kernel_of(const PixelKernels& kernels) {
  if constexpr (std::is_same_v<T, float>)
    return kernels.f32;
  else
    return kernels.f64;
}

/// Parameters of every image as T, [images][K]; those that are one number are repeated, those not given (or of no
/// image) are zero.
template <class T>
InlineVector<T, 16> params_of(const Domain& domain, std::span<const Tensor> params) {
  const auto K = params.size(), images = static_cast<std::size_t>(std::max<std::int64_t>(domain.images, 1));
  InlineVector<T, 16> result(images * K);
  for (std::size_t k = 0; k < K; ++k) {
    if (!params[k].defined() || params[k].numel() == 0) continue;
    const Tensor& flat = params[k].is_contiguous() ? params[k] : params[k].detach().clone();
    const bool one = flat.numel() == 1;
    for (std::size_t n = 0; n < images; ++n) {
      const auto at = static_cast<std::ptrdiff_t>((one ? 0 : n) * size_of(flat.dtype()));
      load_elements(flat.bytes() + at, flat.dtype(), 1, 1, 1, &result[n * K + k]);
    }
  }
  return result;
}

/// What a kernel gets for one block.
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

/// How run_blocks cuts.
struct BlockOptions {
  std::int64_t longest = lane_chunk;  // elements of a block where nothing is staged (staged: lane_block)
  double cost = 0.15;                 // a guess in ns an element and lane
};

/// Runs `step(block)` over all blocks of a call. `sums` (may be null) gets `width` numbers a chunk,
/// [images][chunks][width].
template <class T>
void run_blocks(const PixelPlan& plan, const LaneSet& set, std::vector<double>* sums, std::size_t width,
                FunctionRef<void(const Block<T>&)> step, BlockOptions options = {});

/// Sums of the chunks of each image, in order: [images][width].
inline std::vector<double> sum_chunks(const Domain& domain, const std::vector<double>& sums, std::size_t width) {
  const std::int64_t chunks = (domain.extent + lane_chunk - 1) / lane_chunk;
  std::vector<double> result(static_cast<std::size_t>(domain.images) * width, 0.0);
  for (std::int64_t n = 0; n < domain.images; ++n)
    for (std::int64_t c = 0; c < chunks; ++c)
      for (std::size_t k = 0; k < width; ++k)
        result[static_cast<std::size_t>(n) * width + k] += sums[static_cast<std::size_t>(n * chunks + c) * width + k];
  return result;
}

/// Gradients of the parameters, each in its own shape and dtype.
inline void finish_params(const PixelPlan& plan, const std::vector<double>& sums, std::span<const Tensor> params,
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

}  // namespace lumigrad
