// SPDX-License-Identifier: Apache-2.0
// Lines: a dense tensor seen along one axis, as [outer, extent, inner]. Operators that work along an axis treat each of
// its outer x inner lines alone.
#pragma once
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/tensor.h>
#include <algorithm>

namespace lumigrad {

struct Lines {
  std::int64_t outer = 1, extent = 1, inner = 1;

  Lines(const Shape& shape, int axis) : extent(shape[axis]) {
    for (int i = 0; i < shape.rank(); ++i) (i < axis ? outer : inner) *= i == axis ? 1 : shape[i];
  }
  std::int64_t count() const { return outer * inner; }
  /// The first element of a line; its elements lie `inner` apart.
  std::int64_t begin(std::int64_t line) const { return line / inner * extent * inner + line % inner; }
};

/// Neighbouring lines o x [first, first + count), which one job takes together.
struct LineBlock {
  std::int64_t outer, first, count;
};

/// Runs `job(block)` over all lines on all threads, in blocks of at most `width` lines. `cost` is a guess in ns an
/// element.
template <class F>
void each_block(const Lines& lines, std::int64_t width, double cost, const F& job) {
  width = std::clamp<std::int64_t>(width, 1, std::max<std::int64_t>(lines.inner, 1));
  const std::int64_t blocks = (lines.inner + width - 1) / width, count = lines.outer * blocks;
  const double work = static_cast<double>(std::max<std::int64_t>(lines.extent, 1) * width) * cost;
  const auto group = static_cast<std::int64_t>(std::max(1.0, 2e4 / std::max(work, 1.0)));
  parallel_for((count + group - 1) / group,
               [&](std::int64_t part) {
                 for (std::int64_t k = part * group; k < std::min(count, (part + 1) * group); ++k) {
                   const std::int64_t first = k % blocks * width;
                   job(LineBlock{k / blocks, first, std::min(width, lines.inner - first)});
                 }
               },
               1e-3 * work * static_cast<double>(group));
}

/// gather() with places that an operator made itself: dense i64 in [0, extent), on the device of x.
Tensor gather_known(const char* name, const Tensor& x, int axis, const Tensor& index, Here here);

template <class T>
const T* elements(const Tensor& t) {
  return reinterpret_cast<const T*>(t.bytes());
}
/// For a result that nobody has seen yet.
template <class T>
T* new_elements(const Tensor& t) {
  return reinterpret_cast<T*>(const_cast<std::byte*>(t.bytes()));
}

/// The result of an operator that knows f32 and f64: f(float{}) or f(double{}).
template <class F>
void by_differentiable_dtype(DType dtype, const F& f) {
  dtype == DType::f32 ? f(float{}) : f(double{});
}

}  // namespace lumigrad
