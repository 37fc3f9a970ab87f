// SPDX-License-Identifier: Apache-2.0
// The largest and the smallest: ranks that one pass finds.
#include <lumigrad/engine/cpu/sum_kernels.h>
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/families/lines.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <cmath>

namespace lumigrad {
namespace {

enum class End { smallest, largest };

// True when v takes the place of `best`; a NaN takes any number's place and keeps it.
template <class T>
bool beats(T v, T best, End end) {
  return end == End::largest ? (v > best || (v != v && best == best)) : (v < best || (v != v && best == best));
}

// The extreme of one dense line, NaN where there is one.
template <End end, class T>
T extreme_of(const T* x, std::int64_t n) {
  if (n < 32) {  // as long as a call takes
    T best = x[0], missing = T(0);
    for (std::int64_t j = 0; j < n; ++j) {
      best = (end == End::largest ? x[j] > best : x[j] < best) ? x[j] : best;
      missing = x[j] == x[j] ? missing : x[j];
    }
    return missing == missing ? best : missing;
  }
  const auto& kernel = [] {
    if constexpr (std::is_same_v<T, float>)
      return sum_kernels().f32;
    else
      return sum_kernels().f64;
  }();
  return (end == End::largest ? kernel.largest : kernel.smallest)(x, static_cast<std::size_t>(n));
}

// Its first place.
template <End end, class T>
std::int64_t first_extreme(const T* x, std::int64_t n) {
  const T best = extreme_of<end>(x, n);
  return (best == best ? std::find(x, x + n, best) : std::find_if(x, x + n, [](T v) { return v != v; })) - x;
}

template <End end, class T>
void extremes(const T* x, const Lines& lines, std::int64_t* to) {
  constexpr std::int64_t width = 512;
  each_block(lines, width, 1.0, [&](const LineBlock& block) {
    if (lines.inner == 1) {
      to[block.outer] = first_extreme<end>(x + block.outer * lines.extent, lines.extent);
      return;
    }
    T best[width];
    std::int64_t at[width];
    for (std::int64_t j = 0; j < lines.extent; ++j) {
      const T* row = x + (block.outer * lines.extent + j) * lines.inner + block.first;
      for (std::int64_t i = 0; i < block.count; ++i) {
        const bool better = j == 0 || beats(row[i], best[i], end);
        best[i] = better ? row[i] : best[i];
        at[i] = better ? j : at[i];
      }
    }
    std::copy_n(at, block.count, to + block.outer * lines.inner + block.first);
  });
}

// Index of the first extreme along an axis, which keeps extent 1.
Tensor extreme_index(const char* name, const Tensor& given, int axis, End end) {
  require<ShapeError>(given.size(axis) > 0, name, ": expected something to choose from, got shape ", given.shape());
  if (!is_differentiable(given.dtype()))  // data
    return slice(argsort(given, axis, end == End::largest), axis, 0, 1).contiguous();
  const Tensor index = Tensor::empty(given.shape().with(axis, 1), DType::i64, given.device());
  if (index.numel() == 0) return index;
  const Tensor x = given.detach().contiguous();
  if (x.device() != Device()) {
    const Lines lines(x.shape(), axis);
    const device::LinesCall call{.dtype = x.dtype(),
                                 .outer = lines.outer,
                                 .extent = lines.extent,
                                 .inner = lines.inner,
                                 .x = x.device_data(),
                                 .y = index.device_data(),
                                 .flag = end == End::largest};
    device::check(name, x.device(), device::table(x.device()).ranks.extremes(device::place_of(x.device()), &call));
    return index;
  }
  by_differentiable_dtype(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const Lines lines(x.shape(), axis);
    if (end == End::largest)
      extremes<End::largest>(elements<T>(x), lines, new_elements<std::int64_t>(index));
    else
      extremes<End::smallest>(elements<T>(x), lines, new_elements<std::int64_t>(index));
  });
  return index;
}

Selection extreme(const char* name, const Tensor& x, int axis, bool keep, End end, Here here) {
  axis = checked_axis(name, axis, x.rank());
  const Tensor index = extreme_index(name, x, axis, end), values = gather_known("gather", x, axis, index, here);
  if (keep) return {values, index};
  return {squeeze(values, axis, here), squeeze(index, axis, here)};
}

Tensor extreme_place(const char* name, const Tensor& x, int axis, bool keep, End end) {
  axis = checked_axis(name, axis, x.rank());
  const Tensor index = extreme_index(name, x, axis, end);
  return keep ? index : squeeze(index, axis);
}

// The part of each element of x [.., n] in the extreme y [.., 1] of its line: 1 / k for each of k that are equal to it.
Tensor shares(const Tensor& x, const Tensor& y) {
  const Tensor part = Tensor::empty(x.shape(), x.dtype(), x.device()), dense = x.detach().contiguous();
  const Lines lines(x.shape(), x.rank() - 1);
  if (x.device() != Device()) {
    const Tensor best = y.detach().contiguous();
    const device::LinesCall call{.dtype = x.dtype(),
                                 .outer = lines.outer,
                                 .extent = lines.extent,
                                 .a = best.device_data(),
                                 .x = dense.device_data(),
                                 .y = part.device_data()};
    if (x.numel() > 0)
      device::check("amax", x.device(), device::table(x.device()).ranks.shares(device::place_of(x.device()), &call));
    return part;
  }
  by_differentiable_dtype(x.dtype(), [&](auto t) {
    using T = decltype(t);
    each_block(lines, 1, 2.0, [&](const LineBlock& block) {
      const T* values = elements<T>(dense) + block.outer * lines.extent;
      const T best = elements<T>(y)[block.outer];
      T* to = new_elements<T>(part) + block.outer * lines.extent;
      std::int64_t equal = 0;
      for (std::int64_t i = 0; i < lines.extent; ++i)
        equal += values[i] == best || (values[i] != values[i] && best != best);
      for (std::int64_t i = 0; i < lines.extent; ++i)
        to[i] = values[i] == best || (values[i] != values[i] && best != best) ? T(1) / static_cast<T>(equal) : T(0);
    });
  });
  return part;
}

struct ExtremeNode final : Node {  // y = max x along the last axis; gx = share w
  using Node::Node;
  Saved kept[2];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor x = kept[0].get(*this);
    g[0] = mul(expand(w[0], x.shape(), here()), shares(x, kept[1].get(*this)), here());
  }
};

// The extremes of the lines [n, count] of a matrix, [n, 1].
Tensor extremes_of_lines(const Tensor& given, End end) {
  const Tensor y = Tensor::empty(given.shape().with(1, 1), given.dtype()), x = given.detach().contiguous();
  const Lines lines(x.shape(), 1);
  by_differentiable_dtype(x.dtype(), [&](auto t) {
    using T = decltype(t);
    each_block(lines, 1, 0.5, [&](const LineBlock& block) {
      const T* line = elements<T>(x) + block.outer * lines.extent;
      new_elements<T>(y)[block.outer] = end == End::largest ? extreme_of<End::largest>(line, lines.extent)
                                                            : extreme_of<End::smallest>(line, lines.extent);
    });
  });
  return y;
}

Tensor extreme_value(const char* name, const Tensor& x, std::span<const int> axes, bool keep, End end, Here here) {
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected f32 or f64, got ", x.dtype(),
                      "; convert it with to()");
  Shape kept = x.shape();
  bool chosen[max_rank] = {};
  for (const int given : axes) {
    const int axis = checked_axis(name, given, x.rank());
    require<ShapeError>(!chosen[axis], name, ": expected every axis at most once, got axis ", given, " twice");
    chosen[axis] = true;
    kept = kept.with(axis, 1);
  }
  InlineVector<int, max_rank> order;
  for (const bool inner : {false, true})
    for (int i = 0; i < x.rank(); ++i)
      if (chosen[i] == inner) order.push_back(i);
  Shape result = keep ? kept : x.shape();
  for (int i = x.rank() - 1; i >= 0 && !keep; --i)
    if (chosen[i]) result = result.without(i);
  std::int64_t count = 1;
  for (int i = 0; i < x.rank(); ++i) count *= chosen[i] ? x.size(i) : 1;
  require<ShapeError>(count > 0, name, ": expected something to choose from, got shape ", x.shape());
  const Tensor lines = reshape(permute(x, std::span<const int>(order), here), {kept.numel(), count}, here);
  Tensor y;
  {
    NoGrad off;
    y = lines.device() == Device()
            ? extremes_of_lines(lines, end)
            : gather_known("gather", lines.detach(), 1, extreme_index(name, lines, 1, end), here);
  }
  y.state().weak = x.is_weak();
  if (auto node = record<ExtremeNode>(name, here, {&lines})) {
    node->kept[0] = node->save_input(0, lines);
    node->kept[1] = node->save_output(0, y);
    node->attach(y);
  }
  return reshape(y, result, here);
}

Tensor extreme_of_all(const char* name, const Tensor& x, End end, Here here) {
  const int axis = 0;
  return extreme_value(name, reshape(x, {-1}, here), {&axis, 1}, false, end, here);
}

}  // namespace

Selection max(const Tensor& x, int axis, bool keep, Here here) {
  return extreme("max", x, axis, keep, End::largest, here);
}
Selection min(const Tensor& x, int axis, bool keep, Here here) {
  return extreme("min", x, axis, keep, End::smallest, here);
}
Tensor argmax(const Tensor& x, int axis, bool keep, Here) {
  return extreme_place("argmax", x, axis, keep, End::largest);
}
Tensor argmin(const Tensor& x, int axis, bool keep, Here) {
  return extreme_place("argmin", x, axis, keep, End::smallest);
}
Tensor argmax(const Tensor& x, Here) { return extreme_place("argmax", reshape(x, {-1}), 0, false, End::largest); }
Tensor argmin(const Tensor& x, Here) { return extreme_place("argmin", reshape(x, {-1}), 0, false, End::smallest); }
Tensor amax(const Tensor& x, std::span<const int> axes, bool keep, Here here) {
  return extreme_value("amax", x, axes, keep, End::largest, here);
}
Tensor amax(const Tensor& x, std::initializer_list<int> axes, bool keep, Here here) {
  return amax(x, std::span<const int>(axes.begin(), axes.size()), keep, here);
}
Tensor amin(const Tensor& x, std::span<const int> axes, bool keep, Here here) {
  return extreme_value("amin", x, axes, keep, End::smallest, here);
}
Tensor amin(const Tensor& x, std::initializer_list<int> axes, bool keep, Here here) {
  return amin(x, std::span<const int>(axes.begin(), axes.size()), keep, here);
}
Tensor max(const Tensor& x, Here here) { return extreme_of_all("max", x, End::largest, here); }
Tensor min(const Tensor& x, Here here) { return extreme_of_all("min", x, End::smallest, here); }

}  // namespace lumigrad
