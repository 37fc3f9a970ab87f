// SPDX-License-Identifier: Apache-2.0
// Room for what a thread keeps in the nearest cache for a moment.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

namespace lumigrad {

/// Room for `count` numbers that starts with a line of the cache: a register that straddles two of them is stored at
/// half the speed.
template <class T>
class LineRoom {
 public:
  explicit LineRoom(std::size_t count) : memory_(std::make_unique_for_overwrite<T[]>(count + line)) {
    const std::size_t off = reinterpret_cast<std::uintptr_t>(memory_.get()) / sizeof(T) % line;
    start_ = memory_.get() + (line - off) % line;
  }
  T* get() const { return start_; }

 private:
  static constexpr std::size_t line = 64 / sizeof(T);
  std::unique_ptr<T[]> memory_;
  T* start_;
};

}  // namespace lumigrad
