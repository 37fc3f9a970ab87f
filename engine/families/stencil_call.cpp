// SPDX-License-Identifier: Apache-2.0
// Stencils as products with the matrix of windows.
#include <lumigrad/engine/families/stencil_call.h>

#include <lumigrad/engine/cpu/product_kernels.h>
#include <lumigrad/engine/families/lines.h>
#include <lumigrad/engine/families/stencil_source.h>
#include <lumigrad/engine/parallel.h>
#include <algorithm>

namespace lumigrad {
namespace {

// ---- where windows lie ----------------------------------------------------------------------------------------------

// Place q of the image meets tap k of result p where stride p = q + before - dilation k. For q = r + stride i that is
// p = i + (r + before - dilation k) / stride, for those taps k that leave no rest: a window over y with step 1. Where
// there are fewer taps than places in a stride, some r meet none and are left out.
std::vector<TapAxis> transposed_axis(const StencilAxis& axis) {
  std::vector<TapAxis> all;
  for (std::int64_t k = 0; k < axis.taps; ++k) {
    const std::int64_t r = ((axis.dilation * k - axis.before) % axis.stride + axis.stride) % axis.stride;
    if (r >= axis.in) continue;
    auto one = std::find_if(all.begin(), all.end(), [&](const TapAxis& other) { return other.first == r; });
    if (one == all.end()) one = all.insert(one, {parts_of(axis.in - r, axis.stride), 1, {}, r, axis.stride});
    one->offset.push_back((r + axis.before - axis.dilation * k) / axis.stride);
  }
  return all;
}
std::vector<TapGrid> transposed_grids(const Stencil& s) {
  std::vector<TapGrid> grids;
  for (const TapAxis& a : transposed_axis(s.axis[0]))
    for (const TapAxis& b : transposed_axis(s.axis[1]))
      for (const TapAxis& c : transposed_axis(s.axis[2])) grids.push_back({{a, b, c}});
  return grids;
}

// Those taps of a window that a grid meets, by their place in it.
std::vector<std::int64_t> taps_met(const Stencil& s, const TapGrid& grid) {
  std::vector<std::int64_t> met = {0};
  for (std::size_t a = 0; a < 3; ++a) {
    const StencilAxis& axis = s.axis[a];
    std::vector<std::int64_t> longer;
    for (const std::int64_t lead : met)
      for (std::int64_t k = 0; k < axis.taps; ++k)
        if ((grid.axis[a].first + axis.before - axis.dilation * k) % axis.stride == 0)
          longer.push_back(lead * axis.taps + k);
    met = std::move(longer);
  }
  return met;
}

// The weights of one group as rows of the image's channels over channels of y and those taps.
template <class T>
void turn_weights(const Stencil& s, const T* w, const std::vector<std::int64_t>& met, T* to) {
  const std::int64_t part = s.in / s.groups, depth = s.out / s.groups;
  const auto taps = static_cast<std::int64_t>(met.size()), all = s.axis[0].taps * s.axis[1].taps * s.axis[2].taps;
  constexpr std::int64_t lot = 16;  // channels that are read and written together
  parallel_for(
      parts_of(part, lot),
      [&](std::int64_t b) {
        for (std::int64_t o = 0; o < depth; ++o)
          for (std::int64_t c = b * lot; c < std::min(part, (b + 1) * lot); ++c) {
            const T* from = w + (o * part + c) * all;
            __builtin_prefetch(from + std::min<std::int64_t>(4, depth - 1 - o) * part * all);
            T* into = to + (c * depth + o) * taps;
            if (taps == all)
              std::copy_n(from, taps, into);
            else
              for (std::int64_t k = 0; k < taps; ++k) into[k] = from[met[static_cast<std::size_t>(k)]];
          }
      },
      1e-3 * static_cast<double>(lot * depth * taps));
}

// ---- products -------------------------------------------------------------------------------------------------------

// Of a block of columns, `rows` rows from `row` on.
struct ProductJob {
  std::int64_t group, image, images, first, columns, row, rows;
};

// y [images, groups rows, extents] = weights times windows, the windows of one grid of each group.
template <class T>
struct Product {
  StencilSource<T>& source;
  const TapGrid& grid;
  std::int64_t images, groups;
  std::int64_t rows, channels;  // of a group: of the result, and of the source
  MatrixView<const T> weights;  // of a group: [rows, channels taps]
  std::int64_t apart;           // from the weights of a group to those of the next
  const T* bias;                // [groups rows] or null
  T* y;
  std::int64_t extent[3];  // of y

  // Where result j of one image stands in its plane.
  std::int64_t place(std::int64_t j) const {
    const TapAxis* axis = grid.axis;
    const std::int64_t c = j % axis[2].results, b = j / axis[2].results % axis[1].results,
                       a = j / axis[2].results / axis[1].results;
    return ((axis[0].first + a * axis[0].apart) * extent[1] + axis[1].first + b * axis[1].apart) * extent[2] +
           axis[2].first + c * axis[2].apart;
  }
  // Planes that one job reads.
  std::int64_t planes(std::int64_t together) const { return together * channels * source.plane(); }
  // `room` holds its planes, where they are pending.
  Windows<T> windows(const std::vector<std::int64_t>& taps, const ProductJob& job, T* room) const {
    const std::int64_t first = (job.image * groups + job.group) * channels;
    if (!source.pending()) return source.windows(grid, taps, job.images, channels * groups, source.at(first));
    for (std::int64_t n = 0; n < job.images; ++n)
      source.copy_planes(first + n * groups * channels, channels, room + planes(n));
    return source.windows(grid, taps, job.images, channels, room);
  }
  // Columns of one image and the next are computed together where one image has few.
  void run() const;
  // Groups of few rows and small planes: sums over whole planes, with what lies between their rows.
  bool small_planes() const;
  void sum_planes(const std::vector<std::int64_t>& taps) const;
};

// The windows of a job as panels for a product.
template <class T>
struct WindowPanels {
  Windows<T> windows;
  std::int64_t first;
  PanelSource<T> source(const T* ready) const {
    const auto fill = [](const void* of, std::int64_t p, std::int64_t steps, std::int64_t j, std::int64_t columns,
                         std::int64_t width, T* panels) {
      const auto& [matrix, from] = *static_cast<const WindowPanels*>(of);
      stencil_kernel<T>().fill(&matrix, p, steps, from + j, columns, width, panels);
    };
    return {fill, this, ready};
  }
};

// `ready`: the panels of the job's columns, if they are there already.
template <class T>
void multiply(const Product<T>& product, const std::vector<std::int64_t>& taps, const ProductJob& job, const T* ready) {
  const std::int64_t depth = static_cast<std::int64_t>(taps.size()), all = product.rows * product.groups;
  const std::int64_t plane = product.extent[0] * product.extent[1] * product.extent[2];
  const std::int64_t results = product.grid.results(), row = job.group * product.rows + job.row;
  T* y = product.y + (job.image * all + row) * plane;
  const bool plain = results == plane && job.images == 1;  // the block is a part of each row of y
  const std::int64_t small = plain ? 0 : job.rows * job.columns;
  const bool few = product.rows < 4;  // rows: their sums are cheaper than panels
  const std::int64_t room = few ? 0 : product_room<T>(depth, job.columns, job.rows);
  const std::int64_t copied = product.source.pending() ? product.planes(job.images) : 0;
  const Tensor scratch = small + room + copied > 0 ? Tensor::empty({small + room + copied}, dtype_of<T>) : Tensor();
  const MatrixView<T> to =
      plain ? MatrixView<T>{y + job.first, plane, 1} : MatrixView<T>{new_elements<T>(scratch), job.columns, 1};
  const auto& [all_weights, weight_row, weight_column] = product.weights;
  const T* weights = all_weights + job.group * product.apart + job.row * weight_row;
  const Windows<T> windows = product.windows(taps, job, copied > 0 ? new_elements<T>(scratch) + small + room : nullptr);
  if (few) {
    for (std::int64_t r = 0; r < job.rows; ++r)
      stencil_kernel<T>().weigh(windows, weights + r * weight_row, depth, job.first, job.columns, to.at + r * to.row);
  } else if (depth == 0) {
    for (std::int64_t r = 0; r < job.rows; ++r) std::fill_n(to.at + r * to.row, job.columns, T(0));
  } else {
    const WindowPanels<T> panels{windows, job.first};
    product_kernel<T>().multiply_panels({weights, weight_row, weight_column}, panels.source(ready), to, job.rows, depth,
                                        job.columns, new_elements<T>(scratch) + small);
  }
  if (product.bias)
    for (std::int64_t r = 0; r < job.rows; ++r) {
      T* line = to.at + r * to.row;
      for (std::int64_t j = 0; j < job.columns; ++j) line[j] += product.bias[row + r];
    }
  if (plain) return;
  const TapAxis& last = product.grid.axis[2];
  for (std::int64_t j = 0; j < job.columns;) {  // one row of results at a time
    const std::int64_t at = job.first + j, run = std::min(last.results - at % last.results, job.columns - j);
    T* into = y + at / results * all * plane + product.place(at % results);
    const T* from = to.at + j;
    for (std::int64_t r = 0; r < job.rows; ++r, into += plane, from += to.row)
      if (last.apart == 1)
        std::copy_n(from, run, into);
      else
        for (std::int64_t c = 0; c < run; ++c) into[c * last.apart] = from[c];
    j += run;
  }
}

template <class T>
bool Product<T>::small_planes() const {
  constexpr std::int64_t near = (std::int64_t{1} << 16) / static_cast<std::int64_t>(sizeof(T));  // a part of a cache
  return rows < 4 && planes(1) <= near && source.stride(grid, 1) < 2 * grid.axis[2].results + 4;
}

// Results of one row stand before those of the next with a gap of as many places as the windows overhang: summed too,
// and left out when the rows are copied, they make one long run of many short ones. A job does many planes, whose zeros
// around them are written once.
template <class T>
void Product<T>::sum_planes(const std::vector<std::int64_t>& taps) const {
  const TapAxis* axis = grid.axis;
  const auto depth = static_cast<std::int64_t>(taps.size());
  const std::int64_t line = source.stride(grid, 1), deep = source.stride(grid, 0),
                     run = (axis[1].results - 1) * line + axis[2].results;
  const std::int64_t plane = extent[0] * extent[1] * extent[2], pairs = images * groups;
  const std::int64_t origin = place(0), next = axis[0].apart * extent[1] * extent[2];
  const double work = 6e-5 * static_cast<double>(axis[0].results * run * rows * (depth + 8));
  const std::int64_t lot = std::clamp(static_cast<std::int64_t>(20 / work), std::int64_t{1}, parts_of(pairs, 32));
  parallel_for(
      parts_of(pairs, lot),
      [&](std::int64_t job) {
        const bool copies = source.pending();
        const Tensor scratch = Tensor::empty({run + (copies ? planes(1) : 0)}, dtype_of<T>);
        T *sums = new_elements<T>(scratch), *copied = sums + run;
        const auto& kernel = stencil_kernel<T>();
        for (std::int64_t i = job * lot; i < std::min(pairs, (job + 1) * lot); ++i) {
          const std::int64_t group = i % groups, first = i * channels;
          if (copies) source.copy_planes(first, channels, copied, i > job * lot);
          const T* from = copies ? copied : source.at(first);
          for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t a = 0; a < axis[0].results; ++a) {
              const Windows<T> windows = {from + a * deep, taps.data(), {1, 1, 1, run}, {0, 0, 0}};
              kernel.weigh(windows, weights.at + group * apart + r * weights.row, depth, 0, run, sums);
              if (bias)
                for (std::int64_t j = 0; j < run; ++j) sums[j] += bias[group * rows + r];
              kernel.copy_rows(sums, line, 1, y + (i * rows + r) * plane + origin + a * next, axis[1].apart * extent[2],
                               axis[2].apart, axis[1].results, axis[2].results);
            }
        }
      },
      work * static_cast<double>(lot));
}

template <class T>
void Product<T>::run() const {
  const std::int64_t results = grid.results();
  if (results == 0 || images == 0 || rows == 0) return;
  constexpr std::int64_t most_rows = 120, tile = 12, unit = 128 / static_cast<std::int64_t>(sizeof(T));
  const std::int64_t block = rows < 4 ? 8 * product_columns<T> : product_columns<T>;  // sums of few rows use no panels
  const std::vector<std::int64_t> taps = source.rows(grid, channels);
  const auto depth = static_cast<std::int64_t>(taps.size());
  if (small_planes()) return sum_planes(taps);
  // Images together: as many as make a block, so that a job has at most one block of columns.
  const std::int64_t most = results < product_columns<T> / 2 ? std::min(images, product_columns<T> / results) : 1;
  const std::int64_t together = parts_of(images, parts_of(images, most));
  const std::int64_t blocks = together > 1 ? 1 : parts_of(results, block);
  const std::int64_t columns = together > 1 ? together * results : parts_of(parts_of(results, blocks), unit) * unit;
  const std::int64_t sets = parts_of(images, together), jobs = sets * groups * blocks;
  // Where jobs are few, each is cut into parts of its rows.
  const std::int64_t cuts = jobs < 16 ? parts_of(rows, most_rows) : 1;
  const std::int64_t height = parts_of(parts_of(rows, cuts), tile) * tile, parts = parts_of(rows, height);
  constexpr std::int64_t near = (std::int64_t{1} << 17) / static_cast<std::int64_t>(sizeof(T));  // a part of a cache
  if (blocks * parts > 1 || planes(together) > near) source.copy();
  const auto job_at = [&](std::int64_t i) {
    ProductJob job;
    job.row = i % parts * height;
    job.rows = std::min(rows - job.row, height);
    job.first = i / parts % blocks * columns;
    job.group = i / parts / blocks % groups;
    job.image = i / parts / blocks / groups * together;
    job.images = std::min(together, images - job.image);
    job.columns = std::min(columns, job.images * results - job.first);
    return job;
  };
  const double work = static_cast<double>(columns) * static_cast<double>(depth + 4);
  // Parts share their panels, which are then written before: rows of a small image make short runs, and are as dear to
  // copy as they are to multiply by some ten rows.
  const std::int64_t size = ready_panels<T>(depth, columns), steps = parts_of(depth, product_depth);
  const bool share = parts > 1 && rows >= 4 && jobs * size <= std::int64_t{1} << 22;
  const Tensor panels = share ? Tensor::empty({jobs * size}, dtype_of<T>) : Tensor();
  T* ready = share ? new_elements<T>(panels) : nullptr;
  if (share)
    parallel_for(
        jobs * steps,
        [&](std::int64_t i) {
          const ProductJob job = job_at(i / steps * parts);
          const WindowPanels<T> from{windows(taps, job, nullptr), job.first};
          if (job.columns > 0)
            product_kernel<T>().write_panels(from.source(nullptr), i % steps * product_depth, depth, job.columns,
                                             ready + i / steps * size);
        },
        3e-4 * static_cast<double>(columns * std::min(depth, product_depth)));
  parallel_for(
      jobs * parts,
      [&](std::int64_t i) {
        if (const ProductJob job = job_at(i); job.columns > 0)
          multiply(*this, taps, job, share ? ready + i / parts * size : nullptr);
      },
      3e-5 * work * static_cast<double>(height));
}

Tensor dense_bias(const Tensor& bias) { return bias.defined() ? bias.detach().contiguous() : Tensor(); }

}  // namespace

Tensor stencil_forward(const char* name, const Stencil& s, const Tensor& x, const Tensor& w, const Tensor& bias) {
  if (x.device() != Device()) return device_stencil_forward(name, s, x, w, bias);
  const Tensor added = dense_bias(bias);
  const TapGrid grid = window_grid(s);
  const std::int64_t extent[3] = {s.axis[0].in, s.axis[1].in, s.axis[2].in};
  const Tensor y = Tensor::empty({s.images, s.out, s.axis[0].out, s.axis[1].out, s.axis[2].out}, x.dtype());
  if (y.numel() == 0) return y;
  by_differentiable_dtype(x.dtype(), [&]<class T>(T) {
    StencilSource<T> source(x, s.images * s.in, extent, {grid});
    Product<T>{source,
               grid,
               s.images,
               s.groups,
               s.out / s.groups,
               s.in / s.groups,
               {elements<T>(w), s.in / s.groups * grid.taps(), 1},
               w.numel() / s.groups,
               added.defined() ? elements<T>(added) : nullptr,
               new_elements<T>(y),
               {s.axis[0].out, s.axis[1].out, s.axis[2].out}}
        .run();
  });
  return y;
}

Tensor stencil_spread(const char* name, const Stencil& s, const Tensor& w, const Tensor& y, const Tensor& bias) {
  if (y.device() != Device()) return device_stencil_spread(name, s, w, y, bias);
  const Tensor added = dense_bias(bias);
  const std::vector<TapGrid> grids = transposed_grids(s);
  const std::int64_t extent[3] = {s.axis[0].out, s.axis[1].out, s.axis[2].out};
  const Tensor x = Tensor::empty({s.images, s.in, s.axis[0].in, s.axis[1].in, s.axis[2].in}, y.dtype());
  if (x.numel() == 0) return x;
  by_differentiable_dtype(y.dtype(), [&]<class T>(T) {
    std::int64_t covered = 0;
    for (const TapGrid& grid : grids) covered += grid.results();
    if (const std::int64_t plane = s.axis[0].in * s.axis[1].in * s.axis[2].in; covered < plane)
      for (std::int64_t i = 0; i < s.images * s.in; ++i)
        std::fill_n(new_elements<T>(x) + i * plane, plane, added.defined() ? elements<T>(added)[i % s.in] : T(0));
    StencilSource<T> source(y, s.images * s.out, extent, grids);
    if (grids.size() > 1 && s.in / s.groups >= 4) source.copy();  // once for all
    const Tensor turned = Tensor::empty(w.shape(), w.dtype());
    const std::int64_t part = s.in / s.groups, depth = s.out / s.groups, of_group = w.numel() / s.groups;
    const std::int64_t all = s.axis[0].taps * s.axis[1].taps * s.axis[2].taps;
    for (const TapGrid& grid : grids) {
      const std::vector<std::int64_t> met = taps_met(s, grid);
      const auto taps = static_cast<std::int64_t>(met.size());
      const bool in_place = taps == 1 && part >= 4;  // one tap: a matrix as it lies, read by columns
      const std::int64_t apart = in_place ? of_group : part * depth * taps;
      for (std::int64_t g = 0; g < s.groups && !in_place; ++g)
        turn_weights(s, elements<T>(w) + g * of_group, met, new_elements<T>(turned) + g * apart);
      Product<T>{source,
                 grid,
                 s.images,
                 s.groups,
                 part,
                 depth,
                 in_place ? MatrixView<const T>{elements<T>(w) + met[0], all, part * all}
                          : MatrixView<const T>{new_elements<T>(turned), depth * taps, 1},
                 apart,
                 added.defined() ? elements<T>(added) : nullptr,
                 new_elements<T>(x),
                 {s.axis[0].in, s.axis[1].in, s.axis[2].in}}
          .run();
    }
  });
  return x;
}

}  // namespace lumigrad
