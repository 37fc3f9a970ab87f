// SPDX-License-Identifier: Apache-2.0
// The library's own threads, behind parallel_for(). Internal to the engine.
//
// A region is a slot whose ticket packs a generation and the number of chunks not yet claimed. Whoever takes the ticket
// one down owns a chunk. The caller claims too and can finish everything alone, so a worker that the system does not
// run (a busy machine, a debugger) delays nobody: it holds no chunk. A worker that comes late finds another generation
// and its claim fails; what a claim found is valid until that chunk is done, because the caller waits for it. Waiting
// is spinning for some 20 microseconds and then sleeping in the kernel.
#pragma once
#include <lumigrad/engine/callable.h>
#include <atomic>
#include <cstdint>
#include <mutex>

namespace lumigrad {

inline constexpr int max_threads = 1024;

class WorkerPool {
 public:
  /// Runs body(0) ... body(chunks - 1) on the caller and up to `helpers` workers. The bodies must not throw.
  /// 0 < chunks < 2^32.
  void run(std::uint32_t chunks, FunctionRef<void(std::int64_t)> body, int helpers);

  /// Workers above this number end, missing ones start with the next region that wants them.
  void limit(int workers);

  /// The process's pool, made on first use and never destroyed: its threads may outlive every static object. A child
  /// made by fork() has no worker and gets a fresh pool.
  static WorkerPool& instance();

 private:
  using Body = FunctionRef<void(std::int64_t)>;

  struct alignas(64) Slot {
    std::atomic<std::uint64_t> ticket{0};    // generation << 32 | chunks not yet claimed
    std::atomic<std::uint32_t> finished{0};  // chunks done
    std::uint32_t chunks = 0;
    const Body* body = nullptr;
  };
  static constexpr int slots = 32;

  bool work(Slot& slot, int worker);
  void serve(int worker);
  void start(int workers);
  bool help(int worker);
  static void wait_for(Slot& slot, std::uint32_t chunks);

  Slot slots_[slots];
  std::atomic<std::uint32_t> taken_{0};    // slots with a caller
  std::atomic<std::uint32_t> open_{0};     // slots that may have unclaimed chunks
  alignas(64) std::atomic<int> epoch_{0};  // moves when work appears or the limit changes
  std::atomic<int> sleepers_{0};
  std::atomic<int> started_{0};
  std::atomic<int> limit_{max_threads};
  std::mutex mutex_;
  bool alive_[max_threads] = {};
};

}  // namespace lumigrad
