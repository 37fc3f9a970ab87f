// SPDX-License-Identifier: Apache-2.0
// Size classes of the allocator and the calls that get memory from the system. Internal to the engine.
#pragma once
#include <lumigrad/engine/allocator.h>
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__SANITIZE_ADDRESS__)
#define LUMIGRAD_KEEPS_BLOCKS false
#elif defined(__has_feature)
#define LUMIGRAD_KEEPS_BLOCKS !__has_feature(address_sanitizer)
#else
#define LUMIGRAD_KEEPS_BLOCKS true
#endif

namespace lumigrad {

/// False under the address sanitizer: each block then comes from malloc at its exact size.
inline constexpr bool keeps_blocks = LUMIGRAD_KEEPS_BLOCKS;
inline constexpr std::size_t small_limit = 1024;
inline constexpr int small_classes = small_limit / block_alignment;
inline constexpr std::size_t slab_bytes = 256 * 1024;
inline constexpr std::size_t huge_page = std::size_t{2} << 20;
inline constexpr std::size_t largest_request = std::size_t{1} << (sizeof(std::size_t) * 8 - 4);

inline int small_class(std::size_t bytes) { return bytes == 0 ? 0 : static_cast<int>((bytes - 1) / block_alignment); }
inline std::size_t small_size(int index) { return static_cast<std::size_t>(index + 1) * block_alignment; }

/// Size classes of large blocks: 5/4, 6/4, 7/4 and 8/4 of each power of two. With 2^e < bytes <= 2^(e+1) the step is
/// 2^e / 4, hence at most a quarter of slack.
inline int large_class(std::size_t bytes) {
  const int e = std::bit_width(bytes - 1) - 1;
  return 4 * e + static_cast<int>(((bytes - 1) >> (e - 2)) & 3);
}
inline std::size_t large_size(int index) { return (std::size_t{5} + index % 4) << (index / 4 - 2); }
inline constexpr int large_classes = 4 * sizeof(std::size_t) * 8;

/// The size a block of more than small_limit bytes really has.
inline std::size_t block_size(std::size_t bytes) {
  return keeps_blocks ? large_size(large_class(bytes)) : std::max<std::size_t>(bytes, 1);
}

/// Fresh zeroed pages, aligned to `alignment` (a power of two of at least a page); null when the system has none.
/// Returned with munmap().
void* map_aligned(std::size_t bytes, std::size_t alignment) noexcept;

/// A large block of a size made by block_size(); null when the system has none.
void* system_allocate(std::size_t size) noexcept;
void system_free(void* block, std::size_t size) noexcept;

}  // namespace lumigrad
