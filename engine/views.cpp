// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/copy.h>
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/views.h>
#include <algorithm>
#include <optional>

namespace lumigrad {
namespace {

using Cotangents = std::span<const Tensor>;
using Gradients = std::span<Tensor>;

struct ReshapeNode final : Node {  // y = x in another shape, so gx = w in the shape of x
  using Node::Node;
  Shape from;
  void adjoint(Cotangents w, Gradients g) override { g[0] = reshape(w[0], from, here()); }
};

struct PermuteNode final : Node {  // y[i] = x[order i], so gx = w in the inverse order
  using Node::Node;
  InlineVector<int, max_rank> inverse;
  void adjoint(Cotangents w, Gradients g) override { g[0] = permute(w[0], std::span<const int>(inverse), here()); }
};

struct SliceNode final : Node {  // y = x at begin, begin + step, ..; gx = zeros with w put there
  using Node::Node;
  int axis = 0;
  std::int64_t begin = 0, step = 1, extent = 0;
  void adjoint(Cotangents w, Gradients g) override { g[0] = embed(w[0], axis, begin, step, extent, here()); }
};

struct SelectNode final : Node {  // y = x at one index, without the axis
  using Node::Node;
  int axis = 0;
  std::int64_t index = 0, extent = 0;
  void adjoint(Cotangents w, Gradients g) override {
    g[0] = embed(unsqueeze(w[0], axis, here()), axis, index, 1, extent, here());
  }
};

struct EmbedNode final : Node {  // the transpose of slice
  using Node::Node;
  int axis = 0;
  std::int64_t begin = 0, step = 1, count = 0;
  void adjoint(Cotangents w, Gradients g) override {
    const std::int64_t last = begin + step * (count - 1);
    if (count == 0) {
      g[0] = slice(w[0], axis, 0, 0, 1, here());
    } else if (step > 0) {
      g[0] = slice(w[0], axis, begin, last + 1, step, here());
    } else {
      g[0] = slice(w[0], axis, begin, last == 0 ? SliceBound() : last - 1, step, here());
    }
  }
};

struct ExpandNode final : Node {  // y repeats x, so gx sums w over the repetitions
  using Node::Node;
  Shape from;
  void adjoint(Cotangents w, Gradients g) override { g[0] = sum_to(w[0], from, here()); }
};

struct FlipNode final : Node {
  using Node::Node;
  InlineVector<int, max_rank> axes;
  void adjoint(Cotangents w, Gradients g) override { g[0] = flip(w[0], std::span<const int>(axes), here()); }
};

struct ConcatNode final : Node {  // each part gets its piece of w
  using Node::Node;
  int axis = 0;
  std::vector<std::int64_t> extents;
  void adjoint(Cotangents w, Gradients g) override {
    std::int64_t begin = 0;
    for (std::size_t i = 0; i < extents.size(); ++i) {
      if (wants(i)) g[i] = slice(w[0], axis, begin, begin + extents[i], 1, here());
      begin += extents[i];
    }
  }
};

// A view: shares memory, keeps the dtype, and stands in the graph when x does.
template <class N, class Fill>
Tensor view_of(const char* name, const Tensor& x, const Shape& shape, const Strides& strides, std::int64_t offset,
               Here here, const Fill& fill) {
  Tensor y = x.with_layout(shape, strides, offset);
  y.state().weak = x.is_weak();
  if (auto node = record<N>(name, here, {&x})) {
    fill(*node);
    node->attach(y);
  }
  return y;
}

// Strides without those of an axis.
Strides without(Strides strides, int axis) {
  std::copy(strides.begin() + axis + 1, strides.end(), strides.begin() + axis);
  return strides;
}

// Strides of x read in another shape, if some exist: extents are matched in groups whose elements lie evenly apart.
std::optional<Strides> reshaped_strides(const Tensor& x, const Shape& shape) {
  if (x.is_contiguous()) return dense_strides(shape);
  Strides result{};
  int to = shape.rank() - 1;
  std::int64_t group = 1;         // elements of x matched so far in the current evenly spaced group
  std::int64_t taken = 1;         // elements of the new shape placed in it
  std::int64_t group_stride = 1;  // step of its innermost axis
  bool open = false;
  for (int from = x.rank() - 1; from >= 0; --from) {
    const std::int64_t extent = x.size(from), stride = x.strides()[static_cast<std::size_t>(from)];
    if (extent == 1) continue;
    if (!open || stride != group_stride * group) {
      if (open && taken != group) return std::nullopt;
      group = taken = 1;
      group_stride = stride;
      open = true;
    }
    group *= extent;
    while (to >= 0 && taken * shape[to] <= group && (taken < group || shape[to] == 1)) {
      result[static_cast<std::size_t>(to)] = group_stride * taken;
      taken *= shape[to--];
    }
  }
  for (; to >= 0 && shape[to] == 1; --to) result[static_cast<std::size_t>(to)] = 1;
  return to < 0 && taken == group ? std::optional(result) : std::nullopt;
}

}  // namespace

Tensor reshape(const Tensor& x, std::span<const std::int64_t> extents, Here here) {
  std::vector<std::int64_t> wanted(extents.begin(), extents.end());
  std::int64_t known = 1, holes = 0;
  for (const std::int64_t extent : wanted) extent == -1 ? ++holes : known *= extent;
  require<ShapeError>(holes <= 1, "reshape: expected at most one extent of -1, got ", holes);
  if (holes == 1) {
    require<ShapeError>(known > 0 && x.numel() % known == 0, "reshape: expected extents that divide ", x.numel(),
                        " elements, got a rest for shape ", x.shape());
    for (std::int64_t& extent : wanted)
      if (extent == -1) extent = x.numel() / known;
  }
  const Shape shape(wanted);
  require<ShapeError>(shape.numel() == x.numel(), "reshape: expected ", x.numel(), " elements as in ", x.shape(),
                      ", got shape ", shape);
  if (shape == x.shape()) return x;
  const auto strides = reshaped_strides(x, shape);
  if (!strides) return reshape(x.clone(here), shape, here);
  return view_of<ReshapeNode>("reshape", x, shape, *strides, 0, here, [&](ReshapeNode& n) { n.from = x.shape(); });
}
Tensor reshape(const Tensor& x, std::initializer_list<std::int64_t> extents, Here here) {
  return reshape(x, std::span<const std::int64_t>(extents.begin(), extents.size()), here);
}
Tensor reshape(const Tensor& x, const Shape& shape, Here here) { return reshape(x, shape.extents(), here); }

Tensor permute(const Tensor& x, std::span<const int> order, Here here) {
  require<ShapeError>(static_cast<int>(order.size()) == x.rank(), "permute: expected ", x.rank(), " axes, got ",
                      order.size());
  std::array<std::int64_t, max_rank> extents{};
  Strides strides{};
  std::array<int, max_rank> inverse{};
  unsigned seen = 0;
  for (int i = 0; i < x.rank(); ++i) {
    const int axis = checked_axis("permute", order[static_cast<std::size_t>(i)], x.rank());
    require<ShapeError>(!(seen & (1u << axis)), "permute: expected every axis once, got axis ", axis, " twice");
    seen |= 1u << axis;
    extents[static_cast<std::size_t>(i)] = x.size(axis);
    strides[static_cast<std::size_t>(i)] = x.strides()[static_cast<std::size_t>(axis)];
    inverse[static_cast<std::size_t>(axis)] = i;
  }
  const Shape shape(std::span<const std::int64_t>(extents.data(), static_cast<std::size_t>(x.rank())));
  return view_of<PermuteNode>("permute", x, shape, strides, 0, here, [&](PermuteNode& n) {
    for (int i = 0; i < x.rank(); ++i) n.inverse.push_back(inverse[static_cast<std::size_t>(i)]);
  });
}
Tensor permute(const Tensor& x, std::initializer_list<int> order, Here here) {
  return permute(x, std::span<const int>(order.begin(), order.size()), here);
}

Tensor transpose(const Tensor& x, int a, int b, Here here) {
  a = checked_axis("transpose", a, x.rank());
  b = checked_axis("transpose", b, x.rank());
  std::array<int, max_rank> order{};
  for (int i = 0; i < x.rank(); ++i) order[static_cast<std::size_t>(i)] = i == a ? b : i == b ? a : i;
  return permute(x, std::span<const int>(order.data(), static_cast<std::size_t>(x.rank())), here);
}

Tensor slice(const Tensor& x, int axis, SliceBound begin, SliceBound end, std::int64_t step, Here here) {
  axis = checked_axis("slice", axis, x.rank());
  require<ShapeError>(step != 0, "slice: expected a step other than 0");
  const std::int64_t extent = x.size(axis);
  const auto resolve = [&](std::int64_t i, std::int64_t low, std::int64_t high) {
    return std::clamp(i < 0 ? i + extent : i, low, high);
  };
  const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? extent : extent - 1;
  const std::int64_t first = begin.given() ? resolve(begin.index(), low, high) : step > 0 ? 0 : extent - 1;
  const std::int64_t stop = end.given() ? resolve(end.index(), low, high) : step > 0 ? extent : -1;
  const std::int64_t span = step > 0 ? stop - first : first - stop;
  const std::int64_t pace = step > 0 ? step : -step;
  const std::int64_t count = span <= 0 ? 0 : (span - 1) / pace + 1;
  const auto a = static_cast<std::size_t>(axis);
  Strides strides = x.strides();
  const std::int64_t offset = count > 0 ? first * strides[a] : 0;
  strides[a] *= step;
  return view_of<SliceNode>("slice", x, x.shape().with(axis, count), strides, offset, here, [&](SliceNode& n) {
    n.axis = axis;
    n.begin = first;
    n.step = step;
    n.extent = extent;
  });
}

Tensor select(const Tensor& x, int axis, std::int64_t index, Here here) {
  axis = checked_axis("select", axis, x.rank());
  const std::int64_t extent = x.size(axis), at = index < 0 ? index + extent : index;
  require<ShapeError>(at >= 0 && at < extent, "select: expected an index in [", -extent, ", ", extent - 1, "], got ",
                      index);
  return view_of<SelectNode>("select", x, x.shape().without(axis), without(x.strides(), axis),
                             at * x.strides()[static_cast<std::size_t>(axis)], here, [&](SelectNode& n) {
                               n.axis = axis;
                               n.index = at;
                               n.extent = extent;
                             });
}

Tensor unsqueeze(const Tensor& x, int axis, Here here) {
  axis = checked_axis("unsqueeze", axis, x.rank() + 1);
  Strides strides{};
  for (int i = 0; i <= x.rank(); ++i)
    if (i != axis) strides[static_cast<std::size_t>(i)] = x.strides()[static_cast<std::size_t>(i < axis ? i : i - 1)];
  return view_of<ReshapeNode>("unsqueeze", x, x.shape().inserted(axis, 1), strides, 0, here,
                              [&](ReshapeNode& n) { n.from = x.shape(); });
}

Tensor squeeze(const Tensor& x, int axis, Here here) {
  axis = checked_axis("squeeze", axis, x.rank());
  require<ShapeError>(x.size(axis) == 1, "squeeze: expected extent 1 at axis ", axis, ", got shape ", x.shape());
  return view_of<ReshapeNode>("squeeze", x, x.shape().without(axis), without(x.strides(), axis), 0, here,
                              [&](ReshapeNode& n) { n.from = x.shape(); });
}

Tensor expand(const Tensor& x, const Shape& shape, Here here) {
  if (shape == x.shape()) return x;
  require<ShapeError>(broadcast("expand", x.shape(), shape) == shape, "expand: expected a shape that ", x.shape(),
                      " broadcasts to, got ", shape);
  Strides strides{};
  const int shift = shape.rank() - x.rank();
  for (int i = 0; i < x.rank(); ++i)
    if (x.size(i) != 1) strides[static_cast<std::size_t>(i + shift)] = x.strides()[static_cast<std::size_t>(i)];
  return view_of<ExpandNode>("expand", x, shape, strides, 0, here, [&](ExpandNode& n) { n.from = x.shape(); });
}

Tensor flip(const Tensor& x, std::span<const int> axes, Here here) {
  Strides strides = x.strides();
  std::int64_t offset = 0;
  unsigned seen = 0;
  for (const int axis : axes) {
    const auto a = static_cast<std::size_t>(checked_axis("flip", axis, x.rank()));
    require<ShapeError>(!(seen & (1u << a)), "flip: expected every axis at most once, got axis ", axis, " twice");
    seen |= 1u << a;
    if (x.numel() > 0) offset += (x.size(axis) - 1) * strides[a];
    strides[a] = -strides[a];
  }
  return view_of<FlipNode>("flip", x, x.shape(), strides, offset, here, [&](FlipNode& n) {
    for (const int axis : axes) n.axes.push_back(axis);
  });
}

namespace {

// Bare numbers take the dtype of the first part that is none, where that loses nothing, and follow it to its device.
std::vector<Tensor> of_one_dtype(std::vector<Tensor> parts, Here here) {
  const Device device = device::device_of(parts);
  for (Tensor& part : parts) part = device::on_device("concat", part, device, here);
  const auto strong = std::find_if(parts.begin(), parts.end(), [](const Tensor& part) { return !part.is_weak(); });
  if (strong == parts.end() || !is_differentiable(strong->dtype())) return parts;
  const DType dtype = strong->dtype();
  for (Tensor& part : parts)
    if (part.is_weak()) part = part.to(dtype, here);
  return parts;
}

}  // namespace

Tensor concat(const std::vector<Tensor>& given, int axis, Here here) {
  require<ShapeError>(!given.empty(), "concat: expected at least one tensor, got none");
  const std::vector<Tensor> parts = of_one_dtype(given, here);
  axis = checked_axis("concat", axis, parts[0].rank());
  std::int64_t extent = 0;
  for (const Tensor& part : parts) {
    require<ShapeError>(part.rank() == parts[0].rank() && part.shape().with(axis, 0) == parts[0].shape().with(axis, 0),
                        "concat: expected shapes equal but for axis ", axis, ", got ", parts[0].shape(), " and ",
                        part.shape());
    require<DeviceError>(part.device() == parts[0].device(), "concat: expected tensors on one device, got ",
                         parts[0].device(), " and ", part.device());
    require<DTypeError>(part.dtype() == parts[0].dtype(), "concat: expected tensors of one dtype, got ",
                        parts[0].dtype(), " and ", part.dtype());
    extent += part.size(axis);
  }
  Tensor y = Tensor::empty(parts[0].shape().with(axis, extent), parts[0].dtype(), parts[0].device());
  y.state().weak = std::all_of(parts.begin(), parts.end(), [](const Tensor& part) { return part.is_weak(); });
  std::vector<const Tensor*> inputs;
  std::vector<std::int64_t> extents;
  std::int64_t begin = 0;
  for (const Tensor& part : parts) {
    const std::int64_t step = y.strides()[static_cast<std::size_t>(axis)];
    copy_values(part, y.with_layout(part.shape(), y.strides(), begin * step));
    begin += part.size(axis);
    extents.push_back(part.size(axis));
    inputs.push_back(&part);
  }
  if (auto node = record<ConcatNode>("concat", here, std::span<const Tensor* const>(inputs))) {
    node->axis = axis;
    node->extents = std::move(extents);
    node->attach(y);
  }
  return y;
}

Tensor stack(const std::vector<Tensor>& parts, int axis, Here here) {
  std::vector<Tensor> rows;
  for (const Tensor& part : parts) rows.push_back(unsqueeze(part, axis, here));
  return concat(rows, axis, here);
}

Tensor embed(const Tensor& x, int axis, std::int64_t begin, std::int64_t step, std::int64_t extent, Here here) {
  axis = checked_axis("embed", axis, x.rank());
  require<ShapeError>(step != 0, "embed: expected a step other than 0");
  const std::int64_t count = x.size(axis), last = begin + step * std::max<std::int64_t>(count - 1, 0);
  require<ShapeError>(count == 0 || (begin >= 0 && begin < extent && last >= 0 && last < extent),
                      "embed: expected places inside [0, ", extent, "), got ", begin, " to ", last);
  Tensor y = Tensor::zeros(x.shape().with(axis, extent), x.dtype(), x.device());
  Strides strides = y.strides();
  const auto a = static_cast<std::size_t>(axis);
  const std::int64_t offset = count > 0 ? begin * strides[a] : 0;
  strides[a] *= step;
  copy_values(x, y.with_layout(x.shape(), strides, offset));
  if (auto node = record<EmbedNode>("embed", here, {&x})) {
    node->axis = axis;
    node->begin = begin;
    node->step = step;
    node->count = count;
    node->attach(y);
  }
  return y;
}

Tensor sum_to(const Tensor& x, const Shape& shape, Here here) {
  if (x.shape() == shape) return x;
  require<ShapeError>(broadcast("sum_to", x.shape(), shape) == x.shape(),
                      "sum_to: expected a shape that broadcasts to ", x.shape(), ", got ", shape);
  InlineVector<int, max_rank> axes;
  const int shift = x.rank() - shape.rank();
  for (int i = 0; i < x.rank(); ++i)
    if (i < shift || (shape[i - shift] == 1 && x.size(i) != 1)) axes.push_back(i);
  return reshape(sum(x, std::span<const int>(axes), true, here), shape, here);
}

}  // namespace lumigrad
