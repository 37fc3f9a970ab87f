// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/line_room.h>
#include <lumigrad/engine/families/pixel_blocks.h>

namespace lumigrad {
namespace {

// Elements from `at` on, in whole blocks, that every lane has in memory as they are wanted.
template <class T>
std::int64_t dense_blocks(const LaneSet& set, const std::vector<LaneReader<T>>& readers, std::int64_t at,
                          std::int64_t longest) {
  for (int k = 0; k < set.count; ++k) {
    if (!set.lanes[k].base && k >= set.read) continue;
    longest = std::min(longest, set.lanes[k].base ? readers[static_cast<std::size_t>(k)].dense_from(at) : 0);
  }
  return longest / lane_block * lane_block;
}

}  // namespace

template <class T>
void run_blocks(const PixelPlan& plan, const LaneSet& set, std::vector<double>* sums, std::size_t width,
                FunctionRef<void(const Block<T>&)> step, BlockOptions options) {
  const Domain& domain = plan.domain;
  const std::int64_t chunks = (domain.extent + lane_chunk - 1) / lane_chunk;
  if (sums) sums->assign(static_cast<std::size_t>(domain.images * chunks) * width, 0.0);
  bool plain = true;
  InlineVector<int, 8> numbers;  // lanes that are one number an image, as is what a sum hands back to its terms
  for (int k = 0; k < set.count; ++k) {
    const bool number = k < set.read && is_number(set.lanes[k], domain);
    if (number) numbers.push_back(k);
    plain = plain && (set.lanes[k].base ? number || is_plain(set.lanes[k], domain, dtype_of<T>) : k >= set.read);
  }
  const std::int64_t longest = numbers.empty() ? options.longest : lane_block;

  for_each_chunk(domain, options.cost * set.count, [&](std::int64_t image, std::int64_t begin, std::int64_t end) {
    double* own = sums ? sums->data() + static_cast<std::size_t>(image * chunks + begin / lane_chunk) * width : nullptr;
    T* pointers[LaneSet::capacity];
    if (plain) {
      const LineRoom<T, lane_block> room(numbers.size() * lane_block);
      const T* filled[LaneSet::capacity] = {};
      for (std::size_t i = 0; i < numbers.size(); ++i)
        filled[numbers[i]] = LaneReader<T>(set.lanes[numbers[i]], domain, image)
                                 .at(begin, std::min(longest, end - begin), room.get() + i * lane_block);
      for (std::int64_t at = begin; at < end; at += longest) {
        for (int k = 0; k < set.count; ++k) {
          const std::int64_t first = domain.images > 1 ? image * set.lanes[k].strides[0] : 0;
          pointers[k] = filled[k]           ? const_cast<T*>(filled[k])
                        : set.lanes[k].base ? reinterpret_cast<T*>(set.lanes[k].base) + first + at
                                            : nullptr;
        }
        step(Block<T>{pointers, static_cast<std::size_t>(std::min(longest, end - at)), image, own, false});
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

template void run_blocks<float>(const PixelPlan&, const LaneSet&, std::vector<double>*, std::size_t,
                                FunctionRef<void(const Block<float>&)>, BlockOptions);
template void run_blocks<double>(const PixelPlan&, const LaneSet&, std::vector<double>*, std::size_t,
                                 FunctionRef<void(const Block<double>&)>, BlockOptions);

}  // namespace lumigrad
