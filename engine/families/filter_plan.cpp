// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/filter_plan.h>

#include <lumigrad/engine/cpu/filter_kernels.h>
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/families/filter_fold.h>
#include <lumigrad/engine/families/filter_margins.h>
#include <lumigrad/engine/families/line_room.h>
#include <algorithm>

namespace lumigrad {
namespace {

template <class T>
const FilterKernels<T>& kernels() {
  const FilterTable& table = filter_kernels(simd_level());
  if constexpr (std::is_same_v<T, float>) {
    return table.f32;
  } else {
    return table.f64;
  }
}

constexpr std::int64_t rows_a_job = 16, rows_a_sum = 64;

int lines_at_once(std::int64_t left, std::int64_t taps) {
  const std::int64_t most = std::min(left, taps);
  return most >= 4 ? 4 : most >= 2 ? 2 : 1;
}

// Rows [begin, end) of slice z of one plane.
template <class T>
void apply_rows(const FilterPlan& plan, const Margins<T>& margins, const T* plane, const T* kernel, T* result,
                std::int64_t z, std::int64_t begin, std::int64_t end) {
  const std::int64_t slabs = plan.axis[0].taps, taps = plan.axis[1].taps, across = plan.axis[2].taps;
  const std::int64_t width = plan.axis[2].result, height = plan.axis[1].result;
  const std::int64_t read = end - begin + taps - 1;  // rows of a slab
  const bool direct = margins.none();
  std::vector<T> room(static_cast<std::size_t>(direct ? margins.length() : slabs * read * margins.length()), T(0));
  std::vector<const T*> row(static_cast<std::size_t>(slabs * read));
  for (std::int64_t s = 0; s < slabs; ++s) {
    for (std::int64_t r = 0; r < read; ++r) {
      const auto at = static_cast<std::size_t>(s * read + r);
      const T* from = row_of(plan, plane, z + s, begin + r);
      if (direct) {
        row[at] = from == nullptr ? room.data() : from + margins.first();
      } else {
        T* to = room.data() + (s * read + r) * margins.length();
        margins.fill(from, to);
        row[at] = to;
      }
    }
  }
  std::vector<const T*> window;
  for (std::int64_t y = begin; y < end;) {
    const int outs = lines_at_once(end - y, taps);
    const std::int64_t high = taps + outs - 1;
    window.clear();
    for (std::int64_t s = 0; s < slabs; ++s)
      for (std::int64_t r = 0; r < high; ++r) window.push_back(row[static_cast<std::size_t>(s * read + y - begin + r)]);
    T* out[most_filter_lines];
    for (int o = 0; o < outs; ++o) out[o] = result + (z * height + y + o) * width;
    kernels<T>().lines(window.data(), static_cast<int>(slabs), static_cast<int>(taps), static_cast<int>(across), kernel,
                       out, outs, width);
    y += outs;
  }
}

// The same for a product of a column and a row: down first, into lines that stay in the nearest cache, then along.
template <class T>
void apply_rows_separable(const FilterPlan& plan, const Margins<T>& margins, const T* plane, const T* column,
                          const T* weights, T* result, std::int64_t begin, std::int64_t end) {
  const std::int64_t taps = plan.axis[1].taps, across = plan.axis[2].taps;
  const std::int64_t width = plan.axis[2].result, image_width = plan.axis[2].image;
  // A line: the image's row with room for what lies outside before and behind it. Pixels that start a line of the cache
  // in the image do so here.
  constexpr std::int64_t cache_line = 64 / sizeof(T);
  const auto whole_lines = [](std::int64_t n) { return (n + cache_line - 1) / cache_line * cache_line; };
  const std::int64_t front = plan.axis[2].front, room_before = whole_lines(std::max<std::int64_t>(front, 0));
  const std::int64_t stride = room_before + whole_lines(std::max(image_width, -front) + margins.length());
  const LineRoom<T> lines(static_cast<std::size_t>(most_filter_lines * stride));
  std::vector<T> zeros;
  std::vector<const T*> row;
  for (std::int64_t y = begin; y < end;) {
    const int outs = lines_at_once(end - y, taps);
    row.clear();
    for (std::int64_t r = 0; r < taps + outs - 1; ++r) {
      const T* from = row_of(plan, plane, std::int64_t{0}, y + r);
      if (from == nullptr && zeros.empty()) zeros.resize(static_cast<std::size_t>(image_width));
      row.push_back((from == nullptr ? zeros.data() : from) + margins.read_begin());
    }
    T* line[most_filter_lines];
    for (int o = 0; o < outs; ++o) line[o] = lines.get() + o * stride + room_before + margins.read_begin();
    kernels<T>().lines(row.data(), 1, static_cast<int>(taps), 1, column, line, outs,
                       margins.read_end() - margins.read_begin());
    for (int o = 0; o < outs; ++o) {
      const T* const whole = line[o] - margins.read_begin();
      T* const start = line[o] - margins.read_begin() - front;
      margins.fill_outer(whole, start);
      T* out = result + (y + o) * width;
      const T* from = start;
      kernels<T>().lines(&from, 1, 1, static_cast<int>(across), weights, &out, 1, width);
    }
    y += outs;
  }
}

// Weights in the opposite order.
template <class T>
std::vector<T> reversed(const T* weights, std::int64_t count) {
  return {std::reverse_iterator(weights + count), std::reverse_iterator(weights)};
}

}  // namespace

template <class T>
void filter_apply(const FilterPlan& plan, const T* x, const T* kernel, T* y) {
  const Margins<T> margins(plan);
  for_rows(plan, std::max(rows_a_job, plan.axis[1].taps), static_cast<double>(plan.taps()),
           [&](std::int64_t plane, std::int64_t z, std::int64_t begin, std::int64_t end) {
             apply_rows(plan, margins, x + plane * plan.image_numel(),
                        kernel + plane / plan.planes_a_kernel * plan.taps(), y + plane * plan.result_numel(), z, begin,
                        end);
           });
}

template <class T>
void filter_apply_separable(const FilterPlan& plan, const T* x, const T* column, const T* row, T* y) {
  const Margins<T> margins(plan);
  const std::int64_t taps = plan.axis[1].taps, across = plan.axis[2].taps;
  for_rows(plan, rows_a_job, static_cast<double>(taps + across),
           [&](std::int64_t plane, std::int64_t, std::int64_t begin, std::int64_t end) {
             const std::int64_t k = plane / plan.planes_a_kernel;
             apply_rows_separable(plan, margins, x + plane * plan.image_numel(), column + k * taps, row + k * across,
                                  y + plane * plan.result_numel(), begin, end);
           });
}

template <class T>
void filter_spread(const FilterPlan& plan, const T* g, const T* kernel, T* image) {
  const std::vector<T> back = reversed(kernel, plan.kernels() * plan.taps());  // kernels too are in opposite order
  const auto of = [&](std::int64_t plane) {
    return back.data() + (plan.kernels() - 1 - plane / plan.planes_a_kernel) * plan.taps();
  };
  const FilterPlan whole = transposed(plan, {0, 0, 0}, {plan.axis[0].image, plan.axis[1].image, plan.axis[2].image});
  const Margins<T> margins(whole);
  for_rows(whole, std::max(rows_a_job, plan.axis[1].taps), static_cast<double>(plan.taps()),
           [&](std::int64_t plane, std::int64_t z, std::int64_t begin, std::int64_t end) {
             apply_rows(whole, margins, g + plane * whole.image_numel(), of(plane),
                        image + plane * whole.result_numel(), z, begin, end);
           });
  fold_margins(plan, image, [&](const FilterPlan& part, std::int64_t plane, T* to) {
    filter_apply(part, g + plane * part.image_numel(), of(plane), to);
  });
}

template <class T>
void filter_spread_separable(const FilterPlan& plan, const T* g, const T* column, const T* row, T* image) {
  const std::int64_t taps = plan.axis[1].taps, across = plan.axis[2].taps;
  const std::vector<T> up = reversed(column, plan.kernels() * taps), back = reversed(row, plan.kernels() * across);
  const auto of = [&](std::int64_t plane) { return plan.kernels() - 1 - plane / plan.planes_a_kernel; };
  const FilterPlan whole = transposed(plan, {0, 0, 0}, {plan.axis[0].image, plan.axis[1].image, plan.axis[2].image});
  const Margins<T> margins(whole);
  for_rows(whole, rows_a_job, static_cast<double>(taps + across),
           [&](std::int64_t plane, std::int64_t, std::int64_t begin, std::int64_t end) {
             apply_rows_separable(whole, margins, g + plane * whole.image_numel(), up.data() + of(plane) * taps,
                                  back.data() + of(plane) * across, image + plane * whole.result_numel(), begin, end);
           });
  fold_margins(plan, image, [&](const FilterPlan& part, std::int64_t plane, T* to) {
    filter_apply_separable(part, g + plane * part.image_numel(), up.data() + of(plane) * taps,
                           back.data() + of(plane) * across, to);
  });
}

template <class T>
void filter_kernel_sums(const FilterPlan& plan, const T* x, const T* g, T* kernel) {
  const std::int64_t taps = plan.axis[1].taps, across = plan.axis[2].taps, width = plan.axis[2].result;
  const std::int64_t height = plan.axis[1].result, slices = plan.axis[0].result;
  const std::int64_t jobs = std::max<std::int64_t>((height + rows_a_sum - 1) / rows_a_sum, 1);
  const Margins<T> margins(plan);
  std::vector<double> sums(static_cast<std::size_t>(plan.planes * slices * jobs * plan.taps()), 0.0);
  for_rows(plan, rows_a_sum, static_cast<double>(plan.taps()),
           [&](std::int64_t plane, std::int64_t z, std::int64_t begin, std::int64_t end) {
             double* own = sums.data() + ((plane * slices + z) * jobs + begin / rows_a_sum) * plan.taps();
             const T* from = x + plane * plan.image_numel();
             const T* cotangent = g + plane * plan.result_numel() + z * height * width;
             std::vector<T> room(static_cast<std::size_t>(margins.length()));
             for (std::int64_t s = 0; s < plan.axis[0].taps; ++s)
               for (std::int64_t read = begin; read < end + taps - 1; ++read) {
                 const T* line = row_of(plan, from, z + s, read);
                 if (line == nullptr) continue;
                 if (margins.none()) {
                   line += margins.first();
                 } else {
                   margins.fill(line, room.data());
                   line = room.data();
                 }
                 for (std::int64_t r = std::max<std::int64_t>(read - end + 1, 0); r < taps && r <= read - begin; ++r)
                   kernels<T>().products(cotangent + (read - r) * width, line, static_cast<int>(across), width,
                                         own + (s * taps + r) * across);
               }
           });
  for (std::int64_t k = 0; k < plan.kernels(); ++k) {
    for (std::int64_t t = 0; t < plan.taps(); ++t) {
      double total = 0;
      for (std::int64_t i = 0; i < plan.planes_a_kernel * slices * jobs; ++i)
        total += sums[static_cast<std::size_t>((k * plan.planes_a_kernel * slices * jobs + i) * plan.taps() + t)];
      kernel[k * plan.taps() + t] = static_cast<T>(total);
    }
  }
}

#define LUMIGRAD_FILTER(T)                                                                    \
  template void filter_apply(const FilterPlan&, const T*, const T*, T*);                      \
  template void filter_apply_separable(const FilterPlan&, const T*, const T*, const T*, T*);  \
  template void filter_spread(const FilterPlan&, const T*, const T*, T*);                     \
  template void filter_spread_separable(const FilterPlan&, const T*, const T*, const T*, T*); \
  template void filter_kernel_sums(const FilterPlan&, const T*, const T*, T*);
LUMIGRAD_FILTER(float)
LUMIGRAD_FILTER(double)
#undef LUMIGRAD_FILTER

}  // namespace lumigrad
