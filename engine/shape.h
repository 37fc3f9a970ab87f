// SPDX-License-Identifier: Apache-2.0
// Sizes of a tensor. A Shape is a value of up to eight extents; its constructor is the one gate through which every
// size enters the library, so that nothing behind it can overflow.
#pragma once
#include <lumigrad/engine/error.h>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace lumigrad {

inline constexpr int max_rank = 8;

/// Extents of a tensor, outermost first. Rank 0 is a scalar with one element.
class LUMIGRAD_API Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents);
  /// Throws ShapeError for more than eight extents, a negative one, or a total (zeros left out) beyond 2^59 elements.
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }
  /// Number of elements: the product of the extents, 1 for a scalar.
  std::int64_t numel() const { return numel_; }
  /// Extent of an axis; negative axes count from the end. The axis must exist (another reads some extent, not memory
  /// outside).
  std::int64_t operator[](int axis) const {
    return extents_[static_cast<std::size_t>(axis < 0 ? axis + rank_ : axis) % max_rank];
  }
  const std::int64_t* begin() const { return extents_.data(); }
  const std::int64_t* end() const { return extents_.data() + rank_; }
  std::span<const std::int64_t> extents() const;

  /// The same shape with one extent replaced / removed / put in before `axis`.
  Shape with(int axis, std::int64_t extent) const;
  Shape without(int axis) const;
  Shape inserted(int axis, std::int64_t extent) const;

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }

 private:
  std::array<std::int64_t, max_rank> extents_{};
  std::int64_t numel_ = 1;
  int rank_ = 0;
};

/// Steps in elements from one index to the next, an entry an axis. May be zero (broadcast) or negative.
using Strides = std::array<std::int64_t, max_rank>;

/// Row-major strides of a dense tensor.
LUMIGRAD_API Strides dense_strides(const Shape& shape);
/// The shape both broadcast to, aligned at the last axis; throws ShapeError naming `op` and both shapes.
LUMIGRAD_API Shape broadcast(std::string_view op, const Shape& a, const Shape& b);
/// Axis in [0, rank) for an axis in [-rank, rank); throws ShapeError naming `op`.
LUMIGRAD_API int checked_axis(std::string_view op, int axis, int rank);
/// "[2, 3, 4]"
LUMIGRAD_API std::string to_string(const Shape& shape);

}  // namespace lumigrad
