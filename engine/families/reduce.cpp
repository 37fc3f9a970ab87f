// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/sum_kernels.h>
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/line_room.h>
#include <lumigrad/engine/families/pixel_call.h>
#include <lumigrad/engine/families/pixel_device.h>
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/views.h>
#include <algorithm>
#include <optional>

namespace lumigrad {
namespace {

// y[s] = scale sum_i f(x_i)
struct ReduceNode final : Node {
  using Node::Node;
  const PixelKernels* kernels = nullptr;
  Lanes lanes{};
  Segments segments{};
  double scale = 1;
  std::size_t inputs_count = 0;
  InlineVector<Saved, 3> kept;
  std::span<Saved> saved() override { return {kept.data(), kept.size()}; }

  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    TensorList all;
    for (const Saved& s : kept) all.push_back(s.get(*this));
    const auto tensors = std::span<const Tensor>(all);
    const auto x = tensors.first(inputs_count), p = tensors.subspan(inputs_count);
    const PixelPlan plan = plan_pixel(name(), *kernels, lanes, x, p);
    InlineVector<bool, 8> want(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) want[i] = wants(i);
    const Tensor spread = spread_out(scale == 1 ? w[0] : mul(w[0], scale, here()), plan);
    pixel_gradients(name(), *kernels, lanes, x, p, spread, {want.data(), want.size()}, g, here());
  }

 private:
  // w [N,] [M] repeated over the elements of each segment; takes no memory.
  Tensor spread_out(Tensor w, const PixelPlan& plan) const {
    const int M = plan.kernels->outputs;
    std::array<std::int64_t, max_rank> ones{};
    ones.fill(1);
    const int rank = plan.result.rank();
    if (segments == Segments::images) ones[0] = plan.domain.shape[0];
    if (lanes == Lanes::planes)
      ones[static_cast<std::size_t>(rank - 3)] = M;
    else if (M > 1)
      ones[static_cast<std::size_t>(rank - 1)] = M;
    w = reshape(w, std::span<const std::int64_t>(ones.data(), static_cast<std::size_t>(rank)), here());
    return expand(w, plan.result, here());
  }
};

// The sum over some axes: the formula is the identity, and any axis may be summed.
struct SumNode final : Node {
  using Node::Node;
  Shape from, kept;  // kept: the shape of x with summed axes of extent 1
  double scale = 1;
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor seed = reshape(scale == 1 ? w[0] : mul(w[0], scale, here()), kept, here());
    g[0] = expand(seed, from, here());
  }
};

template <class T>
const SumKernel<T>& kernel_of() {
  if constexpr (std::is_same_v<T, float>)
    return sum_kernels().f32;
  else
    return sum_kernels().f64;
}

// One result: blocks of the summed domain, in order.
template <class T>
double sum_inner(const Lane& lane, const Domain& domain, T* room) {
  const LaneReader<T> reader(lane, domain, 0);
  double sum = 0;
  for (std::int64_t at = 0; at < domain.extent; at += lane_block) {
    const std::int64_t n = std::min(lane_block, domain.extent - at);
    sum += kernel_of<T>().block(reader.at(at, n, room), static_cast<std::size_t>(n));
  }
  return sum;
}

// How far apart the elements of some axes lie in memory, where that is one number: 1 for dense ones.
std::optional<std::int64_t> single_step(const Shape& shape, const Strides& strides) {
  std::optional<std::int64_t> step;
  std::int64_t next = 0;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] == 1) continue;
    const std::int64_t stride = strides[static_cast<std::size_t>(i)];
    if (step && stride != next) return std::nullopt;
    if (!step) step = stride;
    next = stride * shape[i];
  }
  return step.value_or(1);
}

// x with kept axes first, summed axes behind them: [K..., R...].
template <class T>
void sum_axes(const Tensor& x, int kept, bool last_is_summed, double scale, T* to) {
  const Shape outer(x.shape().extents().first(static_cast<std::size_t>(kept)));
  const Shape inner(x.shape().extents().subspan(static_cast<std::size_t>(kept)));
  Strides outer_strides{}, inner_strides{};
  for (int i = 0; i < x.rank(); ++i)
    (i < kept ? outer_strides[static_cast<std::size_t>(i)] : inner_strides[static_cast<std::size_t>(i - kept)]) =
        x.strides()[static_cast<std::size_t>(i)];
  auto* base = const_cast<std::byte*>(x.bytes());
  const auto size = static_cast<std::int64_t>(sizeof(T));
  const auto offset = [](const Shape& shape, const Strides& strides, std::int64_t index) {
    std::int64_t at = 0;
    for (int i = shape.rank() - 1; i >= 0; --i) {
      at += index % shape[i] * strides[static_cast<std::size_t>(i)];
      index /= shape[i];
    }
    return at;
  };
  const std::int64_t K = outer.numel(), R = inner.numel();
  if (last_is_summed) {  // each result walks its own terms; a long one is cut into chunks for the threads
    const std::int64_t chunks = std::max<std::int64_t>((R + lane_chunk - 1) / lane_chunk, 1);
    if (const auto step = single_step(outer, outer_strides);
        R <= lane_block && step && single_step(inner, inner_strides) == 1) {
      const T* from = reinterpret_cast<const T*>(base);  // many short sums: nothing is set up for each
      parallel_for(
          (K + lane_block - 1) / lane_block,
          [&](std::int64_t job) {
            for (std::int64_t k = job * lane_block; k < std::min(K, (job + 1) * lane_block); ++k)
              to[k] = static_cast<T>(scale * (kernel_of<T>().block(from + k * *step, static_cast<std::size_t>(R))));
          },
          1e-3 * static_cast<double>(lane_block * std::max<std::int64_t>(R, 8)));
      return;
    }
    if (chunks == 1) {
      const std::int64_t group = std::max<std::int64_t>(1, lane_chunk / std::max<std::int64_t>(R, 1));
      parallel_for((K + group - 1) / group,
                   [&](std::int64_t job) {
                     std::vector<T> room(static_cast<std::size_t>(std::min(R, lane_block)));
                     for (std::int64_t k = job * group; k < std::min(K, (job + 1) * group); ++k) {
                       const Lane lane{base + offset(outer, outer_strides, k) * size, inner_strides, dtype_of<T>, 1};
                       to[k] = static_cast<T>(scale * sum_inner<T>(lane, {inner, 1, R}, room.data()));
                     }
                   },
                   3.0);
      return;
    }
    std::vector<double> sums(static_cast<std::size_t>(K * chunks));
    parallel_for(
        K * chunks,
        [&](std::int64_t job) {
          std::vector<T> room(static_cast<std::size_t>(lane_block));
          const Lane lane{base + offset(outer, outer_strides, job / chunks) * size, inner_strides, dtype_of<T>, 1};
          const LaneReader<T> reader(lane, {inner, 1, R}, 0);
          const std::int64_t begin = job % chunks * lane_chunk, end = std::min(begin + lane_chunk, R);
          for (std::int64_t at = begin; at < end; at += lane_block) {
            const std::int64_t n = std::min(lane_block, end - at);
            sums[static_cast<std::size_t>(job)] +=
                kernel_of<T>().block(reader.at(at, n, room.data()), static_cast<std::size_t>(n));
          }
        },
        3.0);
    for (std::int64_t k = 0; k < K; ++k) {
      double sum = 0;
      for (std::int64_t c = 0; c < chunks; ++c) sum += sums[static_cast<std::size_t>(k * chunks + c)];
      to[k] = static_cast<T>(scale * sum);
    }
    return;
  }
  // The last axis stays: add whole rows of results, some terms at a time.
  constexpr std::int64_t together = 8;
  const Lane lane{base, outer_strides, dtype_of<T>, 1};
  parallel_for((K + lane_block - 1) / lane_block,
               [&](std::int64_t job) {
                 const std::int64_t begin = job * lane_block, n = std::min(lane_block, K - begin);
                 const LineRoom<double> sums(static_cast<std::size_t>(R > together ? n : 0));
                 const LineRoom<T> room(static_cast<std::size_t>(std::min(R, together) * n));
                 Lane term = lane;
                 for (std::int64_t r = 0; r < std::max<std::int64_t>(R, 1); r += together) {
                   const T* terms[together];
                   const std::int64_t count = std::min(together, R - r);
                   for (std::int64_t k = 0; k < count; ++k) {
                     term.base = base + offset(inner, inner_strides, r + k) * size;
                     terms[k] = LaneReader<T>(term, {outer, 1, K}, 0).at(begin, n, room.get() + k * n);
                   }
                   kernel_of<T>().accumulate(terms, static_cast<int>(count), sums.get(), r == 0,
                                             r + together >= R ? to + begin : nullptr, scale,
                                             static_cast<std::size_t>(n));
                 }
               },
               1e-3 * static_cast<double>(std::min(K, lane_block) * R));
}

Tensor sum_scaled(const char* name, const Tensor& x, std::span<const int> axes, bool keep, double scale, Here here) {
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected f32 or f64, got ", x.dtype(),
                      "; convert it with to()");
  std::array<bool, max_rank> summed{};
  for (const int axis : axes) {
    bool& taken = summed[static_cast<std::size_t>(checked_axis(name, axis, x.rank()))];
    require<ShapeError>(!taken, name, ": expected every axis at most once, got axis ", axis, " twice");
    taken = true;
  }
  InlineVector<int, max_rank> order;
  Shape kept = x.shape(), result = x.shape();
  for (int i = 0; i < x.rank(); ++i)
    if (!summed[static_cast<std::size_t>(i)]) order.push_back(i);
  const int kept_rank = static_cast<int>(order.size());
  bool last = true;  // is the innermost axis (of more than one element) summed?
  for (int i = 0; i < x.rank(); ++i) {
    if (x.size(i) > 1) last = summed[static_cast<std::size_t>(i)];
    if (!summed[static_cast<std::size_t>(i)]) continue;
    order.push_back(i);
    kept = kept.with(i, 1);
  }
  for (int i = x.rank() - 1; i >= 0; --i)
    if (summed[static_cast<std::size_t>(i)] && !keep) result = result.without(i);
  if (keep) result = kept;
  Tensor y = Tensor::empty(result, x.dtype(), x.device());
  const Tensor ordered = permute(x.detach(), std::span<const int>(order), here);
  if (x.device() != Device()) {
    const device::Array from = device::array_of(ordered), to = device::array_of(y);
    device::check(
        name, x.device(),
        device::table(x.device()).reduce.sum_axes(device::place_of(x.device()), &from, kept_rank, last, scale, &to));
  } else if (x.dtype() == DType::f32)
    sum_axes<float>(ordered, kept_rank, last, scale, reinterpret_cast<float*>(const_cast<std::byte*>(y.bytes())));
  else
    sum_axes<double>(ordered, kept_rank, last, scale, reinterpret_cast<double*>(const_cast<std::byte*>(y.bytes())));
  y.state().weak = x.is_weak();
  if (auto node = record<SumNode>(name, here, {&x})) {
    node->from = x.shape();
    node->kept = kept;
    node->scale = scale;
    node->attach(y);
  }
  return y;
}

InlineVector<int, max_rank> all_axes(const Tensor& x) {
  InlineVector<int, max_rank> axes;
  for (int i = 0; i < x.rank(); ++i) axes.push_back(i);
  return axes;
}

// [M], or [images, M]
Tensor segment_sums(const PixelPlan& plan, std::span<const Tensor> x, std::span<const Tensor> p, bool each_image,
                    double scale) {
  std::vector<double> sums = pixel_sums(plan, x, p);
  const auto M = static_cast<std::size_t>(plan.kernels->outputs);
  if (!each_image) {  // parameters may vary from image to image; the sum is over all of them
    std::vector<double> total(M, 0.0);
    for (std::size_t i = 0; i < sums.size(); ++i) total[i % M] += sums[i];
    sums = std::move(total);
  }
  for (double& s : sums) s *= scale;
  const auto rows = static_cast<std::int64_t>(sums.size() / M);
  Tensor y = Tensor::empty(each_image ? Shape{rows, plan.kernels->outputs} : Shape{plan.kernels->outputs}, plan.dtype);
  store_elements(sums.data(), y.numel(), const_cast<std::byte*>(y.bytes()), y.dtype(), 1);
  return y;
}

}  // namespace

Tensor reduce(const char* name, const PixelKernels& kernels, Lanes lanes, std::span<const Tensor> inputs,
              std::span<const Tensor> params, Segments segments, double scale, Here here) {
  const DType dtype = pixel_dtype(name, lanes, inputs);
  TensorList x, p;
  for (const Tensor& t : inputs) x.push_back(t.is_weak() ? t.to(dtype, here) : t);
  for (const Tensor& t : params) p.push_back(t);
  meet_on_device(name, x, p, here);
  PixelPlan plan = plan_pixel(name, kernels, lanes, x, p);
  if (segments == Segments::images) {
    require<ShapeError>(plan.domain.shape.rank() > 0, name, ": expected a first axis that counts images, got a scalar");
    plan.domain.images = plan.domain.shape[0];
    plan.domain.extent = plan.domain.images == 0 ? 0 : plan.domain.shape.numel() / plan.domain.images;
  }
  const bool each_image = segments == Segments::images;
  Tensor y = plan.device != Device() ? device_pixel_sums(plan, x, p, each_image, scale)
                                     : segment_sums(plan, x, p, each_image, scale);
  if (kernels.outputs == 1) y = y.with_layout(y.shape().without(-1), dense_strides(y.shape().without(-1)), 0);
  InlineVector<const Tensor*, 8> sources;
  for (const Tensor& t : x) sources.push_back(&t);
  for (const Tensor& t : p) sources.push_back(&t);
  if (auto node = record<ReduceNode>(name, here, std::span<const Tensor* const>(sources))) {
    node->kernels = &kernels;
    node->lanes = lanes;
    node->segments = segments;
    node->scale = scale;
    node->inputs_count = x.size();
    for (std::size_t i = 0; i < sources.size(); ++i) node->kept.push_back(node->save_input(i, *sources[i]));
    node->attach(y);
  }
  return y;
}

Tensor sum(const Tensor& x, std::span<const int> axes, bool keep, Here here) {
  return sum_scaled("sum", x, axes, keep, 1, here);
}

Tensor sum(const Tensor& x, Here here) {
  return sum_scaled("sum", x, std::span<const int>(all_axes(x)), false, 1, here);
}
Tensor sum(const Tensor& x, std::initializer_list<int> axes, bool keep, Here here) {
  return sum(x, std::span<const int>(axes.begin(), axes.size()), keep, here);
}

Tensor mean(const Tensor& x, std::span<const int> axes, bool keep, Here here) {
  std::int64_t count = 1;
  for (const int axis : axes) count *= x.size(checked_axis("mean", axis, x.rank()));
  require<ShapeError>(count > 0, "mean: expected something to average, got shape ", x.shape());
  return sum_scaled("mean", x, axes, keep, 1.0 / static_cast<double>(count), here);
}

Tensor mean(const Tensor& x, Here here) { return mean(x, std::span<const int>(all_axes(x)), false, here); }
Tensor mean(const Tensor& x, std::initializer_list<int> axes, bool keep, Here here) {
  return mean(x, std::span<const int>(axes.begin(), axes.size()), keep, here);
}

}  // namespace lumigrad
