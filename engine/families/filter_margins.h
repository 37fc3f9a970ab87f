// SPDX-License-Identifier: Apache-2.0
// Rows of an image as windows read them.
#pragma once
#include <lumigrad/engine/callable.h>
#include <lumigrad/engine/families/filter_plan.h>
#include <lumigrad/engine/families/interpolation.h>
#include <algorithm>
#include <vector>

namespace lumigrad {

/// Rows of an image: places outside filled in by the rule of the border.
template <class T>
class Margins {
 public:
  explicit Margins(const FilterPlan& plan, T outside = T(0))
      : outside_(outside), border_(plan.border), axis_(plan.axis[2]), length_(axis_.result + axis_.taps - 1) {
    before_ = std::clamp<std::int64_t>(axis_.front, 0, length_);
    const std::int64_t end = std::clamp<std::int64_t>(axis_.image + axis_.front, before_, length_);
    inside_ = end - before_;
    for (std::int64_t i = 0; i < before_; ++i) outer_.push_back(place(i));
    for (std::int64_t i = end; i < length_; ++i) outer_.push_back(place(i));
    read_begin_ = inside_ > 0 ? first() : 0;
    read_end_ = read_begin_ + inside_;
    for (const std::int64_t source : outer_) {
      if (source < 0) continue;
      const bool none = read_begin_ == read_end_;
      read_begin_ = none ? source : std::min(read_begin_, source);
      read_end_ = none ? source + 1 : std::max(read_end_, source + 1);
    }
  }
  /// Places that a row of results reads.
  std::int64_t length() const { return length_; }
  /// True when none of them lies outside.
  bool none() const { return outer_.empty(); }
  std::int64_t first() const { return before_ - axis_.front; }  // of the places inside
  /// The part of a row of the image that is read: [read_begin, read_end).
  std::int64_t read_begin() const { return read_begin_; }
  std::int64_t read_end() const { return read_end_; }

  /// Fills `to` (length() elements) from a row of the image; null: all outside.
  void fill(const T* from, T* to) const {
    if (from == nullptr) {
      std::fill_n(to, length_, outside_);
      return;
    }
    if (inside_ > 0) std::copy_n(from + first(), inside_, to + before_);
    fill_outer(from, to);
  }
  /// The places outside alone, from a row of the image.
  void fill_outer(const T* from, T* to) const {
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(outer_.size()); ++i) {
      const std::int64_t source = outer_[static_cast<std::size_t>(i)];
      to[i < before_ ? i : i + inside_] = source < 0 ? outside_ : from[source];
    }
  }

 private:
  /// The column of the image that stands at place i, -1 where there is none.
  std::int64_t place(std::int64_t i) const { return index_at_border(i - axis_.front, axis_.image, border_); }

  T outside_;
  Border border_;
  FilterAxis axis_;
  std::int64_t length_, before_, inside_, read_begin_, read_end_;
  std::vector<std::int64_t> outer_;
};

/// The row of a plane from which result row y takes tap r; null: zeros.
template <class T>
const T* row_of(const FilterPlan& plan, const T* plane, std::int64_t slab, std::int64_t y) {
  const FilterAxis &depth = plan.axis[0], &rows = plan.axis[1];
  const std::int64_t z = index_at_border(slab - depth.front, depth.image, plan.border);
  const std::int64_t row = index_at_border(y - rows.front, rows.image, plan.border);
  return z < 0 || row < 0 ? nullptr : plane + (z * rows.image + row) * plan.axis[2].image;
}

/// Where rows of one plane are, wherever that is: of the image (a pointer to column 0, of which what the margins read
/// must be there), and of the result.
struct FilterRows {
  FunctionRef<const float*(std::int64_t)> image;
  FunctionRef<float*(std::int64_t)> result;
};
/// Rows [begin, end) of a correlation with a kernel, or with the product of a column and a row.
void filter_rows(const FilterPlan& plan, const Margins<float>& margins, FilterRows rows, const float* kernel,
                 const float* row, std::int64_t begin, std::int64_t end);

}  // namespace lumigrad
