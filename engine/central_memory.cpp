// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <sys/mman.h>

#include <lumigrad/engine/central_memory.h>
#include <lumigrad/engine/machine.h>
#include <algorithm>
#include <cstdlib>
#include <new>

namespace lumigrad {
namespace {

Slab* slab_of(Block* block) {
  return reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(slab_bytes - 1));
}

}  // namespace

/// Never destroyed: tensors in static storage and thread exits after main() return blocks later than any destructor
/// order could allow. The system takes the pages back with the process.
Central& central() {
  static Central* const state = new Central;
  return *state;
}

std::size_t Central::default_budget() {
  if (const char* text = std::getenv("LUMIGRAD_MAX_BYTES"); text && *text) {
    const auto bytes = parse_bytes(text);
    require<ResourceError>(bytes && *bytes > 0, "LUMIGRAD_MAX_BYTES: expected bytes as in 1500, 64K, 2M or 3G, got ",
                           text);
    return *bytes;
  }
  return available_memory() / 5 * 4;
}

Central::Central() {
  // A child made by fork() while another thread held the mutex would wait for it forever. The other threads' lists are
  // memory the child may reuse: it forgets them, and with them the few blocks they held.
  pthread_atfork([] { central().mutex.lock(); }, [] { central().mutex.unlock(); },
                 [] {
                   Central& all = central();
                   ThreadLists& own = own_lists();
                   own.next = nullptr;
                   all.threads = own.registered && !own.retired ? &own : nullptr;
                   all.mutex.unlock();
                 });
}

void refuse(std::size_t bytes) {
  const MemoryStats now = memory_stats();
  throw ResourceError(message("allocate: expected room for ", bytes, " bytes, got ", now.in_use,
                              " bytes in use of a budget of ", now.budget, " (LUMIGRAD_MAX_BYTES)"));
}

bool Central::reserve(std::size_t size) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (held() <= budget && size <= budget - held()) return true;
    if (attempt == 0) {
      release_bins();
      for (int index = 0; index < small_classes; ++index) sweep(index);
    }
  }
  return false;
}

void Central::release_bins() noexcept {
  for (int index = 0; index < large_classes; ++index)
    while (Block* block = bins[index]) {
      bins[index] = block->next;
      system_free(block, large_size(index));
    }
  large_cached = 0;
}

void Central::sweep(int index) noexcept {
  Shelf& shelf = shelves[index];
  const auto for_each_block = [](Block* chains, auto&& visit) {
    while (chains) {
      Block* const following = chains->next_chain;
      for (Block *block = chains, *next; block; block = next) {
        next = block->next;
        visit(block);
      }
      chains = following;
    }
  };
  for (Slab* slab = shelf.slabs; slab; slab = slab->next) slab->free = 0;
  for_each_block(shelf.chains, [](Block* block) { ++slab_of(block)->free; });

  Block* const chains = shelf.chains;
  shelf.chains = nullptr;
  shelf.blocks = 0;
  Block* head = nullptr;
  std::uint32_t count = 0;
  for_each_block(chains, [&](Block* block) {
    if (slab_of(block)->free == slab_of(block)->carved) return;
    block->next = head;
    head = block;
    if (++count == chain_length) {
      give_chain(index, head, count);
      head = nullptr;
      count = 0;
    }
  });
  if (head) give_chain(index, head, count);

  for (Slab** link = &shelf.slabs; Slab* slab = *link;) {
    if (slab->free < slab->carved) {
      link = &slab->next;
      continue;
    }
    *link = slab->next;
    small_carved -= slab->carved * small_size(index);
    slab_total -= slab_bytes;
    munmap(slab, slab_bytes);
  }
}

Block* Central::take_chain(int index) {
  Shelf& shelf = shelves[index];
  if (Block* chain = shelf.chains) {
    shelf.chains = chain->next_chain;
    shelf.blocks -= chain->count;
    return chain;
  }
  const std::size_t size = small_size(index);
  const auto capacity = static_cast<std::uint32_t>((slab_bytes - sizeof(Slab)) / size);
  if (!shelf.slabs || shelf.slabs->carved == capacity) {
    void* fresh = reserve(slab_bytes) ? map_aligned(slab_bytes, slab_bytes) : nullptr;
    if (!fresh) return nullptr;
    shelf.slabs = new (fresh) Slab{shelf.slabs, 0, 0};
    slab_total += slab_bytes;
    ++allocations;
    note_peak();
  }
  Slab* const slab = shelf.slabs;
  const std::uint32_t count = std::min(chain_length, capacity - slab->carved);
  char* const front = reinterpret_cast<char*>(slab) + sizeof(Slab) + slab->carved * size;
  Block* chain = nullptr;
  for (std::uint32_t i = count; i-- > 0;) chain = new (front + i * size) Block{chain, nullptr, 0};
  chain->count = count;
  slab->carved += count;
  small_carved += count * size;
  return chain;
}

void Central::give_chain(int index, Block* head, std::uint32_t count) noexcept {
  Shelf& shelf = shelves[index];
  head->next_chain = shelf.chains;
  head->count = count;
  shelf.chains = head;
  shelf.blocks += count;
}

void* Central::take_large(std::size_t bytes) {
  if (bytes > largest_request) refuse(bytes);
  const int index = keeps_blocks ? large_class(bytes) : 0;
  const std::size_t size = block_size(bytes);
  {
    std::unique_lock lock(mutex);
    if (Block* block = keeps_blocks ? bins[index] : nullptr) {
      bins[index] = block->next;
      large_cached -= size;
      large_used += size;
      note_peak();
      return block;
    }
    if (!reserve(size)) {
      lock.unlock();
      refuse(bytes);
    }
    large_used += size;  // the room is taken before the slow call, which needs no lock
    ++allocations;
  }
  void* block = system_allocate(size);
  if (!block) {
    empty_cache();
    block = system_allocate(size);
  }
  std::unique_lock lock(mutex);
  if (!block) {
    large_used -= size;
    lock.unlock();
    refuse(bytes);
  }
  note_peak();
  return block;
}

void Central::give_large(void* block, std::size_t bytes) noexcept {
  const int index = keeps_blocks ? large_class(bytes) : 0;
  const std::size_t size = block_size(bytes);
  {
    std::lock_guard lock(mutex);
    large_used -= size;
    // At most half the budget is kept. A full cache is emptied, not closed: sizes no longer asked for would block it.
    if (keeps_blocks && size <= budget / 2) {
      if (large_cached + size > budget / 2) release_bins();
      if (held() + size <= budget) {
        bins[index] = new (block) Block{bins[index], nullptr, 0};
        large_cached += size;
        return;
      }
    }
  }
  system_free(block, size);
}

}  // namespace lumigrad
