// SPDX-License-Identifier: Apache-2.0
// What the threads share of the allocator: shelves of small blocks, bins of large ones, the budget. Internal to the
// engine.
//
// Small blocks are cut from slabs and travel in chains of equal length: a thread holds a chain it works on and a spare
// one, so that it meets the shelves at most once per chain however its allocations and frees alternate (Bonwick and
// Adams, "Magazines and Vmem", USENIX 2001).
#pragma once
#include <lumigrad/engine/allocator.h>
#include <lumigrad/engine/pages.h>
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

namespace lumigrad {

inline constexpr std::uint32_t chain_length = 128;

/// A free block. The first block of a chain in the shared lists also knows the chain's length and the next chain.
struct Block {
  Block* next;
  Block* next_chain;
  std::uint32_t count;
};

/// The head of a slab, at its start; a slab is aligned to its size, so every block finds it.
struct alignas(block_alignment) Slab {
  Slab* next;
  std::uint32_t carved;  // blocks cut off so far, from the front
  std::uint32_t free;    // scratch of sweep()
};

/// Trivially destructible on purpose: its storage is valid until the thread is gone for good, so that blocks may still
/// be returned by destructors that run after the thread's lists were given up (`retired`). Counts are atomic only
/// because memory_stats() of another thread reads them; the owner alone writes.
struct ThreadLists {
  struct List {
    Block* head = nullptr;
    Block* spare = nullptr;
    std::atomic<std::uint32_t> count{0};        // blocks from head
    std::atomic<std::uint32_t> spare_count{0};  // chain_length or 0
  };
  std::int64_t fault = 0;  // allocations until the injected fault, 0: none
  bool fault_fired = false;
  bool registered = false;
  bool retired = false;
  List lists[small_classes];
  ThreadLists* next = nullptr;  // all threads' lists, under the central mutex
};

/// One for the process. Members are called under the mutex where they do not say otherwise.
struct Central {
  struct Shelf {  // of one small class
    Block* chains = nullptr;
    std::size_t blocks = 0;
    Slab* slabs = nullptr;  // the first one may have blocks not yet cut off
  };

  std::mutex mutex;
  std::array<Shelf, small_classes> shelves;
  std::array<Block*, large_classes> bins{};
  ThreadLists* threads = nullptr;
  std::size_t slab_total = 0;    // bytes of slabs
  std::size_t small_carved = 0;  // bytes of blocks ever cut from the slabs that are there
  std::size_t large_used = 0;
  std::size_t large_cached = 0;
  std::size_t peak = 0;
  std::size_t budget = default_budget();
  std::size_t allocations = 0;

  Central();

  static std::size_t default_budget();
  std::size_t held() const { return slab_total + large_used + large_cached; }
  void note_peak() { peak = std::max(peak, slab_total + large_used); }

  /// Asks the budget for `size` more bytes; empties the cache and tries again before it says no.
  bool reserve(std::size_t size);
  /// Returns all cached large blocks to the system.
  void release_bins() noexcept;
  /// Returns the slabs of a class whose blocks are all on the shelf.
  void sweep(int index) noexcept;
  /// A chain of free blocks of a class, its length in the first block; null when there is no room.
  Block* take_chain(int index);
  void give_chain(int index, Block* head, std::uint32_t count) noexcept;
  /// A large block; takes the mutex. Throws ResourceError.
  void* take_large(std::size_t bytes);
  /// Takes the mutex.
  void give_large(void* block, std::size_t bytes) noexcept;
};

/// The one Central, made on first use.
Central& central();

/// Throws the ResourceError of a request that found no room; not under the mutex.
[[noreturn]] void refuse(std::size_t bytes);

/// The calling thread's lists.
ThreadLists& own_lists() noexcept;

}  // namespace lumigrad
