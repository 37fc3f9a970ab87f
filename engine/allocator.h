// SPDX-License-Identifier: Apache-2.0
// Where all memory of tensors and tape nodes comes from.
//
// Freed blocks are kept and handed out again, because a fresh buffer is expensive: the system gives zeroed pages one
// fault at a time, and for a 50 MB image batch the faults cost some 25 times the writing. Three kinds of block:
//
//   up to 1 KiB   nodes, shapes, scalars: lists of each thread, by multiples of 64 bytes, no lock and no system call
//   up to 4 MiB   shared bins, four sizes to a doubling (at most a quarter of a block is slack)
//   above         the same bins, aligned to 2 MiB and advised to use huge pages
//
// A budget bounds what is held in all, so that an impossible request is an exception in the program that made it and
// not the end of some process picked by the kernel. Under the address sanitizer nothing is kept: every block comes from
// malloc at its exact size, so that no mistake hides in a recycled block.
#pragma once
#include <lumigrad/engine/error.h>
#include <cstddef>
#include <cstdint>

namespace lumigrad {

/// Every block starts at a multiple of this many bytes.
inline constexpr std::size_t block_alignment = 64;

/// At least `bytes` bytes, uninitialised, aligned to 64 bytes (0 bytes give a block of their own). Throws ResourceError
/// when the budget or the machine has no room left, after the cache was emptied once.
[[nodiscard]] LUMIGRAD_API void* allocate(std::size_t bytes);

/// Returns a block with the size it was asked for. Any thread may return a block; null is allowed.
LUMIGRAD_API void deallocate(void* block, std::size_t bytes) noexcept;

/// Gives what is kept for reuse back to the system: large blocks, and slabs of small blocks that are wholly free, those
/// in the calling thread's lists included (other threads keep theirs).
LUMIGRAD_API void empty_cache();

/// Bytes count whole blocks, slack included.
struct MemoryStats {
  std::size_t in_use = 0;       ///< handed out and not returned
  std::size_t cached = 0;       ///< kept for reuse
  std::size_t peak = 0;         ///< the most that large blocks in use and all slabs of small ones came to
  std::size_t budget = 0;       ///< in_use + cached stay below it
  std::size_t allocations = 0;  ///< requests made to the system so far
};
LUMIGRAD_API MemoryStats memory_stats();
/// Lets `peak` start again from what is in use now.
LUMIGRAD_API void reset_peak_memory();

/// Bounds the bytes held in all; 0 restores the default: LUMIGRAD_MAX_BYTES ("1500", "64K", "2M", "3G"), else 80 % of
/// available_memory(). What is in use already stays valid.
LUMIGRAD_API void set_memory_budget(std::size_t bytes);

/// For tests of the strong guarantee: while it lives, the n-th allocation of this thread counted from now (1 is the
/// next one) throws ResourceError, once. Faults do not nest.
class LUMIGRAD_API AllocationFault {
 public:
  explicit AllocationFault(std::int64_t n) noexcept;
  ~AllocationFault();
  AllocationFault(const AllocationFault&) = delete;
  AllocationFault& operator=(const AllocationFault&) = delete;
  /// True once the allocation has failed; false means that fewer than n were made.
  bool fired() const noexcept;
};

/// A standard allocator over allocate() and deallocate(), so that std::allocate_shared and containers take part.
template <class T>
struct PoolAllocator {
  using value_type = T;
  static_assert(alignof(T) <= block_alignment);

  PoolAllocator() = default;
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) noexcept {}

  T* allocate(std::size_t n) {
    require<ResourceError>(n <= SIZE_MAX / sizeof(T), "allocate: expected a size that fits, got ", n, " objects of ",
                           sizeof(T), " bytes");
    return static_cast<T*>(lumigrad::allocate(n * sizeof(T)));
  }
  void deallocate(T* block, std::size_t n) noexcept { lumigrad::deallocate(block, n * sizeof(T)); }

  template <class U>
  friend bool operator==(const PoolAllocator&, const PoolAllocator<U>&) noexcept {
    return true;
  }
};

}  // namespace lumigrad
