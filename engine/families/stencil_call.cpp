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

// The weights of one group as rows of the image's channels over channels of y and those taps that a grid meets.
template <class T>
void turn_weights(const Stencil& s, const T* w, const TapGrid& grid, T* to) {
  const std::int64_t part = s.in / s.groups, depth = s.out / s.groups;
  std::vector<std::int64_t> met = {0};  // taps, by their place in a window
  for (std::size_t a = 0; a < 3; ++a) {
    const StencilAxis& axis = s.axis[a];
    std::vector<std::int64_t> longer;
    for (const std::int64_t lead : met)
      for (std::int64_t k = 0; k < axis.taps; ++k)
        if ((grid.axis[a].first + axis.before - axis.dilation * k) % axis.stride == 0)
          longer.push_back(lead * axis.taps + k);
    met = std::move(longer);
  }
  const auto taps = static_cast<std::int64_t>(met.size()), all = s.axis[0].taps * s.axis[1].taps * s.axis[2].taps;
  constexpr std::int64_t lot = 16;  // channels that are read and written together
  parallel_for(
      parts_of(part, lot),
      [&](std::int64_t b) {
        for (std::int64_t o = 0; o < depth; ++o)
          for (std::int64_t c = b * lot; c < std::min(part, (b + 1) * lot); ++c) {
            const T* from = w + (o * part + c) * all;
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

// y [images, groups rows, extents] = weights times windows, the windows of one grid of each group.
template <class T>
struct Product {
  const StencilSource<T>& source;
  const TapGrid& grid;
  std::int64_t images, groups;
  std::int64_t rows, channels;  // of a group: of the result, and of the source
  const T* weights;             // [groups, rows, channels taps]
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
  // Columns of one image and the next are computed together where one image has few.
  void run() const;
};

// Of a block of columns, `rows` rows from `row` on.
struct ProductJob {
  std::int64_t group, image, images, first, columns, row, rows;
};

template <class T>
void multiply(const Product<T>& product, const std::vector<std::int64_t>& taps, const ProductJob& job) {
  const std::int64_t depth = static_cast<std::int64_t>(taps.size()), all = product.rows * product.groups;
  const std::int64_t plane = product.extent[0] * product.extent[1] * product.extent[2];
  const std::int64_t results = product.grid.results(), row = job.group * product.rows + job.row;
  T* y = product.y + (job.image * all + row) * plane;
  const bool plain = results == plane && job.images == 1;  // the block is a part of each row of y
  const std::int64_t small = plain ? 0 : job.rows * job.columns;
  const bool few = product.rows < 4;  // rows: their sums are cheaper than panels
  const std::int64_t room = few ? 0 : product_room<T>(depth, job.columns, job.rows);
  const Tensor scratch = Tensor::empty({small + room + 1}, dtype_of<T>);
  const MatrixView<T> to =
      plain ? MatrixView<T>{y + job.first, plane, 1} : MatrixView<T>{new_elements<T>(scratch), job.columns, 1};
  const T* weights = product.weights + row * depth;
  const Windows<T> windows = product.source.windows(product.grid, taps, job.images, product.channels * product.groups,
                                                    (job.image * product.groups + job.group) * product.channels);
  if (few) {
    for (std::int64_t r = 0; r < job.rows; ++r)
      stencil_kernel<T>().weigh(windows, weights + r * depth, depth, job.first, job.columns, to.at + r * to.row);
  } else if (depth == 0) {
    for (std::int64_t r = 0; r < job.rows; ++r) std::fill_n(to.at + r * to.row, job.columns, T(0));
  } else {
    struct Block {
      Windows<T> windows;
      std::int64_t first;
    } block{windows, job.first};
    const auto fill = [](const void* of, std::int64_t p, std::int64_t steps, std::int64_t j, std::int64_t columns,
                         std::int64_t width, T* panels) {
      const auto& [matrix, from] = *static_cast<const Block*>(of);
      stencil_kernel<T>().fill(&matrix, p, steps, from + j, columns, width, panels);
    };
    product_kernel<T>().multiply_panels({weights, depth, 1}, {fill, &block}, to, job.rows, depth, job.columns,
                                        new_elements<T>(scratch) + small);
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
void Product<T>::run() const {
  const std::int64_t results = grid.results();
  if (results == 0 || images == 0 || rows == 0) return;
  constexpr std::int64_t block = product_columns<T>, most_rows = 120, unit = 128 / static_cast<std::int64_t>(sizeof(T));
  const std::vector<std::int64_t> taps = source.rows(grid, channels);
  // Images together: as many as make a block, so that a job has at most one block of columns.
  const std::int64_t most = results < block / 2 ? std::min(images, block / results) : 1;
  const std::int64_t together = parts_of(images, parts_of(images, most));
  const std::int64_t blocks = together > 1 ? 1 : parts_of(results, block);
  const std::int64_t columns = together > 1 ? together * results : parts_of(parts_of(results, blocks), unit) * unit;
  const std::int64_t sets = parts_of(images, together), jobs = sets * groups * blocks;
  const std::int64_t height = jobs < 16 ? most_rows : rows, parts = parts_of(rows, height);
  const double work =
      static_cast<double>(columns) * static_cast<double>(std::min(rows, height)) * static_cast<double>(taps.size() + 4);
  parallel_for(
      sets * groups * blocks * parts,
      [&](std::int64_t i) {
        ProductJob job;
        job.row = i % parts * height;
        job.rows = std::min(rows - job.row, height);
        job.first = i / parts % blocks * columns;
        job.group = i / parts / blocks % groups;
        job.image = i / parts / blocks / groups * together;
        job.images = std::min(together, images - job.image);
        job.columns = std::min(columns, job.images * results - job.first);
        if (job.columns > 0) multiply(*this, taps, job);
      },
      3e-5 * work);
}

Tensor dense_bias(const Tensor& bias) { return bias.defined() ? bias.detach().contiguous() : Tensor(); }

}  // namespace

Tensor stencil_forward(const Stencil& s, const Tensor& x, const Tensor& w, const Tensor& bias) {
  if (x.device() != Device()) return device_stencil_forward(s, x, w, bias);
  const Tensor added = dense_bias(bias);
  const TapGrid grid = window_grid(s);
  const std::int64_t extent[3] = {s.axis[0].in, s.axis[1].in, s.axis[2].in};
  const Tensor y = Tensor::empty({s.images, s.out, s.axis[0].out, s.axis[1].out, s.axis[2].out}, x.dtype());
  if (y.numel() == 0) return y;
  by_differentiable_dtype(x.dtype(), [&]<class T>(T) {
    const StencilSource<T> source(x, s.images * s.in, extent, {grid});
    Product<T>{source,
               grid,
               s.images,
               s.groups,
               s.out / s.groups,
               s.in / s.groups,
               elements<T>(w),
               added.defined() ? elements<T>(added) : nullptr,
               new_elements<T>(y),
               {s.axis[0].out, s.axis[1].out, s.axis[2].out}}
        .run();
  });
  return y;
}

Tensor stencil_spread(const Stencil& s, const Tensor& w, const Tensor& y, const Tensor& bias) {
  if (y.device() != Device()) return device_stencil_spread(s, w, y, bias);
  const Tensor added = dense_bias(bias);
  const std::vector<TapGrid> grids = transposed_grids(s);
  const std::int64_t extent[3] = {s.axis[0].out, s.axis[1].out, s.axis[2].out};
  const Tensor x = Tensor::empty({s.images, s.in, s.axis[0].in, s.axis[1].in, s.axis[2].in}, y.dtype());
  if (x.numel() == 0) return x;
  by_differentiable_dtype(y.dtype(), [&]<class T>(T) {
    std::int64_t met = 0;
    for (const TapGrid& grid : grids) met += grid.results();
    if (const std::int64_t plane = s.axis[0].in * s.axis[1].in * s.axis[2].in; met < plane)
      for (std::int64_t i = 0; i < s.images * s.in; ++i)
        std::fill_n(new_elements<T>(x) + i * plane, plane, added.defined() ? elements<T>(added)[i % s.in] : T(0));
    const StencilSource<T> source(y, s.images * s.out, extent, grids);
    const Tensor turned = Tensor::empty(w.shape(), w.dtype());
    for (const TapGrid& grid : grids) {
      const std::int64_t size = w.numel() / s.groups / std::max<std::int64_t>(1, window_grid(s).taps()) * grid.taps();
      for (std::int64_t g = 0; g < s.groups; ++g)
        turn_weights(s, elements<T>(w) + g * (w.numel() / s.groups), grid, new_elements<T>(turned) + g * size);
      Product<T>{source,
                 grid,
                 s.images,
                 s.groups,
                 s.in / s.groups,
                 s.out / s.groups,
                 new_elements<T>(turned),
                 added.defined() ? elements<T>(added) : nullptr,
                 new_elements<T>(x),
                 {s.axis[0].in, s.axis[1].in, s.axis[2].in}}
          .run();
    }
  });
  return x;
}

}  // namespace lumigrad
