// SPDX-License-Identifier: Apache-2.0
// Room for what a thread keeps in the nearest cache for a moment.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

namespace lumigrad {

/// Room for `count` numbers that starts with a line of the cache: a register that straddles two of them is stored at
/// half the speed. Up to `near` of them need no allocation.
template <class T, std::size_t near = 0>
class LineRoom {
 public:
  explicit LineRoom(std::size_t count) {
    if (count <= near) {
      start_ = near_;
      return;
    }
    memory_ = std::make_unique_for_overwrite<T[]>(count + line);
    const std::size_t off = reinterpret_cast<std::uintptr_t>(memory_.get()) / sizeof(T) % line;
    start_ = memory_.get() + (line - off) % line;
  }
  LineRoom(const LineRoom&) = delete;
  LineRoom& operator=(const LineRoom&) = delete;
  T* get() const { return start_; }

 private:
  static constexpr std::size_t line = 64 / sizeof(T);
  alignas(near > 0 ? 64 : alignof(T)) T near_[near > 0 ? near : 1];
  std::unique_ptr<T[]> memory_;
  T* start_;
};

}  // namespace lumigrad
