// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/allocator.h>
#include <lumigrad/engine/central_memory.h>
#include <mutex>
#include <new>

namespace lumigrad {
namespace {

constinit thread_local ThreadLists thread_lists;

void give_back(ThreadLists& own, Central& all) noexcept {  // under the mutex
  for (int index = 0; index < small_classes; ++index) {
    ThreadLists::List& list = own.lists[index];
    if (list.head) all.give_chain(index, list.head, list.count.load(std::memory_order_relaxed));
    if (list.spare) all.give_chain(index, list.spare, chain_length);
    list.head = list.spare = nullptr;
    list.count.store(0, std::memory_order_relaxed);
    list.spare_count.store(0, std::memory_order_relaxed);
  }
}

/// Ends a thread's lists. A thread_local of its own, made when the thread first needs the shared lists.
struct Farewell {
  ~Farewell() {
    Central& all = central();
    std::lock_guard lock(all.mutex);
    give_back(thread_lists, all);
    thread_lists.retired = true;
    for (ThreadLists** link = &all.threads; *link; link = &(*link)->next)
      if (*link == &thread_lists) {
        *link = thread_lists.next;
        break;
      }
  }
};

/// Makes the lists known to memory_stats() and sees to their end.
void enrol(ThreadLists& own) {
  if (own.registered) return;
  thread_local Farewell farewell;
  (void)farewell;
  Central& all = central();
  std::lock_guard lock(all.mutex);
  own.registered = true;
  own.next = all.threads;
  all.threads = &own;
}

/// Called when the thread's list of a class is empty.
[[gnu::noinline]] void* refill(std::size_t bytes) {
  Central& all = central();
  ThreadLists& own = thread_lists;
  enrol(own);
  const int index = small_class(bytes);
  std::unique_lock lock(all.mutex);
  Block* const chain = all.take_chain(index);
  if (!chain) {
    lock.unlock();
    refuse(bytes);
  }
  Block* const rest = chain->next;
  const std::uint32_t left = chain->count - 1;
  if (own.retired) {
    if (rest) all.give_chain(index, rest, left);
  } else {
    own.lists[index].head = rest;
    own.lists[index].count.store(left, std::memory_order_relaxed);
  }
  return chain;
}

/// Called when the chain a thread returns blocks to is full or not begun.
[[gnu::noinline]] void spill(void* pointer, int index) noexcept {
  ThreadLists& own = thread_lists;
  ThreadLists::List& list = own.lists[index];
  Central& all = central();
  enrol(own);
  Block* const block = new (pointer) Block{nullptr, nullptr, 0};
  if (own.retired) {
    std::lock_guard lock(all.mutex);
    all.give_chain(index, block, 1);
    return;
  }
  if (list.count.load(std::memory_order_relaxed) == chain_length) {
    if (list.spare) {
      std::lock_guard lock(all.mutex);
      all.give_chain(index, list.spare, chain_length);
    }
    list.spare = list.head;
    list.spare_count.store(chain_length, std::memory_order_relaxed);
    list.head = nullptr;
    list.count.store(0, std::memory_order_relaxed);
  }
  block->next = list.head;
  list.head = block;
  list.count.store(list.count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

[[gnu::noinline]] void count_down(ThreadLists& own, std::size_t bytes) {
  if (--own.fault > 0) return;
  own.fault_fired = true;
  throw ResourceError(message("allocate: expected room for ", bytes, " bytes, got an injected fault"));
}

}  // namespace

ThreadLists& own_lists() noexcept { return thread_lists; }

void* allocate(std::size_t bytes) {
  ThreadLists& own = thread_lists;
  if (own.fault != 0) [[unlikely]]
    count_down(own, bytes);
  if (bytes > small_limit || !keeps_blocks) return central().take_large(bytes);
  ThreadLists::List& list = own.lists[small_class(bytes)];
  if (Block* block = list.head) [[likely]] {
    list.head = block->next;
    list.count.store(list.count.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    return block;
  }
  if (Block* block = list.spare) {
    list.spare = nullptr;
    list.spare_count.store(0, std::memory_order_relaxed);
    list.head = block->next;
    list.count.store(chain_length - 1, std::memory_order_relaxed);
    return block;
  }
  return refill(bytes);
}

void deallocate(void* block, std::size_t bytes) noexcept {
  if (!block) return;
  if (bytes > small_limit || !keeps_blocks) return central().give_large(block, bytes);
  const int index = small_class(bytes);
  ThreadLists& own = thread_lists;
  ThreadLists::List& list = own.lists[index];
  const std::uint32_t count = list.count.load(std::memory_order_relaxed);
  if (count == chain_length || !own.registered || own.retired) [[unlikely]]
    return spill(block, index);
  list.head = new (block) Block{list.head, nullptr, 0};
  list.count.store(count + 1, std::memory_order_relaxed);
}

void empty_cache() {
  Central& all = central();
  std::lock_guard lock(all.mutex);
  if (thread_lists.registered && !thread_lists.retired) give_back(thread_lists, all);
  all.release_bins();
  for (int index = 0; index < small_classes; ++index) all.sweep(index);
}

MemoryStats memory_stats() {
  Central& all = central();
  std::lock_guard lock(all.mutex);
  std::size_t small_free = 0;
  for (int index = 0; index < small_classes; ++index) {
    std::size_t blocks = all.shelves[index].blocks;
    for (const ThreadLists* each = all.threads; each; each = each->next)
      blocks += each->lists[index].count.load(std::memory_order_relaxed) +
                each->lists[index].spare_count.load(std::memory_order_relaxed);
    small_free += blocks * small_size(index);
  }
  MemoryStats stats;
  const std::size_t small_used = all.small_carved - std::min(small_free, all.small_carved);
  stats.in_use = all.large_used + small_used;
  stats.cached = all.large_cached + all.slab_total - small_used;
  stats.peak = all.peak;
  stats.budget = all.budget;
  stats.allocations = all.allocations;
  return stats;
}

void reset_peak_memory() {
  Central& all = central();
  std::lock_guard lock(all.mutex);
  all.peak = 0;
  all.note_peak();
}

void set_memory_budget(std::size_t bytes) {
  const std::size_t budget = bytes > 0 ? bytes : Central::default_budget();
  Central& all = central();
  std::lock_guard lock(all.mutex);
  all.budget = budget;
  if (all.held() > budget) all.release_bins();
}

AllocationFault::AllocationFault(std::int64_t n) noexcept {
  thread_lists.fault = n;
  thread_lists.fault_fired = false;
}
AllocationFault::~AllocationFault() { thread_lists.fault = 0; }
bool AllocationFault::fired() const noexcept { return thread_lists.fault_fired; }

}  // namespace lumigrad
