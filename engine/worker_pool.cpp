// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <signal.h>

#include <lumigrad/engine/worker_pool.h>
#include <algorithm>
#include <bit>
#include <chrono>
#include <system_error>
#include <thread>

namespace lumigrad {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::microseconds spin_time{20};

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Spins until `done()`, for some 20 microseconds at most; the clock is read seldom, as it costs more than a look.
template <class Done>
bool spin(Done done) {
  const auto end = Clock::now() + spin_time;
  do {
    for (int look = 0; look < 32; ++look) {
      if (done()) return true;
      pause();
    }
  } while (Clock::now() < end);
  return done();
}

std::atomic<WorkerPool*> current{nullptr};

}  // namespace

WorkerPool& WorkerPool::instance() {
  if (WorkerPool* pool = current.load(std::memory_order_acquire)) return *pool;
  static const int once = pthread_atfork(nullptr, nullptr, [] { current.store(nullptr, std::memory_order_release); });
  (void)once;
  WorkerPool* fresh = new WorkerPool;
  WorkerPool* expected = nullptr;
  if (current.compare_exchange_strong(expected, fresh, std::memory_order_acq_rel)) return *fresh;
  delete fresh;  // another thread was first; this one has no worker yet
  return *expected;
}

/// Claims and runs chunks until none is left; true when it ran any. `worker`: -1 is the caller.
bool WorkerPool::work(Slot& slot, int worker) {
  bool any = false;
  std::uint64_t ticket = slot.ticket.load(std::memory_order_acquire);
  while (const auto left = static_cast<std::uint32_t>(ticket)) {
    // Read after the ticket: who set a limit and then opened this region is obeyed by a worker that slept in between.
    if (worker >= limit_.load(std::memory_order_relaxed)) return any;
    if (!slot.ticket.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel, std::memory_order_acquire))
      continue;
    const std::uint32_t chunks = slot.chunks;
    (*slot.body)(static_cast<std::int64_t>(chunks - left));
    any = true;
    // The last one wakes the caller if it sleeps. After this line the slot may serve another region.
    if (slot.finished.fetch_add(1, std::memory_order_acq_rel) + 1 == chunks) slot.finished.notify_all();
    ticket = slot.ticket.load(std::memory_order_acquire);
  }
  return any;
}

void WorkerPool::wait_for(Slot& slot, std::uint32_t chunks) {
  const auto done = [&] { return slot.finished.load(std::memory_order_acquire) == chunks; };
  if (spin(done)) return;
  for (;;) {
    const std::uint32_t seen = slot.finished.load(std::memory_order_acquire);
    if (seen == chunks) return;
    slot.finished.wait(seen, std::memory_order_acquire);
  }
}

void WorkerPool::run(std::uint32_t chunks, Body body, int helpers) {
  std::uint32_t taken = taken_.load(std::memory_order_relaxed);
  int index = -1;
  while (helpers > 0 && taken != ~std::uint32_t{0}) {
    const std::uint32_t bit = ~taken & (taken + 1);  // the lowest free slot
    if (taken_.compare_exchange_weak(taken, taken | bit, std::memory_order_acquire, std::memory_order_relaxed)) {
      index = std::countr_zero(bit);
      break;
    }
  }
  if (index < 0) {  // more regions at once than slots: there is no processor to spare
    for (std::uint32_t i = 0; i < chunks; ++i) body(i);
    return;
  }
  if (started_.load(std::memory_order_relaxed) < helpers) start(helpers);

  Slot& slot = slots_[index];
  slot.chunks = chunks;
  slot.body = &body;
  slot.finished.store(0, std::memory_order_relaxed);
  const std::uint64_t generation = (slot.ticket.load(std::memory_order_relaxed) >> 32) + 1;
  slot.ticket.store(generation << 32 | chunks, std::memory_order_release);
  open_.fetch_or(1u << index, std::memory_order_release);
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  // A worker that is about to sleep counts itself before it looks at the epoch a last time: one of us sees the other.
  if (const int asleep = sleepers_.load(std::memory_order_seq_cst); asleep > 0) {
    if (asleep <= helpers)
      epoch_.notify_all();
    else
      for (int i = 0; i < helpers; ++i) epoch_.notify_one();
  }
  work(slot, -1);
  open_.fetch_and(~(1u << index), std::memory_order_relaxed);
  wait_for(slot, chunks);
  taken_.fetch_and(~(1u << index), std::memory_order_release);
}

/// One look at all open regions; true when a chunk was run.
bool WorkerPool::help(int worker) {
  bool any = false;
  for (std::uint32_t open = open_.load(std::memory_order_acquire); open != 0; open &= open - 1)
    any |= work(slots_[std::countr_zero(open)], worker);
  return any;
}

void WorkerPool::serve(int worker) {
  for (;;) {
    const int epoch = epoch_.load(std::memory_order_seq_cst);
    if (worker >= limit_.load(std::memory_order_relaxed)) {
      std::lock_guard lock(mutex_);
      if (worker >= limit_.load(std::memory_order_relaxed)) {
        alive_[worker] = false;
        return;
      }
    }
    if (help(worker)) continue;
    if (spin([&] { return epoch_.load(std::memory_order_relaxed) != epoch; })) continue;
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    epoch_.wait(epoch, std::memory_order_seq_cst);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
  }
}

void WorkerPool::start(int workers) {
  std::lock_guard lock(mutex_);
  workers = std::min(workers, limit_.load(std::memory_order_relaxed));
  // The host program's signal handlers run on its own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int count = 0;
  try {
    for (; count < workers; ++count)
      if (!alive_[count]) {
        std::thread([this, count] { serve(count); }).detach();
        alive_[count] = true;
      }
  } catch (const std::system_error&) {
    // The system gives no more threads. The callers do the work; the next region tries again.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  started_.store(std::max(count, started_.load(std::memory_order_relaxed)), std::memory_order_relaxed);
}

void WorkerPool::limit(int workers) {
  std::lock_guard lock(mutex_);
  limit_.store(workers, std::memory_order_relaxed);
  started_.store(std::min(workers, started_.load(std::memory_order_relaxed)), std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  epoch_.notify_all();
}

}  // namespace lumigrad
