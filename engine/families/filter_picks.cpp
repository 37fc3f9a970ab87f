// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/filter_picks.h>

#include <lumigrad/engine/cpu/filter_rank_kernels.h>
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/families/filter_fold.h>
#include <lumigrad/engine/families/filter_margins.h>
#include <lumigrad/engine/families/line_room.h>
#include <lumigrad/engine/families/lines.h>
#include <lumigrad/engine/node.h>

namespace lumigrad {
namespace {

constexpr std::int64_t rows_a_job = 16;

template <class T>
using Integer = typename RankKernels<T>::Integer;

// Rows [begin, end) of a transposed plan, of one plane.
template <class T>
void collect_rows(const FilterPlan& back, const std::vector<WindowPlace>& places, const T* z, const Integer<T>* pick,
                  std::int64_t begin, std::int64_t end, T* image) {
  const std::int64_t taps = back.axis[1].taps, columns = back.axis[2].taps, width = back.axis[2].result;
  const std::int64_t stretch = whole_stretches(width), rows = end - begin + taps - 1;
  const Margins<T> margins(back);
  const Margins<Integer<T>> none(back, -1);
  const std::int64_t line = std::max(margins.length(), stretch + columns);
  const LineRoom<T> values(static_cast<std::size_t>(rows * line)), out(static_cast<std::size_t>(stretch));
  const LineRoom<Integer<T>> picks(static_cast<std::size_t>(rows * line));
  for (std::int64_t r = 0; r < rows; ++r) {
    margins.fill(row_of(back, z, std::int64_t{0}, begin + r), values.get() + r * line);
    none.fill(row_of(back, pick, std::int64_t{0}, begin + r), picks.get() + r * line);
    std::fill_n(values.get() + r * line + margins.length(), line - margins.length(), T(0));
    std::fill_n(picks.get() + r * line + margins.length(), line - margins.length(), Integer<T>(-1));
  }
  std::vector<const T*> value_of(places.size());
  std::vector<const Integer<T>*> pick_of(places.size());
  const auto& kernels = of_type<T>(rank_kernels(simd_level()));
  for (std::int64_t y = begin; y < end; ++y) {
    for (std::size_t t = 0; t < places.size(); ++t) {
      const std::int64_t at = (y - begin + taps - 1 - places[t].row) * line + columns - 1 - places[t].column;
      value_of[t] = values.get() + at;
      pick_of[t] = picks.get() + at;
    }
    const bool in_place = (end - y) * width >= stretch;  // what is written beyond a row is made again
    T* const to = in_place ? image + y * width : out.get();
    kernels.collect(value_of.data(), pick_of.data(), static_cast<int>(places.size()), to, stretch);
    if (!in_place) std::copy_n(out.get(), width, image + y * width);
  }
}

template <class T>
void collect_planes(const WindowPicks& picks, const T* z, T* image) {
  const FilterPlan& plan = picks.plan;
  const auto* pick = elements<Integer<T>>(picks.pick);
  const FilterPlan whole = transposed(plan, {0, 0, 0}, {1, plan.axis[1].image, plan.axis[2].image});
  for_rows(whole, rows_a_job, 2.0 * static_cast<double>(picks.places.size()),
           [&](std::int64_t plane, std::int64_t, std::int64_t begin, std::int64_t end) {
             collect_rows(whole, picks.places, z + plane * whole.image_numel(), pick + plane * whole.image_numel(),
                          begin, end, image + plane * whole.result_numel());
           });
  fold_margins(plan, image, [&](const FilterPlan& part, std::int64_t plane, T* to) {
    collect_rows(part, picks.places, z + plane * part.image_numel(), pick + plane * part.image_numel(), 0,
                 part.axis[1].result, to);
  });
}

template <class T>
void take_planes(const WindowPicks& picks, const T* x, T* z) {
  const FilterPlan& plan = picks.plan;
  const auto* pick = elements<Integer<T>>(picks.pick);
  const std::int64_t width = plan.axis[2].result, height = plan.axis[1].result;
  parallel_for(plan.planes * height, [&](std::int64_t row) {
    for (std::int64_t i = row * width; i < (row + 1) * width; ++i) {
      z[i] = T(0);
      if (pick[i] < 0) continue;
      const WindowPlace place = picks.places[static_cast<std::size_t>(pick[i])];
      const std::int64_t y = index_at_border(row % height + place.row - plan.axis[1].front, plan.axis[1].image,
                                             plan.border),
                         at = index_at_border(i % width + place.column - plan.axis[2].front, plan.axis[2].image,
                                              plan.border);
      if (y >= 0 && at >= 0) z[i] = x[(row / height * plan.axis[1].image + y) * plan.axis[2].image + at];
    }
  });
}

struct PicksNode final : Node {
  using Node::Node;
  WindowPicks picks;
  bool back = false;
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    g[0] = back ? take(w[0], picks, here()) : collect(w[0], picks, here());
  }
};

Tensor moved(const char* name, bool back, const Tensor& x, const WindowPicks& picks, Here here) {
  const Tensor from = x.detach().contiguous();
  const std::int64_t count = back ? picks.plan.image_numel() : picks.plan.result_numel();
  Tensor y = Tensor::empty(Shape{x.size(0), count}, x.dtype());
  by_differentiable_dtype(x.dtype(), [&](auto t) {
    using T = decltype(t);
    if (y.numel() > 0)
      back ? collect_planes(picks, elements<T>(from), new_elements<T>(y))
           : take_planes(picks, elements<T>(from), new_elements<T>(y));
  });
  if (auto node = record<PicksNode>(name, here, {&x})) {
    node->picks = picks;
    node->back = back;
    node->attach(y);
  }
  return y;
}

}  // namespace

Tensor take(const Tensor& x, const WindowPicks& picks, Here here) {
  return moved("window_take", false, x, picks, here);
}
Tensor collect(const Tensor& z, const WindowPicks& picks, Here here) {
  return moved("window_collect", true, z, picks, here);
}

}  // namespace lumigrad
