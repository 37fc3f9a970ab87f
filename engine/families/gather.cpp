// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/families/lines.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <cmath>
#include <cstring>

namespace lumigrad {
namespace {

// Places along an axis, in [0, extent) and dense. One vector for all lines (`shared`), or a place an element.
struct Places {
  Tensor index;  // i64
  bool shared = false;
};

Tensor collect(const char* name, const Tensor& x, int axis, const Places& places, Here here);
Tensor scatter(const char* name, const Tensor& x, int axis, const Places& places, std::int64_t extent, Here here);

struct GatherNode final : Node {  // y = G x, so gx = G' w
  using Node::Node;
  Saved kept[1];
  int axis = 0;
  bool shared = false;
  std::int64_t extent = 0;
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    g[0] = scatter("scatter", w[0], axis, {kept[0].get(*this), shared}, extent, here());
  }
};

struct ScatterNode final : Node {  // y = G' x, so gx = G w
  using Node::Node;
  Saved kept[1];
  int axis = 0;
  bool shared = false;
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    g[0] = collect("gather", w[0], axis, {kept[0].get(*this), shared}, here());
  }
};

// The indices, checked, as dense i64 without negative ones, on the device of what they point into. What is that already
// is taken as it is. Those of another device are fetched to be looked at, which waits.
Tensor checked(const char* name, const Tensor& given, std::int64_t extent, Device device) {
  if (given.device() != Device() || device != Device())
    return checked(name, given.to(Device()), extent, Device()).to(device);
  Tensor index = given.detach();
  if (given.is_weak())
    for (const double value : given.values())
      require<DTypeError>(value == std::floor(value), name, ": expected whole numbers as indices, got ", value);
  else
    require<DTypeError>(given.dtype() == DType::i64 || given.dtype() == DType::i32, name,
                        ": expected indices of dtype i64 or i32, got ", given.dtype());
  index = index.to(DType::i64).contiguous();
  const std::int64_t count = index.numel();
  const auto* at = elements<std::int64_t>(index);
  std::int64_t least = 0, most = -1;
  for (std::int64_t i = 0; i < count; ++i) {
    least = std::min(least, at[i]);
    most = std::max(most, at[i]);
  }
  require<ShapeError>(least >= -extent && most < extent, name, ": expected indices in [", -extent, ", ", extent,
                      ") along an axis of extent ", extent, ", got ", most < extent ? least : most);
  if (least >= 0) return index;
  const Tensor counted = Tensor::empty(index.shape(), DType::i64);
  auto* to = new_elements<std::int64_t>(counted);
  for (std::int64_t i = 0; i < count; ++i) to[i] = at[i] < 0 ? at[i] + extent : at[i];
  return counted;
}

// The same two on a device.
void move_there(const char* name, bool collects, const Tensor& x, const Lines& from, const Places& places,
                const Tensor& y, const Lines& to) {
  const Device device = x.device();
  const Lines& wide = collects ? from : to;
  const device::PlacesCall call{x.dtype(),
                                wide.outer,
                                wide.extent,
                                collects ? to.extent : from.extent,
                                wide.inner,
                                places.shared,
                                reinterpret_cast<const std::int64_t*>(places.index.device_data()),
                                x.device_data(),
                                y.device_data()};
  const device::PlacesTable& table = device::table(device).places;
  device::check(name, device, (collects ? table.collect : table.scatter)(device::place_of(device), &call));
}

// y [outer, count, inner] from x [outer, extent, inner], some rows of y a job.
template <class T>
void collect_rows(const T* x, const Lines& from, const std::int64_t* at, bool shared, T* y, const Lines& to) {
  const std::int64_t inner = to.inner, rows = to.outer * to.extent;
  const std::int64_t group = std::max<std::int64_t>(1, 16384 / inner);
  const auto some = [&](std::int64_t o, std::int64_t first, std::int64_t count) {  // rows of one line block
    const T* source = x + o * from.extent * inner;
    T* result = y + (o * to.extent + first) * inner;
    const std::int64_t* places = at + (shared ? first : (o * to.extent + first) * inner);
    if (inner == 1) {
      for (std::int64_t j = 0; j < count; ++j) result[j] = source[places[j]];
    } else if (shared) {
      for (std::int64_t j = 0; j < count; ++j)
        std::memcpy(result + j * inner, source + places[j] * inner, static_cast<std::size_t>(inner) * sizeof(T));
    } else {
      for (std::int64_t j = 0; j < count; ++j)
        for (std::int64_t i = 0; i < inner; ++i) result[j * inner + i] = source[places[j * inner + i] * inner + i];
    }
  };
  parallel_for((rows + group - 1) / group,
               [&](std::int64_t job) {
                 const std::int64_t end = std::min(rows, (job + 1) * group);
                 for (std::int64_t row = job * group; row < end;) {
                   const std::int64_t first = row % to.extent, count = std::min(to.extent - first, end - row);
                   some(row / to.extent, first, count);
                   row += count;
                 }
               },
               1e-3 * static_cast<double>(group * inner));
}

// y [outer, extent, inner] from x [outer, count, inner], a block of lines at a time.
template <class T>
void scatter_lines(const T* x, const Lines& from, const std::int64_t* at, bool shared, T* y, const Lines& to) {
  const std::int64_t inner = to.inner, width = 65536 / std::max<std::int64_t>(to.extent, 1);
  Lines work = to;
  work.extent += from.extent;
  each_block(work, width, 2.0, [&](const LineBlock& block) {
    T* result = y + block.outer * to.extent * inner + block.first;
    const std::int64_t n = block.count;
    constexpr bool in_place = std::is_same_v<T, double>;
    std::vector<double> room(static_cast<std::size_t>(in_place ? 0 : n * to.extent));
    double* sums = room.data();
    std::int64_t step = n;
    if constexpr (in_place) {
      sums = result;
      step = inner;
      for (std::int64_t e = 0; e < to.extent; ++e) std::fill_n(result + e * inner, n, 0.0);
    }
    const T* line = x + block.outer * from.extent * inner + block.first;
    const std::int64_t* places = shared ? at : at + block.outer * from.extent * inner + block.first;
    const std::int64_t places_step = shared ? 1 : inner;
    if (n == 1)
      for (std::int64_t j = 0; j < from.extent; ++j) sums[places[j * places_step] * step] += line[j * inner];
    for (std::int64_t j = 0; j < from.extent && n > 1; ++j) {
      const T* row = line + j * inner;
      const std::int64_t* place = places + j * places_step;
      for (std::int64_t i = 0; i < n; ++i) sums[place[shared ? 0 : i] * step + i] += row[i];
    }
    if constexpr (!in_place) {
      const std::int64_t run = n == inner ? to.extent * n : n;  // whole lines lie behind one another
      for (std::int64_t e = 0; e < to.extent * n / run; ++e)
        for (std::int64_t i = 0; i < run; ++i) result[e * inner + i] = static_cast<T>(sums[e * n + i]);
    }
  });
}

template <class F>
void by_size(DType dtype, const F& f) {
  switch (size_of(dtype)) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    case 4:
      return f(std::uint32_t{});
    default:
      return f(std::uint64_t{});
  }
}

Tensor collect(const char* name, const Tensor& x, int axis, const Places& places, Here here) {
  const Shape shape = x.shape().with(axis, places.shared ? places.index.numel() : places.index.size(axis));
  Tensor y = Tensor::empty(shape, x.dtype(), x.device());
  y.state().weak = x.is_weak();
  const Tensor from = x.detach().contiguous();
  const Lines in(x.shape(), axis), out(shape, axis);
  if (shape.numel() > 0 && x.device() != Device())
    move_there(name, true, from, in, places, y, out);
  else if (shape.numel() > 0)
    by_size(x.dtype(), [&](auto t) {
      using T = decltype(t);
      collect_rows(elements<T>(from), in, elements<std::int64_t>(places.index), places.shared, new_elements<T>(y), out);
    });
  if (auto node = record<GatherNode>(name, here, {&x, &places.index})) {
    node->kept[0] = node->save_input(1, places.index);
    node->axis = axis;
    node->shared = places.shared;
    node->extent = x.size(axis);
    node->attach(y);
  }
  return y;
}

Tensor scatter(const char* name, const Tensor& x, int axis, const Places& places, std::int64_t extent, Here here) {
  const Shape shape = x.shape().with(axis, extent);
  Tensor y = Tensor::empty(shape, x.dtype(), x.device());
  const Tensor from = x.detach().contiguous();
  if (shape.numel() > 0 && x.device() != Device())
    move_there(name, false, from, {x.shape(), axis}, places, y, {shape, axis});
  else if (shape.numel() > 0)
    by_differentiable_dtype(x.dtype(), [&](auto t) {
      using T = decltype(t);
      scatter_lines(elements<T>(from), {x.shape(), axis}, elements<std::int64_t>(places.index), places.shared,
                    new_elements<T>(y), {shape, axis});
    });
  if (auto node = record<ScatterNode>(name, here, {&x, &places.index})) {
    node->kept[0] = node->save_input(1, places.index);
    node->axis = axis;
    node->shared = places.shared;
    node->attach(y);
  }
  return y;
}

// x cut down to the extents of `shape` but for one axis; a view.
Tensor cut(const Tensor& x, const Shape& shape, int but, Here here) {
  Tensor part = x;
  for (int i = 0; i < x.rank(); ++i)
    if (i != but && x.size(i) != shape[i]) part = slice(part, i, 0, shape[i], 1, here);
  return part;
}

bool covers(const Shape& x, const Shape& index, int but) {
  bool covers = x.rank() == index.rank();
  for (int i = 0; covers && i < x.rank(); ++i) covers = i == but || index[i] <= x[i];
  return covers;
}

void check_sum(const char* name, const Tensor& x, const Tensor& source) {
  require<DTypeError>(is_differentiable(x.dtype()) && x.dtype() == source.dtype(), name,
                      ": expected two tensors of dtype f32 or two of f64, got ", x.dtype(), " and ", source.dtype());
  require<DeviceError>(x.device() == source.device(), name, ": expected two tensors on one device, got ", x.device(),
                       " and ", source.device());
}

Tensor checked_vector(const char* name, const Tensor& index, std::int64_t extent, Device device) {
  require<ShapeError>(index.rank() == 1, name, ": expected a vector of indices, got shape ", index.shape());
  return checked(name, index, extent, device);
}

}  // namespace

Tensor gather(const Tensor& x, int axis, const Tensor& index, Here here) {
  axis = checked_axis("gather", axis, x.rank());
  require<ShapeError>(covers(x.shape(), index.shape(), axis), "gather: expected indices within the shape ", x.shape(),
                      " but for axis ", axis, ", got shape ", index.shape());
  return collect("gather", cut(x, index.shape(), axis, here), axis,
                 {checked("gather", index, x.size(axis), x.device())}, here);
}

Tensor gather_known(const char* name, const Tensor& x, int axis, const Tensor& index, Here here) {
  return collect(name, x, axis, {index}, here);
}

Tensor scatter_add(const Tensor& x, int axis, const Tensor& index, const Tensor& source, Here here) {
  axis = checked_axis("scatter_add", axis, x.rank());
  if (source.is_weak() && !x.is_weak())
    return scatter_add(x, axis, index, source.to(x.dtype(), here).to(x.device(), here), here);
  check_sum("scatter_add", x, source);
  require<ShapeError>(covers(x.shape(), index.shape(), axis) && covers(source.shape(), index.shape(), -1),
                      "scatter_add: expected indices within the source, and within x but for axis ", axis,
                      ", got shapes ", index.shape(), ", ", source.shape(), " and ", x.shape());
  Tensor sums = scatter("scatter", cut(source, index.shape(), -1, here), axis,
                        {checked("scatter_add", index, x.size(axis), x.device())}, x.size(axis), here);
  for (int i = 0; i < x.rank(); ++i)
    if (sums.size(i) != x.size(i)) sums = embed(sums, i, 0, 1, x.size(i), here);
  return add(x, sums, here);
}

Tensor index_select(const Tensor& x, int axis, const Tensor& index, Here here) {
  axis = checked_axis("index_select", axis, x.rank());
  return collect("index_select", x, axis, {checked_vector("index_select", index, x.size(axis), x.device()), true},
                 here);
}

Tensor index_add(const Tensor& x, int axis, const Tensor& index, const Tensor& source, Here here) {
  axis = checked_axis("index_add", axis, x.rank());
  if (source.is_weak() && !x.is_weak())
    return index_add(x, axis, index, source.to(x.dtype(), here).to(x.device(), here), here);
  check_sum("index_add", x, source);
  const Tensor places = checked_vector("index_add", index, x.size(axis), x.device());
  const Shape wanted = x.shape().with(axis, places.numel());
  require<ShapeError>(source.shape() == wanted, "index_add: expected a source of shape ", wanted, ", got ",
                      source.shape());
  return add(x, scatter("scatter", source, axis, {places, true}, x.size(axis), here), here);
}

Tensor take_along_dim(const Tensor& x, const Tensor& index, int axis, Here here) {
  axis = checked_axis("take_along_dim", axis, x.rank());
  require<ShapeError>(x.rank() == index.rank(), "take_along_dim: expected indices of rank ", x.rank(), ", got shape ",
                      index.shape());
  const Shape around = broadcast("take_along_dim", x.shape().with(axis, 1), index.shape().with(axis, 1));
  const Tensor places =
      expand(checked("take_along_dim", index, x.size(axis), x.device()), around.with(axis, index.size(axis)));
  return collect("take_along_dim", expand(x, around.with(axis, x.size(axis)), here), axis, {places.contiguous()}, here);
}

Tensor take_along_dim(const Tensor& x, const Tensor& index, Here here) {
  return take_along_dim(reshape(x, {-1}, here), reshape(index, {-1}, here), 0, here);
}

Tensor histogram(const Tensor& x, std::int64_t bins, double low, double high, Here) {
  require<ShapeError>(x.rank() >= 1 && bins >= 1,
                      "histogram: expected lines along a last axis and at least one bin, got shape ", x.shape(),
                      " and ", bins, " bins");
  require<DTypeError>(is_differentiable(x.dtype()), "histogram: expected f32 or f64, got ", x.dtype());
  require<NumericError>(low < high && std::isfinite(high - low), "histogram: expected a range low < high, got [", low,
                        ", ", high, "]");
  const Tensor from = x.detach().contiguous(),
               counts = Tensor::zeros(x.shape().with(x.rank() - 1, bins), DType::i64, x.device());
  const Lines lines(x.shape(), x.rank() - 1);
  if (x.device() != Device()) {
    const device::LinesCall call{.dtype = x.dtype(),
                                 .outer = lines.outer,
                                 .extent = lines.extent,
                                 .x = from.device_data(),
                                 .y = counts.device_data(),
                                 .bins = bins,
                                 .low = low,
                                 .high = high};
    device::check("histogram", x.device(),
                  device::table(x.device()).scan.histogram(device::place_of(x.device()), &call));
    return counts;
  }
  by_differentiable_dtype(x.dtype(), [&](auto t) {
    using T = decltype(t);
    each_block(lines, 1, 2.0, [&](const LineBlock& block) {
      const T* values = elements<T>(from) + block.outer * lines.extent;
      auto* count = new_elements<std::int64_t>(counts) + block.outer * bins;
      const double scale = static_cast<double>(bins) / (high - low);
      for (std::int64_t i = 0; i < lines.extent; ++i) {
        const double value = values[i];
        if (value >= low && value <= high)
          ++count[std::min(static_cast<std::int64_t>((value - low) * scale), bins - 1)];
      }
    });
  });
  return counts;
}

}  // namespace lumigrad
