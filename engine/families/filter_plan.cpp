// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/filter_plan.h>

#include <lumigrad/engine/cpu/filter_kernels.h>
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/families/filter_fold.h>
#include <lumigrad/engine/families/filter_margins.h>
#include <lumigrad/engine/families/line_room.h>
#include <lumigrad/engine/inline_vector.h>
#include <algorithm>

namespace lumigrad {
namespace {

template <class T>
const FilterKernels<T>& kernels() {
  return of_type<T>(filter_kernels(simd_level()));
}

constexpr std::int64_t rows_a_job = 16, rows_a_sum = 64;

int lines_at_once(std::int64_t left, std::int64_t taps) {
  const std::int64_t most = std::min(left, taps);
  return most >= 4 ? 4 : most >= 2 ? 2 : 1;
}

// Rows [begin, end) of a slice of one plane.
template <class T, class Row, class Out>
void apply_rows(const FilterPlan& plan, const Margins<T>& margins, const Row& image_row, const T* kernel,
                const Out& result_row, std::int64_t begin, std::int64_t end) {
  const std::int64_t slabs = plan.axis[0].taps, taps = plan.axis[1].taps, across = plan.axis[2].taps;
  const std::int64_t read = end - begin + taps - 1;  // rows of a slab
  const bool direct = margins.none();
  const LineRoom<T> room(static_cast<std::size_t>(direct ? 0 : slabs * read * margins.length()));
  const std::vector<T> zeros(static_cast<std::size_t>(direct ? margins.length() : 0));
  std::vector<const T*> row(static_cast<std::size_t>(slabs * read));
  for (std::int64_t s = 0; s < slabs; ++s) {
    for (std::int64_t r = 0; r < read; ++r) {
      const auto at = static_cast<std::size_t>(s * read + r);
      const T* from = image_row(s, begin + r);
      if (direct) {
        row[at] = from == nullptr ? zeros.data() : from + margins.first();
      } else {
        T* to = room.get() + (s * read + r) * margins.length();
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
    for (int o = 0; o < outs; ++o) out[o] = result_row(y + o);
    kernels<T>().lines(window.data(), static_cast<int>(slabs), static_cast<int>(taps), static_cast<int>(across), kernel,
                       out, outs, plan.axis[2].result);
    y += outs;
  }
}

// The same for a product of a column and a row: down first, into lines that stay in the nearest cache, then along.
template <class T, class Row, class Out>
void apply_rows_separable(const FilterPlan& plan, const Margins<T>& margins, const Row& image_row, const T* column,
                          const T* weights, const Out& result_row, std::int64_t begin, std::int64_t end) {
  const std::int64_t taps = plan.axis[1].taps, across = plan.axis[2].taps, front = plan.axis[2].front;
  // A line: what is read of the image's row, and what lies outside before and behind it. Pixels that start a line of
  // the cache in the image do so here.
  constexpr std::int64_t cache_line = 64 / sizeof(T);
  const auto line_before = [](std::int64_t n) { return (n >= 0 ? n : n - cache_line + 1) / cache_line * cache_line; };
  const std::int64_t left = line_before(std::min(margins.read_begin(), -front)),
                     right = std::max(margins.read_end(), margins.length() - front);
  const std::int64_t stride = line_before(right - left + cache_line - 1),
                     read = margins.read_end() - margins.read_begin();
  const LineRoom<T, 1024> lines(static_cast<std::size_t>(most_filter_lines * stride));
  std::vector<T> zeros;
  InlineVector<const T*, 32> row;
  for (std::int64_t y = begin; y < end;) {
    const int outs = lines_at_once(end - y, taps);
    row.clear();
    for (std::int64_t r = 0; r < taps + outs - 1; ++r) {
      const T* from = image_row(0, y + r);
      if (from == nullptr && zeros.empty()) zeros.resize(static_cast<std::size_t>(read));
      row.push_back(from == nullptr ? zeros.data() : from + margins.read_begin());
    }
    T* line[most_filter_lines];
    for (int o = 0; o < outs; ++o) line[o] = lines.get() + o * stride - left + margins.read_begin();
    kernels<T>().lines(row.data(), 1, static_cast<int>(taps), 1, column, line, outs, read);
    for (int o = 0; o < outs; ++o) {
      const T* const whole = line[o] - margins.read_begin();
      T* const start = line[o] - margins.read_begin() - front;
      margins.fill_outer(whole, start);
      T* out = result_row(y + o);
      const T* from = start;
      kernels<T>().lines(&from, 1, 1, static_cast<int>(across), weights, &out, 1, plan.axis[2].result);
    }
    y += outs;
  }
}

// Rows of planes that lie one after another.
template <class T>
auto rows_in(const FilterPlan& plan, const T* plane, std::int64_t z) {
  return [&plan, plane, z](std::int64_t slab, std::int64_t y) { return row_of(plan, plane, z + slab, y); };
}
template <class T>
auto rows_out(const FilterPlan& plan, T* result, std::int64_t z) {
  T* slice = result + z * plan.axis[1].result * plan.axis[2].result;
  return [slice, width = plan.axis[2].result](std::int64_t y) { return slice + y * width; };
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
             apply_rows(plan, margins, rows_in(plan, x + plane * plan.image_numel(), z),
                        kernel + plane / plan.planes_a_kernel * plan.taps(),
                        rows_out(plan, y + plane * plan.result_numel(), z), begin, end);
           });
}

template <class T>
void filter_apply_separable(const FilterPlan& plan, const T* x, const T* column, const T* row, T* y) {
  const Margins<T> margins(plan);
  const std::int64_t taps = plan.axis[1].taps, across = plan.axis[2].taps;
  for_rows(plan, rows_a_job, static_cast<double>(taps + across),
           [&](std::int64_t plane, std::int64_t, std::int64_t begin, std::int64_t end) {
             const std::int64_t k = plane / plan.planes_a_kernel;
             apply_rows_separable(plan, margins, rows_in(plan, x + plane * plan.image_numel(), 0), column + k * taps,
                                  row + k * across, rows_out(plan, y + plane * plan.result_numel(), 0), begin, end);
           });
}

void filter_rows(const FilterPlan& plan, const Margins<float>& margins, FilterRows rows, const float* kernel,
                 const float* row, std::int64_t begin, std::int64_t end) {
  const auto in = [&](std::int64_t, std::int64_t y) {
    const std::int64_t source = index_at_border(y - plan.axis[1].front, plan.axis[1].image, plan.border);
    return source < 0 ? nullptr : rows.image(source);
  };
  if (row)
    apply_rows_separable(plan, margins, in, kernel, row, rows.result, begin, end);
  else
    apply_rows(plan, margins, in, kernel, rows.result, begin, end);
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
             apply_rows(whole, margins, rows_in(whole, g + plane * whole.image_numel(), z), of(plane),
                        rows_out(whole, image + plane * whole.result_numel(), z), begin, end);
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
             apply_rows_separable(whole, margins, rows_in(whole, g + plane * whole.image_numel(), 0),
                                  up.data() + of(plane) * taps, back.data() + of(plane) * across,
                                  rows_out(whole, image + plane * whole.result_numel(), 0), begin, end);
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
