// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lumigrad/engine/parallel.h>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace lumigrad;

namespace {

struct ThreadsGuard {
  explicit ThreadsGuard(int count) { set_num_threads(count); }
  ~ThreadsGuard() { set_num_threads(0); }
};

}  // namespace

TEST_CASE("every chunk runs once at any thread count") {
  for (int threads : {1, 2, 3, 7, 16}) {
    const ThreadsGuard guard(threads);
    CHECK(num_threads() == threads);
    for (std::int64_t chunks : {0, 1, 2, 3, 17, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(chunks));
      for (int repeat = 0; repeat < 50; ++repeat) parallel_for(chunks, [&](std::int64_t i) { ++runs[i]; });
      bool each = true;
      for (const auto& count : runs) each &= count == 50;
      CHECK(each);
    }
  }
}

TEST_CASE("the work is shared between threads") {
  const ThreadsGuard guard(3);
  std::mutex mutex;
  std::set<std::thread::id> seen;
  parallel_for(12, [&](std::int64_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  CHECK(seen.size() == 3);
  CHECK(seen.count(std::this_thread::get_id()) == 1);
}

TEST_CASE("little work stays on the caller") {
  const ThreadsGuard guard(4);
  const auto self = std::this_thread::get_id();
  bool here = true;
  parallel_for(
      9, [&](std::int64_t) { here &= std::this_thread::get_id() == self; }, 1.0);
  CHECK(here);
}

TEST_CASE("a call inside a chunk runs serially, in order") {
  const ThreadsGuard guard(4);
  std::atomic<bool> ordered{true};
  parallel_for(8, [&](std::int64_t) {
    const auto self = std::this_thread::get_id();
    std::int64_t next = 0;
    parallel_for(20, [&](std::int64_t i) {
      if (i != next++ || std::this_thread::get_id() != self) ordered = false;
    });
  });
  CHECK(ordered);
}

TEST_CASE("the exception of the lowest failing chunk arrives") {
  for (int threads : {1, 2, 7}) {
    const ThreadsGuard guard(threads);
    for (int repeat = 0; repeat < 100; ++repeat) {
      std::string text;
      std::atomic<int> below{0};
      try {
        parallel_for(64, [&](std::int64_t i) {
          if (i < 5) ++below;
          if (i == 5 || i == 6 || i > 40) throw NumericError(message("chunk ", i));
        });
      } catch (const NumericError& error) {
        text = error.what();
      }
      REQUIRE(text == "chunk 5");
      REQUIRE(below == 5);
    }
    std::atomic<int> after{0};  // the pool is as good as before
    parallel_for(10, [&](std::int64_t) { ++after; });
    CHECK(after == 10);
  }
}

TEST_CASE("several threads may open regions at once") {
  const ThreadsGuard guard(3);
  std::atomic<std::int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 40; ++t)  // more than the pool has slots
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 50; ++repeat) parallel_for(10, [&](std::int64_t i) { sum += i; });
    });
  for (auto& caller : callers) caller.join();
  CHECK(sum == 40 * 50 * 45);
}

TEST_CASE("the thread count may change while regions run") {
  const ThreadsGuard guard(2);
  std::atomic<bool> stop{false};
  std::thread changer([&] {
    for (int i = 0; !stop; ++i) set_num_threads(1 + i % 5);
  });
  std::int64_t total = 0;
  for (int repeat = 0; repeat < 2000; ++repeat) {
    std::atomic<int> count{0};
    parallel_for(6, [&](std::int64_t) { ++count; });
    total += count;
  }
  stop = true;
  changer.join();
  CHECK(total == 12000);
}

TEST_CASE("workers that sleep wake up for the next region") {
  const ThreadsGuard guard(3);
  for (int repeat = 0; repeat < 20; ++repeat) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::atomic<int> count{0};
    parallel_for(5, [&](std::int64_t) { ++count; });
    CHECK(count == 5);
  }
}

TEST_CASE("thread counts outside 0 to 1024 are refused") {
  const int before = num_threads();
  CHECK_THROWS_AS(set_num_threads(-1), ResourceError);
  CHECK_THROWS_AS(set_num_threads(1000000), ResourceError);
  CHECK(num_threads() == before);
}

TEST_CASE("the environment sets the default thread count, and nonsense there is refused") {
  const char* const before = std::getenv("LUMIGRAD_THREADS");
  const std::string saved = before ? before : "";
  setenv("LUMIGRAD_THREADS", "5", 1);
  set_num_threads(0);
  CHECK(num_threads() == 5);
  for (const char* text : {"all", "0", "-2", "4 threads", "1000000"}) {
    setenv("LUMIGRAD_THREADS", text, 1);
    CHECK_THROWS_AS(set_num_threads(0), ResourceError);
    CHECK(num_threads() == 5);
  }
  if (before)
    setenv("LUMIGRAD_THREADS", saved.c_str(), 1);
  else
    unsetenv("LUMIGRAD_THREADS");
  set_num_threads(0);
}

TEST_CASE("a program's own executor runs the chunks") {
  const ThreadsGuard guard(2);
  std::int64_t asked = 0;
  set_executor([&](std::int64_t chunks, FunctionRef<void(std::int64_t)> body) {
    asked += chunks;
    for (std::int64_t i = chunks; i-- > 0;) body(i);
  });
  int count = 0;
  parallel_for(7, [&](std::int64_t) { ++count; });
  CHECK(asked == 7);
  CHECK(count == 7);
  std::string text;
  try {
    parallel_for(9, [](std::int64_t i) {
      if (i > 3) throw NumericError(std::to_string(i));
    });
  } catch (const NumericError& error) {
    text = error.what();
  }
  CHECK(text == "4");
  set_executor({});
  parallel_for(7, [](std::int64_t) {});
  CHECK(asked == 16);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LUMIGRAD_THREAD_SANITIZER
#endif
#endif
#if !defined(__SANITIZE_THREAD__) && !defined(LUMIGRAD_THREAD_SANITIZER)  // it forbids threads in forked children
TEST_CASE("a forked child gets workers of its own") {
  const ThreadsGuard guard(3);
  parallel_for(10, [](std::int64_t) {});
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<int> count{0};
    for (int repeat = 0; repeat < 100; ++repeat) parallel_for(10, [&](std::int64_t) { ++count; });
    _exit(count == 1000 ? 0 : 1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
#endif

TEST_CASE("a function reference calls what it refers to") {
  int base = 10;
  auto add = [&](int x) { return base + x; };
  FunctionRef<int(int)> call = add;
  base = 20;
  CHECK(call(1) == 21);
  const FunctionRef<int(int)> copy = call;
  CHECK(copy(2) == 22);
}
