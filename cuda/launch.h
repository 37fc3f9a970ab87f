// SPDX-License-Identifier: Apache-2.0
// How a kernel is written here, so that the same lines run on a GPU and, for tests, on the host.
//
// A kernel is the body of a loop: a small copyable struct with a call operator. There are two ways to run one:
//
//   for_each(place, n, body)                          body(i) for i = 0 ... n - 1, in any order, one thread each
//   for_each_block(place, blocks, threads, bytes, body)   body(block) for every block of cooperating threads
//
// A body that runs by block is written for any number of threads: its loops read
// `for (i = block.thread(); i < n; i += block.threads())`, threads meet at block.sync(), share block.shared<T>(), and
// add up with block.sum(). Compiled by nvcc these are what their names say. Compiled for the stand-in
// (LUMIGRAD_STANDIN) a block has one thread: sync() does nothing, sum(v) is v, and for_each is a for loop. So one
// source is both the device kernel and its own test on a machine without a GPU. Whether a sync() was forgotten shows in
// a stand-in compiled with LUMIGRAD_TEAM=8 under the thread sanitizer: there a block has so many threads.
//
// Every for_each is one launch in the order of place.stream. Nothing here waits.
#pragma once
#include <lumigrad/engine/device/array.h>
#include <lumigrad/engine/math.h>
#include <limits>
#if defined(LUMIGRAD_STANDIN)
#include <cstdlib>
#include <functional>
#include <vector>
#if defined(LUMIGRAD_TEAM)
#include <barrier>
#include <thread>
#endif
#else
#include <cuda_runtime.h>
#endif

namespace lumigrad::cuda {

using device::Array;
using device::Code;
using device::Place;
using device::Status;

inline constexpr int default_threads = 256;

#if defined(LUMIGRAD_STANDIN)

/// On the call operator of a body that runs by block, or that only a kernel can run.
#define LUMIGRAD_KERNEL

/// Adds to a number that other threads add to as well. Whole numbers only: their sum does not depend on the order.
inline void atomic_add(std::int64_t* to, std::int64_t value) { __atomic_fetch_add(to, value, __ATOMIC_RELAXED); }
/// Makes a number the lesser of what it is and `value`, and returns what it was.
inline std::int32_t atomic_min(std::int32_t* to, std::int32_t value) {
  std::int32_t was = __atomic_load_n(to, __ATOMIC_RELAXED);
  while (value < was && !__atomic_compare_exchange_n(to, &was, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return was;
}

inline Status launched() { return {}; }

/// The work of a step that is being recorded. The stand-in's stream is where a pointer to it stands; where that is
/// null, work is done on the spot.
using Recording = std::vector<std::function<void()>>;
inline void keep(Recording& recording, std::function<void()> work) { recording.push_back(std::move(work)); }
/// Does work of the host that stands for a launch, now or when it is replayed.
template <class Work>
Status run(Place place, const Work& work) {
  if (auto* const recording = *static_cast<Recording**>(place.stream))
    keep(*recording, work);
  else
    work();
  return {};
}

#if !defined(LUMIGRAD_TEAM)
#define LUMIGRAD_TEAM 1
#endif
inline constexpr int team_size = LUMIGRAD_TEAM;

/// Where the threads of a block meet, and what they show each other there.
struct Team {
#if LUMIGRAD_TEAM > 1
  std::barrier<> barrier{team_size};
  void meet() { barrier.arrive_and_wait(); }
#else
  void meet() {}
#endif
  const void* shown[team_size] = {};
};

/// The threads of one block, seen by one of them.
class Block {
 public:
  Block(std::int64_t index, unsigned char* shared, int thread, Team& team)
      : index_(index), shared_(shared), thread_(thread), team_(&team) {}
  std::int64_t index() const { return index_; }
  int thread() const { return thread_; }
  int threads() const { return team_size; }
  void sync() const { team_->meet(); }
  template <class T>
  T* shared() const {
    return reinterpret_cast<T*>(shared_);
  }
  template <class T, class Join>
  T join(T value, Join join) const {
    team_->shown[thread_] = &value;
    sync();
    T total = *static_cast<const T*>(team_->shown[0]);
    for (int t = 1; t < team_size; ++t) total = join(total, *static_cast<const T*>(team_->shown[t]));
    sync();
    return total;
  }
  template <class T>
  T sum(T value) const {
    return join(value, [](const T& a, const T& b) { return a + b; });
  }

 private:
  std::int64_t index_;
  unsigned char* shared_;
  int thread_;
  Team* team_;
};

template <class Body>
Status for_each(Place place, std::int64_t n, const Body& body) {
  return run(place, [n, body] {
    if (n <= std::numeric_limits<std::int32_t>::max())
      for (std::int32_t i = 0; i < static_cast<std::int32_t>(n); ++i) body(i);
    else
      for (std::int64_t i = 0; i < n; ++i) body(i);
  });
}

/// A body of any type: there are hundreds, and one function runs the blocks of all.
struct AnyBody {
  const void* body;
  void (*call)(const void* body, const Block& block);
};

inline void run_blocks(std::int64_t blocks, std::size_t shared_bytes, const AnyBody& any) {
  std::vector<std::max_align_t> shared(shared_bytes / sizeof(std::max_align_t) + 1);
  Team team;
  const auto work = [&](int thread) {
    for (std::int64_t b = 0; b < blocks; ++b) {
      any.call(any.body, Block(b, reinterpret_cast<unsigned char*>(shared.data()), thread, team));
      team.meet();
    }
  };
#if LUMIGRAD_TEAM > 1
  std::vector<std::thread> others;
  for (int t = 1; t < team_size; ++t) others.emplace_back(work, t);
  work(0);
  for (std::thread& other : others) other.join();
#else
  work(0);
#endif
}

template <class Body>
Status for_each_block(Place place, std::int64_t blocks, int, std::size_t shared_bytes, const Body& body) {
  return run(place, [blocks, shared_bytes, body] {
    run_blocks(blocks, shared_bytes,
               {&body, [](const void* of, const Block& block) { (*static_cast<const Body*>(of))(block); }});
  });
}

#else

#define LUMIGRAD_KERNEL __device__

__device__ inline void atomic_add(std::int64_t* to, std::int64_t value) {
  atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
}
__device__ inline std::int32_t atomic_min(std::int32_t* to, std::int32_t value) { return atomicMin(to, value); }

/// What the last launch of this thread says; an error that is not about memory means the device is lost.
Status launched();

/// The threads of one block, seen by one of them.
class Block {
 public:
  __device__ std::int64_t index() const { return blockIdx.x; }
  __device__ int thread() const { return static_cast<int>(threadIdx.x); }
  __device__ int threads() const { return static_cast<int>(blockDim.x); }
  __device__ void sync() const { __syncthreads(); }
  template <class T>
  __device__ T* shared() const {
    extern __shared__ __align__(16) unsigned char memory[];
    return reinterpret_cast<T*>(memory);
  }
  /// All threads' values joined in a fixed order; every thread gets the result. `join` is associative.
  template <class T, class Join>
  __device__ T join(T value, Join join) const {
    __shared__ T of_warp[32];
    const int lane = thread() % 32, warp = thread() / 32, warps = (threads() + 31) / 32;
    for (int step = 16; step > 0; step /= 2) {
      const T other = from_lane(value, lane + step);
      if (lane + step < 32 && thread() + step < threads()) value = join(value, other);
    }
    if (lane == 0) of_warp[warp] = value;
    sync();
    T total = of_warp[0];
    for (int w = 1; w < warps; ++w) total = join(total, of_warp[w]);
    sync();
    return total;
  }
  template <class T>
  __device__ T sum(T value) const {
    return join(value, [](const T& a, const T& b) { return a + b; });
  }

 private:
  template <class T>
  static __device__ T from_lane(const T& value, int lane) {
    constexpr int words = (sizeof(T) + 3) / 4;
    int from[words] = {}, to[words];
    memcpy(from, &value, sizeof(T));
    for (int i = 0; i < words; ++i) to[i] = __shfl_sync(0xffffffffu, from[i], lane & 31);
    T result;
    memcpy(&result, to, sizeof(T));
    return result;
  }
};

template <class Index, class Body>
__global__ void __launch_bounds__(default_threads) each_kernel(const __grid_constant__ Body body, Index n) {
  const auto i = static_cast<Index>(blockIdx.x) * default_threads + static_cast<Index>(threadIdx.x);
  if (i < n) body(i);
}

template <class Body>
__global__ void block_kernel(const __grid_constant__ Body body) {
  body(Block());
}

template <class Body>
Status for_each(Place place, std::int64_t n, const Body& body) {
  if (n <= 0) return {};
  const std::int64_t blocks = (n + default_threads - 1) / default_threads;
  if (blocks > std::numeric_limits<std::int32_t>::max())
    return {Code::unsupported, "more elements than a grid can have"};
  cudaSetDevice(place.device);  // of this thread; costs nothing where it is that one already
  const auto stream = static_cast<cudaStream_t>(place.stream);
  if (n <= std::numeric_limits<std::int32_t>::max() - default_threads)
    each_kernel<std::int32_t>
        <<<static_cast<unsigned>(blocks), default_threads, 0, stream>>>(body, static_cast<std::int32_t>(n));
  else
    each_kernel<std::int64_t><<<static_cast<unsigned>(blocks), default_threads, 0, stream>>>(body, n);
  return launched();
}

template <class Body>
Status for_each_block(Place place, std::int64_t blocks, int threads, std::size_t shared_bytes, const Body& body) {
  if (blocks <= 0) return {};
  if (blocks > std::numeric_limits<std::int32_t>::max()) return {Code::unsupported, "more blocks than a grid can have"};
  cudaSetDevice(place.device);
  if (shared_bytes > 48 * 1024) {  // granted to the kernel, not to the launch: the same for whoever asks
    int most = 0;
    cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, place.device);
    if (shared_bytes > static_cast<std::size_t>(most))
      return {Code::unsupported, "more shared memory than a block of this device can have"};
    if (cudaFuncSetAttribute(block_kernel<Body>, cudaFuncAttributeMaxDynamicSharedMemorySize, most) != cudaSuccess)
      return launched();
  }
  block_kernel<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threads), shared_bytes,
                 static_cast<cudaStream_t>(place.stream)>>>(body);
  return launched();
}

#endif

/// Memory for the time of a call, given back in the order of the stream.
class Scratch {
 public:
  Scratch(Place place, std::size_t bytes);
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();
  Status status() const { return status_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(block_);
  }

 private:
  int device_;
  std::size_t bytes_;
  void* block_ = nullptr;
  Status status_;
};

/// Returns from a function that returns a Status when a step of it failed.
#define LUMIGRAD_TRY(call)                                                                                             \
  do {                                                                                                                 \
    if (const ::lumigrad::device::Status status_of_step = (call); status_of_step.code != ::lumigrad::device::Code::ok) \
      return status_of_step;                                                                                           \
  } while (false)

}  // namespace lumigrad::cuda
