// SPDX-License-Identifier: Apache-2.0
// A vector whose first N elements need no allocation: the inputs of an operator are few, and a tape of a million nodes
// should not mean a million small arrays.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <span>
#include <utility>

namespace lumigrad {

/// Sequence of T, in place up to N elements and on the heap beyond. T is default-constructible, and moving one does not
/// throw. (The heap is a bare pointer: a unique_ptr to each of the arrays of a node costs every program that includes
/// the tape a thirtieth of the time its compiler takes.)
template <class T, std::size_t N>
class InlineVector {
 public:
  InlineVector() = default;
  explicit InlineVector(std::size_t count) : InlineVector() { resize(count); }
  InlineVector(std::initializer_list<T> items) : InlineVector() {
    for (const T& item : items) push_back(item);
  }

  InlineVector(const InlineVector& other) : InlineVector() {
    for (const T& item : other) push_back(item);
  }
  InlineVector(InlineVector&& other) noexcept : InlineVector() { swap(other); }
  InlineVector& operator=(InlineVector other) noexcept {
    swap(other);
    return *this;
  }
  ~InlineVector() { delete[] heap_; }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return heap_ ? heap_ : local_; }
  const T* data() const { return heap_ ? heap_ : local_; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }
  operator std::span<const T>() const { return {data(), size_}; }

  void push_back(T item) {
    if (size_ == capacity_) grow();
    data()[size_++] = std::move(item);
  }
  void resize(std::size_t count) {
    while (size_ < count) push_back(T{});
    while (size_ > count) data()[--size_] = T{};
  }
  void clear() { resize(0); }

 private:
  void swap(InlineVector& other) noexcept {
    for (std::size_t i = 0; i < N; ++i) std::swap(local_[i], other.local_[i]);
    std::swap(heap_, other.heap_);
    std::swap(capacity_, other.capacity_);
    std::swap(size_, other.size_);
  }
  void grow() {
    T* const larger = new T[2 * capacity_]();
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move(data()[i]);
    delete[] heap_;
    heap_ = larger;
    capacity_ *= 2;
  }

  T local_[N]{};
  T* heap_ = nullptr;
  std::size_t capacity_ = N;
  std::size_t size_ = 0;
};

}  // namespace lumigrad
