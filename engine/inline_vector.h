// SPDX-License-Identifier: Apache-2.0
// A vector whose first N elements need no allocation: the inputs of an operator are few, and a tape of a million nodes
// should not mean a million small arrays.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

namespace lumigrad {

/// Sequence of T, in place up to N elements and on the heap beyond. T is default-constructible and movable.
template <class T, std::size_t N>
class InlineVector {
 public:
  InlineVector() = default;
  explicit InlineVector(std::size_t count) { resize(count); }
  InlineVector(std::initializer_list<T> items) {
    for (const T& item : items) push_back(item);
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return size_ > N ? heap_.data() : local_; }
  const T* data() const { return size_ > N ? heap_.data() : local_; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }
  operator std::span<const T>() const { return {data(), size_}; }

  void push_back(T item) {
    if (size_ >= N) {
      if (size_ == N) spill();
      heap_.push_back(std::move(item));
    } else {
      local_[size_] = std::move(item);
    }
    ++size_;
  }
  void resize(std::size_t count) {
    while (size_ < count) push_back(T{});
    while (size_ > count) pop_back();
  }
  void clear() { resize(0); }

 private:
  void spill() {
    for (T& item : local_) heap_.push_back(std::exchange(item, T{}));
  }
  void pop_back() {
    if (size_ > N) {
      heap_.pop_back();
      --size_;
      if (size_ == N) {
        for (std::size_t i = 0; i < N; ++i) local_[i] = std::move(heap_[i]);
        heap_.clear();
      }
    } else {
      local_[--size_] = T{};
    }
  }

  T local_[N]{};
  std::vector<T> heap_;
  std::size_t size_ = 0;
};

}  // namespace lumigrad
