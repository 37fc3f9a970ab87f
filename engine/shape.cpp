// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/shape.h>
#include <algorithm>
#include <vector>

namespace lumigrad {

Shape::Shape(std::span<const std::int64_t> extents) {
  require<ShapeError>(extents.size() <= max_rank, "shape: expected at most 8 axes, got ", extents.size());
  rank_ = static_cast<int>(extents.size());
  std::int64_t product = 1;  // of the non-zero extents, so that strides cannot overflow either
  for (int i = 0; i < rank_; ++i) {
    const std::int64_t extent = extents[static_cast<std::size_t>(i)];
    require<ShapeError>(extent >= 0, "shape: expected extents >= 0, got ", extent, " at axis ", i);
    extents_[static_cast<std::size_t>(i)] = extent;
    numel_ *= extent == 0 ? 0 : 1;
    if (extent == 0) continue;
    require<ShapeError>(!__builtin_mul_overflow(product, extent, &product) && product <= (std::int64_t{1} << 59),
                        "shape: expected at most 2^59 elements, got more at axis ", i);
  }
  if (numel_ != 0) numel_ = product;
}

Shape::Shape(std::initializer_list<std::int64_t> extents)
    : Shape(std::span<const std::int64_t>(extents.begin(), extents.size())) {}

std::span<const std::int64_t> Shape::extents() const { return {begin(), end()}; }

Shape Shape::with(int axis, std::int64_t extent) const {
  std::array<std::int64_t, max_rank> copy = extents_;
  copy[static_cast<std::size_t>(checked_axis("shape", axis, rank_))] = extent;
  return Shape(std::span<const std::int64_t>(copy.data(), static_cast<std::size_t>(rank_)));
}

Shape Shape::without(int axis) const {
  std::vector<std::int64_t> copy(begin(), end());
  copy.erase(copy.begin() + checked_axis("shape", axis, rank_));
  return Shape(copy);
}

Shape Shape::inserted(int axis, std::int64_t extent) const {
  std::vector<std::int64_t> copy(begin(), end());
  copy.insert(copy.begin() + checked_axis("shape", axis, rank_ + 1), extent);
  return Shape(copy);
}

Strides dense_strides(const Shape& shape) {
  Strides strides{};
  std::int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[static_cast<std::size_t>(i)] = step;
    step *= std::max<std::int64_t>(shape[i], 1);
  }
  return strides;
}

Shape broadcast(std::string_view op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const int rank = std::max(a.rank(), b.rank());
  std::array<std::int64_t, max_rank> extents{};
  for (int i = 0; i < rank; ++i) {
    const int in_a = i - (rank - a.rank()), in_b = i - (rank - b.rank());
    const std::int64_t ea = in_a < 0 ? 1 : a[in_a], eb = in_b < 0 ? 1 : b[in_b];
    require<ShapeError>(ea == eb || ea == 1 || eb == 1, op, ": expected shapes that broadcast, got ", a, " and ", b);
    extents[static_cast<std::size_t>(i)] = ea == 1 ? eb : ea;
  }
  return Shape(std::span<const std::int64_t>(extents.data(), static_cast<std::size_t>(rank)));
}

int checked_axis(std::string_view op, int axis, int rank) {
  require<ShapeError>(axis >= -rank && axis < rank, op, ": expected an axis in [", -rank, ", ", rank - 1, "], got ",
                      axis);
  return axis < 0 ? axis + rank : axis;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (int i = 0; i < shape.rank(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace lumigrad
