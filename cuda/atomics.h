// SPDX-License-Identifier: Apache-2.0
// Additions of floating-point numbers to memory that threads share. Such sums depend on the order of the threads in
// their last bits: no kernel takes them unless it was asked to, or unless they are not finite anyway. What has to be
// the same in every call is added as integers (atomic_add of launch.h, fixed_point.cuh).
#pragma once
#include <lumigrad/cuda/launch.h>
#if defined(LUMIGRAD_STANDIN)
#include <atomic>
#endif

namespace lumigrad::cuda {

template <class T>
LUMIGRAD_KERNEL inline void add_in_any_order(T* to, T value) {
#if defined(LUMIGRAD_STANDIN)
  std::atomic_ref<T>(*to).fetch_add(value, std::memory_order_relaxed);
#else
  atomicAdd(to, value);
#endif
}

}  // namespace lumigrad::cuda
