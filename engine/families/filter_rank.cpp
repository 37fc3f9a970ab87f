// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/filter_rank.h>
#include <lumigrad/engine/requirements.h>

#include <lumigrad/engine/cpu/filter_rank_kernels.h>
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/filter_device.h>
#include <lumigrad/engine/families/filter_margins.h>
#include <lumigrad/engine/families/filter_picks.h>
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/families/line_room.h>
#include <lumigrad/engine/families/picks.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/parallel.h>

namespace lumigrad {
namespace {

template <class T>
const RankKernels<T>& kernels() {
  return of_type<T>(rank_kernels(simd_level()));
}

using device::Selects;

constexpr std::int64_t rows_a_job = 16;

// What is selected for all planes. `pick` (may be null) receives the number of the selected place among those that take
// part, or -1 where none was; `tap` (may be null) its number in the window, or how many there are in it.
template <class T>
struct Selection {
  using Integer = typename RankKernels<T>::Integer;
  const FilterPlan& plan;
  const std::vector<WindowPlace>& places;
  Selects selects;
  const T* heights;  // rows x columns, or null
  T outside;
  Integer* pick;
  std::int64_t* tap;

  void run(const T* x, T* y) const {
    const Margins<T> margins(plan, outside);
    const std::int64_t height = plan.axis[1].result, jobs = (height + rows_a_job - 1) / rows_a_job;
    const double work =
        static_cast<double>(std::min(rows_a_job, height) * plan.axis[2].result) * static_cast<double>(places.size());
    auto rows = &Selection::rows_by_places;
    // Double precision is what gradients are checked in, and is held against this.
    if constexpr (std::is_same_v<T, float>)
      if (by_columns()) rows = &Selection::rows_by_columns;
    parallel_for(
        plan.planes * jobs,
        [&](std::int64_t job) {
          const std::int64_t begin = job % jobs * rows_a_job;
          (this->*rows)(margins, job / jobs, x, y, begin, std::min(begin + rows_a_job, height));
        },
        work * 1e-3);
  }

 private:
  // Nobody asks who was selected, and windows share columns: a whole rectangle's extreme is the one along a row of
  // those down the columns, and the median of 3 x 3 follows from columns that are sorted.
  bool by_columns() const {
    const std::int64_t down = plan.axis[1].taps, along = plan.axis[2].taps;
    return !pick && !tap && !heights && static_cast<std::int64_t>(places.size()) == down * along &&
           plan.axis[2].image >= rank_stretch && (selects != Selects::median || (down == 3 && along == 3));
  }

  void rows_by_columns(const Margins<T>& margins, std::int64_t plane, const T* x, T* y, std::int64_t begin,
                       std::int64_t end) const {
    const RankKernels<T>& k = kernels<T>();
    const std::int64_t taps = plan.axis[1].taps, width = plan.axis[2].result, columns = plan.axis[2].taps;
    const std::int64_t before = whole_stretches(plan.axis[2].front),
                       line = before + whole_stretches(width) + whole_stretches(columns);
    const bool median = selects == Selects::median;
    const T sign = selects == Selects::least ? T(-1) : T(1);
    const LineRoom<T> room(static_cast<std::size_t>(3 * line + whole_stretches(width)));
    std::fill_n(room.get(), 3 * line, T(0));
    T *const first = room.get() + before, *const out = room.get() + 3 * line;
    T* const sorted[3] = {first, first + line, first + 2 * line};
    const std::vector<T> beyond(static_cast<std::size_t>(width), outside);
    std::vector<const T*> from(static_cast<std::size_t>(std::max(taps, columns)));
    for (std::int64_t r = begin; r < end; ++r) {
      // Whole stretches, and one that ends with the row.
      const std::int64_t starts[] = {0, width - rank_stretch},
                         counts[] = {width / rank_stretch * rank_stretch, rank_stretch};
      for (int part = 0; part < (width % rank_stretch == 0 ? 1 : 2); ++part) {
        for (std::int64_t t = 0; t < taps; ++t) {
          const T* row = row_of(plan, x + plane * plan.image_numel(), std::int64_t{0}, r + t);
          from[static_cast<std::size_t>(t)] = (row == nullptr ? beyond.data() : row) + starts[part];
        }
        T* const to[3] = {sorted[0] + starts[part], sorted[1] + starts[part], sorted[2] + starts[part]};
        if (median)
          k.sort_columns(from.data(), to, counts[part]);
        else
          k.extremum(from.data(), nullptr, static_cast<int>(taps), sign, to[0], nullptr, counts[part]);
      }
      const T* start[3];
      for (int s = 0; s < (median ? 3 : 1); ++s) {
        margins.fill_outer(sorted[s], sorted[s] - plan.axis[2].front);
        start[s] = sorted[s] - plan.axis[2].front;
      }
      T* const result = y + (plane * plan.axis[1].result + r) * width;
      const bool in_place = (end - r) * width >= whole_stretches(width);
      if (median) {
        k.median_of_columns(start, in_place ? result : out, whole_stretches(width));
      } else {
        for (std::int64_t j = 0; j < columns; ++j) from[static_cast<std::size_t>(j)] = start[0] + j;
        k.extremum(from.data(), nullptr, static_cast<int>(columns), sign, in_place ? result : out, nullptr,
                   whole_stretches(width));
      }
      if (!in_place) std::copy_n(out, width, result);
    }
  }

  void rows_by_places(const Margins<T>& margins, std::int64_t plane, const T* x, T* y, std::int64_t begin,
                      std::int64_t end) const {
    const std::int64_t taps = plan.axis[1].taps, width = plan.axis[2].result, columns = plan.axis[2].taps;
    const std::int64_t stretch = whole_stretches(width);
    const std::int64_t line = std::max(margins.length(), stretch + columns),
                       count = static_cast<std::int64_t>(places.size());
    std::vector<T> room(static_cast<std::size_t>((end - begin + taps - 1) * line), T(0));
    for (std::int64_t r = begin; r < end + taps - 1; ++r)
      margins.fill(row_of(plan, x + plane * plan.image_numel(), std::int64_t{0}, r), room.data() + (r - begin) * line);
    std::vector<T> out(static_cast<std::size_t>(stretch)), own(places.size(), T(0));
    std::vector<Integer> picked(pick || tap ? static_cast<std::size_t>(stretch) : 0);
    std::vector<T> held(static_cast<std::size_t>(selects == Selects::median ? rank_stretch * (count + 2) : 0));
    std::vector<const T*> from(places.size());
    if (heights)
      for (std::size_t t = 0; t < places.size(); ++t) own[t] = heights[places[t].row * columns + places[t].column];
    for (std::int64_t r = begin; r < end; ++r) {
      for (std::size_t t = 0; t < places.size(); ++t)
        from[t] = room.data() + (r - begin + places[t].row) * line + places[t].column;
      const std::int64_t to = (plane * plan.axis[1].result + r) * width;
      // What is written beyond a row is made again, but not beyond the last row of the job.
      const bool in_place = (end - r) * width >= stretch;
      T* const line_of = in_place ? y + to : out.data();
      Integer* const picks = in_place && pick ? pick + to : picked.empty() ? nullptr : picked.data();
      if (selects == Selects::median) {
        const auto past = reinterpret_cast<std::uintptr_t>(held.data()) % 64;
        T* const aligned = held.data() + (past == 0 ? 0 : (64 - past) / sizeof(T));
        kernels<T>().median(from.data(), static_cast<int>(count), line_of, picks, aligned, stretch);
      } else {
        kernels<T>().extremum(from.data(), heights ? own.data() : nullptr, static_cast<int>(count),
                              selects == Selects::greatest ? T(1) : T(-1), line_of, picks, stretch);
      }
      if (!in_place) std::copy_n(out.data(), width, y + to);
      if (!in_place && pick) std::copy_n(picks, width, pick + to);
      for (std::int64_t i = 0; tap && i < width; ++i) {
        const WindowPlace place = picks[i] < 0 ? WindowPlace{taps, 0} : places[static_cast<std::size_t>(picks[i])];
        tap[to + i] = place.row * columns + place.column;
      }
    }
  }
};

struct WindowNode final : Node {
  using Node::Node;
  Shape image, window;
  bool least = false;
  FilterPlan plan;
  std::vector<WindowPlace> places;
  Saved kept[2];  // pick (on a device the pixel) [planes, results of one], tap [results]
  std::span<Saved> saved() override { return kept; }

  void adjoint(std::span<const Tensor> cotangents, std::span<Tensor> gradients) override {
    const Tensor& w = cotangents[0];
    const auto collected = [&](const Tensor& index, const Tensor& values, std::int64_t extent, auto on_device) {
      if (w.device() != Device()) {
        const auto back = [name = name(), plan = plan, index, on_device](const Tensor& z) {
          return on_device(name, plan, z, index);
        };
        return collect(values, {index, extent, back}, here());
      }
      // One more than there are: whatever came from nowhere goes there.
      const Tensor empty = Tensor::zeros(Shape{values.size(0), extent + 1}, w.dtype());
      return slice(scatter_add(empty, 1, index, values, here()), 1, 0, extent, 1, here());
    };
    if (wants(0)) {
      const Tensor index = kept[0].get(*this), values = reshape(w, index.shape(), here());
      const Tensor sums = w.device() == Device()
                              ? collect(values, WindowPicks{plan, places, index}, here())
                              : collected(index, values, image[-2] * image[-1], collect_pixels_on_device);
      gradients[0] = reshape(sums, image, here());
    }
    if (inputs().size() > 1 && wants(1)) {
      const Tensor tap = kept[1].get(*this);
      const Tensor sums = collected(tap, reshape(w, tap.shape(), here()), window.numel(), collect_taps_on_device);
      gradients[1] = reshape(least ? neg(sums, here()) : sums, window, here());
    }
  }
};

Tensor on_tape(Selects selects, const Tensor& x, const WindowOptions& o, const Tensor& mask, const Tensor& heights,
               Here here) {
  static constexpr const char* names[] = {"window_max", "window_min", "window_median"};
  const char* name = names[static_cast<int>(selects)];
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected f32 or f64, got ", x.dtype(), advice(x.dtype()));
  require<ShapeError>(x.rank() >= 2, name, ": expected images [.., H, W], got shape ", x.shape());
  require<ShapeError>(o.rows >= 1 && o.columns >= 1 && o.rows < (1 << 15) && o.columns < (1 << 15), name,
                      ": expected a window of at least one place, got ", o.rows, " x ", o.columns);
  require<ShapeError>(o.anchor_y >= 0 && o.anchor_y < o.rows && o.anchor_x >= 0 && o.anchor_x < o.columns, name,
                      ": expected an anchor in the window, got (", o.anchor_y, ", ", o.anchor_x, ") in ", o.rows, " x ",
                      o.columns);
  const Shape window{o.rows, o.columns};
  std::vector<WindowPlace> places;
  const std::vector<double> marks = mask.defined() ? mask.detach().values() : std::vector<double>{};
  require<ShapeError>(!mask.defined() || mask.shape() == window, name, ": expected a mask ", window, ", got ",
                      mask.defined() ? mask.shape() : window);
  for (std::int64_t r = 0; r < o.rows; ++r)
    for (std::int64_t j = 0; j < o.columns; ++j)
      if (marks.empty() || marks[static_cast<std::size_t>(r * o.columns + j)] != 0) places.push_back({r, j});
  require<ShapeError>(!places.empty(), name, ": expected a mask with at least one place, got none");
  if (heights.defined()) {
    require<ShapeError>(heights.shape() == window, name, ": expected heights ", window, ", got ", heights.shape());
    require<DTypeError>(heights.dtype() == x.dtype(), name, ": expected heights of ", x.dtype(), ", got ",
                        heights.dtype());
  }

  const Device device = x.device();
  const Tensor image = x.contiguous(here);
  const Tensor added = heights.defined() ? device::on_device(name, heights, device, here).contiguous(here) : Tensor();
  Tensor y = Tensor::empty(x.shape(), x.dtype(), device);
  auto node =
      added.defined() ? record<WindowNode>(name, here, {&image, &added}) : record<WindowNode>(name, here, {&image});
  FilterPlan plan;
  plan.border = o.border;
  plan.axis[1] = {x.size(-2), x.size(-2), o.rows, o.anchor_y};
  plan.axis[2] = {x.size(-1), x.size(-1), o.columns, o.anchor_x};
  plan.planes = y.numel() == 0 ? 0 : y.numel() / plan.result_numel();
  Tensor pixel, tap;
  if (node && node->wants(0)) {
    const bool narrow = device == Device() && x.dtype() == DType::f32;
    pixel = Tensor::empty(Shape{plan.planes, y.numel() == 0 ? 0 : plan.result_numel()},
                          narrow ? DType::i32 : DType::i64, device);
  }
  if (node && added.defined() && node->wants(1)) tap = Tensor::empty(Shape{1, y.numel()}, DType::i64, device);
  const auto run = [&]<class T>(T) {
    Selection<T>{plan,
                 places,
                 selects,
                 added.defined() ? added.data<T>() : nullptr,
                 static_cast<T>(o.outside),
                 pixel.defined() ? pixel.mutable_data<typename RankKernels<T>::Integer>() : nullptr,
                 tap.defined() ? tap.mutable_data<std::int64_t>() : nullptr}
        .run(image.data<T>(), y.mutable_data<T>());
  };
  if (plan.planes > 0 && device != Device()) {
    const Tensor marked = mask.defined() ? mask.detach().to(DType::boolean).to(device).contiguous() : Tensor();
    select_on_device(name, plan, {selects, o.outside, marked, added, pixel, tap}, image, y);
  } else if (plan.planes > 0) {
    if (x.dtype() == DType::f32) {
      run(float{});
    } else {
      run(double{});
    }
  }
  if (node) {
    node->image = x.shape();
    node->window = window;
    node->least = selects == Selects::least;
    node->plan = plan;
    node->places = std::move(places);
    if (pixel.defined()) node->kept[0] = node->save_input(0, pixel);
    if (tap.defined()) node->kept[1] = node->save_input(1, tap);
    node->attach(y);
  }
  return y;
}

}  // namespace

Tensor window_max(const Tensor& x, const WindowOptions& options, const Tensor& mask, const Tensor& heights, Here here) {
  return on_tape(Selects::greatest, x, options, mask, heights, here);
}

Tensor window_min(const Tensor& x, const WindowOptions& options, const Tensor& mask, const Tensor& heights, Here here) {
  return on_tape(Selects::least, x, options, mask, heights, here);
}

Tensor window_median(const Tensor& x, const WindowOptions& options, Here here) {
  return on_tape(Selects::median, x, options, {}, {}, here);
}

}  // namespace lumigrad
