// SPDX-License-Identifier: Apache-2.0
// The loop under every pixel kernel: a call cut into chunks for threads and blocks for caches, lanes staged where
// memory does not hold them plainly, sums in fixed order.
#pragma once
#include <lumigrad/engine/families/line_room.h>
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

/// Elements from `at` on, in whole blocks, that every lane has in memory as they are wanted.
template <class T>
std::int64_t dense_blocks(const LaneSet& set, const std::vector<LaneReader<T>>& readers, std::int64_t at,
                          std::int64_t longest) {
  for (int k = 0; k < set.count; ++k) {
    if (!set.lanes[k].base && k >= set.read) continue;
    longest = std::min(longest, set.lanes[k].base ? readers[static_cast<std::size_t>(k)].dense_from(at) : 0);
  }
  return longest / lane_block * lane_block;
}

/// Runs `step(block)` over all blocks of a call. `sums` (may be null) gets `width` numbers a chunk,
/// [images][chunks][width].
template <class T, class Step>
void run_blocks(const PixelPlan& plan, const LaneSet& set, std::vector<double>* sums, std::size_t width,
                const Step& step, BlockOptions options = {}) {
  const Domain& domain = plan.domain;
  const std::int64_t chunks = (domain.extent + lane_chunk - 1) / lane_chunk;
  if (sums) sums->assign(static_cast<std::size_t>(domain.images * chunks) * width, 0.0);
  bool plain = true;
  for (int k = 0; k < set.count; ++k)
    plain = plain && (set.lanes[k].base ? is_plain(set.lanes[k], domain, dtype_of<T>) : k >= set.read);

  for_each_chunk(domain, options.cost * set.count, [&](std::int64_t image, std::int64_t begin, std::int64_t end) {
    double* own = sums ? sums->data() + static_cast<std::size_t>(image * chunks + begin / lane_chunk) * width : nullptr;
    T* pointers[LaneSet::capacity];
    if (plain) {
      for (std::int64_t at = begin; at < end; at += options.longest) {
        for (int k = 0; k < set.count; ++k) {
          const std::int64_t first = domain.images > 1 ? image * set.lanes[k].strides[0] : 0;
          pointers[k] = set.lanes[k].base ? reinterpret_cast<T*>(set.lanes[k].base) + first + at : nullptr;
        }
        step(Block<T>{pointers, static_cast<std::size_t>(std::min(options.longest, end - at)), image, own, false});
      }
      return;
    }
    std::vector<LaneReader<T>> readers(static_cast<std::size_t>(set.count));
    for (int k = 0; k < set.count; ++k)
      if (set.lanes[k].base) readers[static_cast<std::size_t>(k)] = LaneReader<T>(set.lanes[k], domain, image);
    PixelLanes pixels;
    if (std::is_same_v<T, float>) pixels = pixel_lanes(set.lanes, set.read, domain);
    const LineRoom<T> room(static_cast<std::size_t>(set.count * lane_block));
    for (std::int64_t at = begin, n = 0; at < end; at += n) {
      n = std::max(lane_block, dense_blocks<T>(set, readers, at, options.longest));
      n = std::min(n, end - at);
      bool staged = false;  // a result that does not go where it belongs at once
      for (int k = 0; k < set.count; ++k) {
        T* own_room = room.get() + k * lane_block;
        const auto& reader = readers[static_cast<std::size_t>(k)];
        if (pixels.contain(k)) {
          pointers[k] = own_room;
        } else if (!set.lanes[k].base) {
          pointers[k] = k < set.read ? std::fill_n(own_room, n, T{0}) - n : nullptr;
        } else if (k < set.read && reader.constant()) {  // filled once for all blocks
          if (at == begin) pointers[k] = reader.at(at, std::min(lane_block, end - begin), own_room);
        } else {
          pointers[k] = reader.at(at, n, own_room, k < set.read);
          staged |= k >= set.read && pointers[k] == own_room;
        }
      }
      if (pixels.count > 0) readers[static_cast<std::size_t>(pixels.first)].at(pixels, at, n, pointers + pixels.first);
      step(Block<T>{pointers, static_cast<std::size_t>(n), image, own, staged});
      for (int k = set.read; k < set.count; ++k) {
        const T* own_room = room.get() + k * lane_block;
        if (set.lanes[k].base && pointers[k] == own_room) readers[static_cast<std::size_t>(k)].put(at, n, own_room);
      }
    }
  });
}

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
