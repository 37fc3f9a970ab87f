// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/machine.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/worker_pool.h>
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>

namespace lumigrad {
namespace {

using Body = FunctionRef<void(std::int64_t)>;

// Below this a second thread costs more than it brings: waking it, and moving the data to its caches.
constexpr double serial_microseconds = 10;
// Each further thread should find at least this much to do.
constexpr double share_microseconds = 5;
// What one slot of the pool holds; more chunks run as several regions.
constexpr std::int64_t region_chunks = std::int64_t{1} << 31;

thread_local bool inside_region = false;

/// Marks the thread as working on a region; nests.
class Inside {
 public:
  Inside() noexcept : before_(std::exchange(inside_region, true)) {}
  ~Inside() { inside_region = before_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  bool before_;
};

/// The exception of the lowest chunk that threw. Chunks are claimed in ascending order, so those below it have been
/// claimed and run; those above it are skipped.
class FirstFailure {
 public:
  bool covers(std::int64_t chunk) const { return chunk > chunk_.load(std::memory_order_relaxed); }
  void keep(std::int64_t chunk, std::exception_ptr error) {
    std::lock_guard lock(mutex_);
    if (chunk >= chunk_.load(std::memory_order_relaxed)) return;
    chunk_.store(chunk, std::memory_order_relaxed);
    error_ = std::move(error);
  }
  void raise() {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::atomic<std::int64_t> chunk_{std::numeric_limits<std::int64_t>::max()};
  std::mutex mutex_;
  std::exception_ptr error_;
};

int default_threads() {
  if (const char* text = std::getenv("LUMIGRAD_THREADS"); text && *text) {
    int count = 0;
    const char* const end = text + std::strlen(text);
    const auto result = std::from_chars(text, end, count);
    require<ResourceError>(result.ec == std::errc() && result.ptr == end && count >= 1 && count <= max_threads,
                           "LUMIGRAD_THREADS: expected 1 to ", max_threads, ", got ", text);
    return count;
  }
  return std::min(available_processors(), max_threads);
}

std::atomic<int>& thread_count() {
  static std::atomic<int> count{default_threads()};
  return count;
}

/// The executor in force. Never destroyed, as regions may run during static destruction.
struct ExecutorSeat {
  std::mutex mutex;
  std::shared_ptr<const Executor> executor;
  std::atomic<bool> occupied{false};
};
ExecutorSeat& executor_seat() {
  static ExecutorSeat* const seat = new ExecutorSeat;
  return *seat;
}

std::shared_ptr<const Executor> host_executor() {
  ExecutorSeat& seat = executor_seat();
  if (!seat.occupied.load(std::memory_order_acquire)) return nullptr;
  std::lock_guard lock(seat.mutex);
  return seat.executor;
}

void run_serially(std::int64_t chunks, Body body) {
  for (std::int64_t i = 0; i < chunks; ++i) body(i);
}

}  // namespace

int num_threads() { return thread_count().load(std::memory_order_relaxed); }

void set_num_threads(int count) {
  require<ResourceError>(count >= 0 && count <= max_threads, "set_num_threads: expected 0 to ", max_threads, ", got ",
                         count);
  if (count == 0) count = default_threads();
  thread_count().store(count, std::memory_order_relaxed);
  WorkerPool::instance().limit(count - 1);
}

void set_executor(Executor executor) {
  ExecutorSeat& seat = executor_seat();
  std::shared_ptr<const Executor> next;
  if (executor) next = std::make_shared<const Executor>(std::move(executor));
  std::lock_guard lock(seat.mutex);
  seat.occupied.store(next != nullptr, std::memory_order_release);
  seat.executor.swap(next);
}

void parallel_for(std::int64_t chunks, FunctionRef<void(std::int64_t)> body, double microseconds_per_chunk) {
  const double cost = microseconds_per_chunk * static_cast<double>(chunks);
  if (chunks <= 1 || inside_region || (cost > 0 && cost < serial_microseconds)) return run_serially(chunks, body);
  const int threads = num_threads();
  if (threads == 1) return run_serially(chunks, body);

  FirstFailure failure;
  const auto guarded = [&](std::int64_t chunk) {
    if (failure.covers(chunk)) return;
    const Inside inside;
    try {
      body(chunk);
    } catch (...) {
      failure.keep(chunk, std::current_exception());
    }
  };

  if (const auto executor = host_executor()) {
    (*executor)(chunks, guarded);
    return failure.raise();
  }
  std::int64_t helpers = std::min<std::int64_t>(threads, chunks) - 1;
  if (cost > 0)
    helpers = std::clamp<std::int64_t>(static_cast<std::int64_t>(cost / share_microseconds) - 1, 1, helpers);
  for (std::int64_t first = 0; first < chunks; first += region_chunks) {
    const std::int64_t count = std::min(region_chunks, chunks - first);
    const auto shifted = [&](std::int64_t chunk) { guarded(first + chunk); };
    WorkerPool::instance().run(static_cast<std::uint32_t>(count), shifted, static_cast<int>(helpers));
    failure.raise();
  }
}

}  // namespace lumigrad
