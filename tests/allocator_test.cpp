// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lumigrad/engine/allocator.h>
#include <lumigrad/engine/pages.h>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace lumigrad;

namespace {

/// A block that knows its size, for tests that hold many.
struct Held {
  explicit Held(std::size_t size) : bytes(size), data(allocate(size)) {}
  Held(Held&& other) noexcept : bytes(other.bytes), data(std::exchange(other.data, nullptr)) {}
  ~Held() { deallocate(data, bytes); }
  std::size_t bytes;
  void* data;
};

/// Restores the default budget at the end of a test.
struct BudgetGuard {
  ~BudgetGuard() { set_memory_budget(0); }
};

}  // namespace

TEST_CASE("blocks of every size are aligned, distinct and wholly writable") {
  std::vector<Held> held;
  for (std::size_t bytes : {0, 1, 63, 64, 65, 1023, 1024, 1025, 1280, 1281, 100000, 4 << 20, (4 << 20) + 1, 9000000}) {
    held.emplace_back(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(held.back().data) % block_alignment == 0);
    std::memset(held.back().data, static_cast<int>(held.size()), bytes);
  }
  for (std::size_t i = 0; i < held.size(); ++i) {
    const auto* bytes = static_cast<const unsigned char*>(held[i].data);
    if (held[i].bytes == 0) continue;
    CHECK(bytes[0] == i + 1);
    CHECK(bytes[held[i].bytes - 1] == i + 1);
  }
}

TEST_CASE("size classes cover the request with at most a quarter of slack") {
  for (std::size_t bytes = small_limit + 1; bytes < (std::size_t{1} << 40); bytes += 1 + bytes / 7) {
    const std::size_t size = large_size(large_class(bytes));
    REQUIRE(size >= bytes);
    REQUIRE(size * 4 <= bytes * 5);
    REQUIRE(large_class(size) == large_class(bytes));
    REQUIRE(large_class(size + 1) == large_class(bytes) + 1);
  }
}

TEST_CASE("a returned block is used again, without the system") {
  if (!keeps_blocks) return;
  for (std::size_t bytes : {40u, 1000u, 5000u, 20u << 20}) {
    void* first = allocate(bytes);
    deallocate(first, bytes);
    const std::size_t before = memory_stats().allocations;
    void* second = allocate(bytes);
    CHECK(second == first);
    CHECK(memory_stats().allocations == before);
    deallocate(second, bytes);
  }
}

TEST_CASE("the statistics follow what is held, and emptying the cache returns it") {
  empty_cache();
  const MemoryStats before = memory_stats();
  {
    std::vector<Held> held;
    for (int i = 0; i < 5000; ++i) held.emplace_back(200);
    held.emplace_back(std::size_t{10} << 20);
    CHECK(memory_stats().in_use >= before.in_use + 5000 * 200 + (std::size_t{10} << 20));
    CHECK(memory_stats().peak >= memory_stats().in_use);
  }
  CHECK(memory_stats().in_use == before.in_use);
  if (keeps_blocks) CHECK(memory_stats().cached >= before.cached + (std::size_t{10} << 20));
  empty_cache();
  CHECK(memory_stats().in_use == before.in_use);
  CHECK(memory_stats().cached <= before.cached + slab_bytes);
  reset_peak_memory();
  CHECK(memory_stats().peak <= memory_stats().in_use + memory_stats().cached);
}

TEST_CASE("a request over the budget says what was asked, what is in use and the budget") {
  const BudgetGuard guard;
  empty_cache();
  const std::size_t budget = memory_stats().in_use + memory_stats().cached + (std::size_t{64} << 20);
  set_memory_budget(budget);
  CHECK(memory_stats().budget == budget);
  std::string text;
  try {
    deallocate(allocate(std::size_t{1} << 30), std::size_t{1} << 30);
  } catch (const ResourceError& error) {
    text = error.what();
  }
  CHECK(text.find("1073741824") != std::string::npos);
  CHECK(text.find(std::to_string(budget)) != std::string::npos);
  CHECK(text.find("in use") != std::string::npos);
  for (int shift = 50; shift < 64; ++shift) CHECK_THROWS_AS((void)allocate(std::size_t{1} << shift), ResourceError);
  CHECK_THROWS_AS((void)allocate(~std::size_t{0}), ResourceError);
  Held fits(std::size_t{32} << 20);  // a refusal changes nothing
  CHECK(fits.data != nullptr);
}

TEST_CASE("the cache makes room before a request is refused") {
  const BudgetGuard guard;
  empty_cache();
  set_memory_budget(memory_stats().in_use + memory_stats().cached + (std::size_t{64} << 20));
  { Held cached(std::size_t{28} << 20); }
  Held other(std::size_t{40} << 20);
  CHECK(other.data != nullptr);
  CHECK_THROWS_AS(Held(std::size_t{40} << 20), ResourceError);
}

TEST_CASE("the environment sets the default budget, and nonsense there is refused") {
  const char* const before = std::getenv("LUMIGRAD_MAX_BYTES");
  const std::string saved = before ? before : "";
  setenv("LUMIGRAD_MAX_BYTES", "3G", 1);
  set_memory_budget(0);
  CHECK(memory_stats().budget == std::size_t{3} << 30);
  for (const char* text : {"plenty", "0", "3 GB", "-1"}) {
    setenv("LUMIGRAD_MAX_BYTES", text, 1);
    CHECK_THROWS_AS(set_memory_budget(0), ResourceError);
    CHECK(memory_stats().budget == std::size_t{3} << 30);
  }
  if (before)
    setenv("LUMIGRAD_MAX_BYTES", saved.c_str(), 1);
  else
    unsetenv("LUMIGRAD_MAX_BYTES");
  set_memory_budget(0);
}

TEST_CASE("small blocks count against the budget too") {
  const BudgetGuard guard;
  empty_cache();
  set_memory_budget(memory_stats().in_use + memory_stats().cached + (std::size_t{2} << 20));
  std::vector<Held> held;
  held.reserve(100000);
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 100000; ++i) held.emplace_back(128);
      }(),
      ResourceError);
  CHECK(held.size() > 1000);
}

TEST_CASE("the n-th allocation of a thread can be made to fail") {
  for (int n = 1; n <= 3; ++n) {
    AllocationFault fault(n);
    std::vector<Held> held;
    held.reserve(3);
    for (int i = 1; i <= 3; ++i) {
      if (i == n)
        CHECK_THROWS_AS(held.emplace_back(100), ResourceError);
      else
        CHECK_NOTHROW(held.emplace_back(100));
      CHECK(fault.fired() == (i >= n));
    }
  }
  CHECK_NOTHROW(Held(100));
}

TEST_CASE("blocks wander between threads and none is lost") {
  empty_cache();
  const std::size_t before = memory_stats().in_use;
  std::vector<std::vector<Held>> made(4);
  {
    std::vector<std::thread> makers;
    for (int t = 0; t < 4; ++t)
      makers.emplace_back([&, t] {
        std::mt19937 random(t);
        for (int i = 0; i < 3000; ++i) {
          made[t].emplace_back(random() % 2000);
          std::memset(made[t].back().data, t, made[t].back().bytes);
          if (i % 3 == 0) made[t].pop_back();
        }
      });
    for (auto& thread : makers) thread.join();
  }
  std::vector<std::thread> takers;
  for (int t = 0; t < 4; ++t)
    takers.emplace_back([&, t] {
      for (const Held& held : made[(t + 1) % 4])
        for (std::size_t i = 0; i < held.bytes; ++i)
          if (static_cast<unsigned char*>(held.data)[i] != (t + 1) % 4) std::abort();
      made[(t + 1) % 4].clear();
    });
  for (auto& thread : takers) thread.join();
  CHECK(memory_stats().in_use == before);
}

TEST_CASE("a thread may return blocks after its lists are gone") {
  const std::size_t before = memory_stats().in_use;
  std::thread([] {
    // Made before the thread's lists, hence destroyed after them.
    thread_local std::unique_ptr<Held> late;
    CHECK(late == nullptr);
    late = std::make_unique<Held>(100);
  }).join();
  CHECK(memory_stats().in_use == before);
}

TEST_CASE("shared objects live in pooled blocks") {
  const std::size_t before = memory_stats().in_use;
  auto number = std::allocate_shared<double>(PoolAllocator<double>(), 2.5);
  if (keeps_blocks) CHECK(memory_stats().in_use == before + 64);
  CHECK(*number == 2.5);
  std::vector<int, PoolAllocator<int>> list(1000, 7);
  CHECK(list.back() == 7);
  CHECK_THROWS_AS((void)PoolAllocator<double>().allocate(~std::size_t{0} / 4), ResourceError);
}

TEST_CASE("a forked child allocates while other threads of the parent do") {
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) Held(3000);
  });
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      { Held small(100), large(5000); }
      _exit(0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  stop = true;
  busy.join();
}
