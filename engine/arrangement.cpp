// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/arrangement.h>
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/ops.h>
#include <algorithm>

namespace lumigrad {
namespace {

// The axis with entry source[j] at j; all of it is known to be inside.
Tensor entries(const Tensor& x, int axis, const std::vector<std::int64_t>& source, Here here) {
  return index_select(x, axis, Tensor::from(source, {static_cast<std::int64_t>(source.size())}), here);
}

// x where keep(i, j), else 0.
template <class F>
Tensor triangle(const char* name, const Tensor& x, const F& keep, Here here) {
  require<ShapeError>(x.rank() >= 2, name, ": expected matrices [.., m, n], got shape ", x.shape());
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected f32 or f64, got ", x.dtype());
  const std::int64_t m = x.size(-2), n = x.size(-1);
  Tensor mask = Tensor::zeros({m, n}, DType::boolean);
  bool* at = mask.mutable_data<bool>();
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) at[i * n + j] = keep(i, j);
  return where(mask.to(x.device()), x, 0, here);
}

}  // namespace

Tensor roll(const Tensor& x, std::span<const std::int64_t> shifts, std::span<const int> axes, Here here) {
  require<ShapeError>(shifts.size() == axes.size(), "roll: expected a shift for each axis, got ", shifts.size(),
                      " shifts and ", axes.size(), " axes");
  for (const int axis : axes) checked_axis("roll", axis, x.rank());
  Tensor y = x;
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const std::int64_t extent = x.size(axes[k]);
    if (extent == 0) continue;
    const std::int64_t shift = (shifts[k] % extent + extent) % extent;
    if (shift == 0) continue;
    y = concat({slice(y, axes[k], extent - shift, extent, 1, here), slice(y, axes[k], 0, extent - shift, 1, here)},
               axes[k], here);
  }
  return y;
}

Tensor roll(const Tensor& x, std::int64_t shift, Here here) {
  return reshape(roll(reshape(x, {-1}, here), shift, 0, here), x.shape(), here);
}
Tensor roll(const Tensor& x, std::int64_t shift, int axis, Here here) {
  return roll(x, std::span<const std::int64_t>(&shift, 1), std::span<const int>(&axis, 1), here);
}

std::vector<Tensor> split(const Tensor& x, std::int64_t size, int axis, Here here) {
  axis = checked_axis("split", axis, x.rank());
  require<ShapeError>(size >= 1, "split: expected parts of at least one entry, got ", size);
  std::vector<Tensor> parts;
  std::int64_t at = 0;
  do {
    parts.push_back(slice(x, axis, at, std::min(x.size(axis), at + size), 1, here));
    at += size;
  } while (at < x.size(axis));
  return parts;
}

std::vector<Tensor> split(const Tensor& x, std::span<const std::int64_t> extents, int axis, Here here) {
  axis = checked_axis("split", axis, x.rank());
  std::int64_t total = 0;
  for (const std::int64_t extent : extents) {
    require<ShapeError>(extent >= 0 && extent <= x.size(axis) - total, "split: expected extents that add up to ",
                        x.size(axis), ", got one of ", extent, " after ", total);
    total += extent;
  }
  require<ShapeError>(total == x.size(axis), "split: expected extents that add up to ", x.size(axis), ", got ", total);
  std::vector<Tensor> parts;
  std::int64_t at = 0;
  for (const std::int64_t extent : extents) {
    parts.push_back(slice(x, axis, at, at + extent, 1, here));
    at += extent;
  }
  return parts;
}

std::vector<Tensor> chunk(const Tensor& x, std::int64_t count, int axis, Here here) {
  axis = checked_axis("chunk", axis, x.rank());
  require<ShapeError>(count >= 1, "chunk: expected at least one part, got ", count);
  const std::int64_t extent = x.size(axis), size = extent / count + (extent % count != 0);
  return split(x, std::max<std::int64_t>(size, 1), axis, here);
}

Tensor repeat_interleave(const Tensor& x, std::int64_t repeats, int axis, Here here) {
  axis = checked_axis("repeat_interleave", axis, x.rank());
  require<ShapeError>(repeats >= 0, "repeat_interleave: expected at least 0 repeats, got ", repeats);
  const Shape apart = x.shape().inserted(axis + 1, repeats);
  return reshape(expand(unsqueeze(x, axis + 1, here), apart, here),
                 Shape(x.shape().with(axis, Shape{x.size(axis), repeats}.numel())), here);
}

Tensor repeat_interleave(const Tensor& x, const Tensor& repeats, int axis, Here here) {
  axis = checked_axis("repeat_interleave", axis, x.rank());
  require<DTypeError>(repeats.dtype() == DType::i64 || repeats.dtype() == DType::i32,
                      "repeat_interleave: expected repeats of dtype i64 or i32, got ", repeats.dtype());
  require<ShapeError>(repeats.shape() == Shape{x.size(axis)}, "repeat_interleave: expected repeats of shape ",
                      Shape{x.size(axis)}, ", got ", repeats.shape());
  // How long the result is only the CPU can say.
  const Tensor counts = repeats.detach().to(Device()).to(DType::i64).contiguous();
  const auto* count = counts.data<std::int64_t>();
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < counts.numel(); ++i) {
    require<ShapeError>(count[i] >= 0, "repeat_interleave: expected at least 0 repeats, got ", count[i]);
    total =
        std::min<std::int64_t>(total + std::min<std::int64_t>(count[i], std::int64_t{1} << 60), std::int64_t{1} << 60);
  }
  const Shape result = x.shape().with(axis, total);  // refuses what is too large before the index is made
  std::vector<std::int64_t> source;
  source.reserve(static_cast<std::size_t>(result[axis]));
  for (std::int64_t i = 0; i < counts.numel(); ++i) source.insert(source.end(), static_cast<std::size_t>(count[i]), i);
  return entries(x, axis, source, here);
}

Tensor tril(const Tensor& x, std::int64_t diagonal, Here here) {
  return triangle(
      "tril", x, [=](std::int64_t i, std::int64_t j) { return j - i <= diagonal; }, here);
}

Tensor triu(const Tensor& x, std::int64_t diagonal, Here here) {
  return triangle(
      "triu", x, [=](std::int64_t i, std::int64_t j) { return j - i >= diagonal; }, here);
}

}  // namespace lumigrad
