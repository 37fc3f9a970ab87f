// SPDX-License-Identifier: Apache-2.0
// Stencils as products with the matrix of windows.
#include <lumigrad/engine/families/stencil_call.h>

#include <lumigrad/engine/cpu/product_kernels.h>
#include <lumigrad/engine/families/stencil_source.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/views.h>
#include <algorithm>

namespace lumigrad {
namespace {

template <class T>
T* numbers(const Tensor& t) {
  return reinterpret_cast<T*>(const_cast<std::byte*>(t.bytes()));
}
template <class F>
Tensor by_dtype(DType dtype, F f) {
  return dtype == DType::f32 ? f(float{}) : f(double{});
}
template <class T>
const auto& products_of() {
  if constexpr (std::is_same_v<T, float>)
    return product_kernels().f32;
  else
    return product_kernels().f64;
}
template <class T>
const auto& stencils_of() {
  if constexpr (std::is_same_v<T, float>)
    return stencil_kernels().f32;
  else
    return stencil_kernels().f64;
}
std::int64_t parts_of(std::int64_t count, std::int64_t most) { return (count + most - 1) / most; }

// ---- where windows lie ----------------------------------------------------------------------------------------------

// Every window of the image.
TapGrid forward_grid(const Stencil& s) {
  TapGrid grid;
  for (int a = 0; a < 3; ++a) {
    const StencilAxis& axis = s.axis[a];
    grid.axis[a] = {axis.out, axis.stride, {}};
    for (std::int64_t k = 0; k < axis.taps; ++k) grid.axis[a].offset.push_back(axis.dilation * k - axis.before);
  }
  return grid;
}

// Place q of the image meets tap k of result p where stride p = q + before - dilation k. For q = r + stride i that is
// p = i + (r + before - dilation k) / stride, for those taps k that leave no rest: a window over y with step 1.
std::vector<TapAxis> transposed_axis(const StencilAxis& axis) {
  std::vector<TapAxis> all;
  for (std::int64_t r = 0; r < std::min(axis.stride, axis.in); ++r) {
    TapAxis one = {parts_of(axis.in - r, axis.stride), 1, {}, r, axis.stride};
    for (std::int64_t k = 0; k < axis.taps; ++k)
      if (const std::int64_t at = r + axis.before - axis.dilation * k; at % axis.stride == 0)
        one.offset.push_back(at / axis.stride);
    all.push_back(std::move(one));
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
      plain ? MatrixView<T>{y + job.first, plane, 1} : MatrixView<T>{numbers<T>(scratch), job.columns, 1};
  const T* weights = product.weights + row * depth;
  const Windows<T> windows = product.source.windows(product.grid, taps, job.images, product.channels * product.groups,
                                                    (job.image * product.groups + job.group) * product.channels);
  if (few) {
    for (std::int64_t r = 0; r < job.rows; ++r)
      stencils_of<T>().weigh(windows, weights + r * depth, depth, job.first, job.columns, to.at + r * to.row);
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
      stencils_of<T>().fill(&matrix, p, steps, from + j, columns, width, panels);
    };
    products_of<T>().multiply_panels({weights, depth, 1}, {fill, &block}, to, job.rows, depth, job.columns,
                                     numbers<T>(scratch) + small);
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

// ---- the adjoint to the weights -------------------------------------------------------------------------------------

template <class T>
void correlate(const Stencil& s, const Tensor& x, Tensor y, T* w) {
  const TapGrid grid = forward_grid(s);
  const std::int64_t part = s.in / s.groups, depth = part * grid.taps(), rows = s.out / s.groups;
  const std::int64_t extent[3] = {s.axis[0].in, s.axis[1].in, s.axis[2].in};
  const StencilSource<T> source(x, s.images * s.in, extent, {grid});
  const std::vector<std::int64_t> taps = source.rows(grid, part);
  constexpr std::int64_t block = 1024;
  // Small images stand in one row of y, behind one another.
  const std::int64_t results = grid.results(), together = results < block / 2 ? s.images : 1;
  if (together > 1) y = transpose(reshape(y, {s.images, s.out, results}), 0, 1).contiguous();
  const std::int64_t columns = results * together;
  // Short rows are multiplied, as sums over them would take longer than what they add up.
  const bool short_rows = columns < block / 2 && rows >= 64;
  const std::int64_t most_taps = short_rows ? 192 : 48, images = s.images / together;
  const std::int64_t blocks = images * parts_of(columns, block), lots = parts_of(depth, most_taps);
  // Few weights: chunks of places have sums [out, depth] of their own, which are added in the end.
  const std::int64_t chunks = std::clamp<std::int64_t>(16 / (s.groups * lots), 1, blocks);
  std::vector<double> sums(chunks > 1 ? static_cast<std::size_t>(chunks * s.out * depth) : 0, 0.0);
  parallel_for(
      chunks * s.groups * lots,
      [&](std::int64_t i) {
        const std::int64_t lot = i % lots * most_taps, group = i / lots % s.groups, chunk = i / lots / s.groups;
        const std::int64_t count = std::min(depth - lot, most_taps), padded = parts_of(count, dot_rows) * dot_rows;
        const std::int64_t work = short_rows ? product_room<T>(columns, count, rows) : 0;
        const Tensor room = Tensor::empty({padded * block + (short_rows ? rows * count : 0) + work}, dtype_of<T>);
        std::vector<double> own(static_cast<std::size_t>(rows * padded), 0.0);
        for (std::int64_t b = chunk * blocks / chunks; b < (chunk + 1) * blocks / chunks; ++b) {
          const std::int64_t image = b / (blocks / images), first = b % (blocks / images) * block;
          const std::int64_t some = std::min(block, columns - first);
          const Windows<T> windows = source.windows(grid, taps, together, s.in, image * s.in + group * part);
          stencils_of<T>().fill(&windows, lot, count, first, some, some, numbers<T>(room));
          const T* up = numbers<T>(y) + (image * s.out + group * rows) * columns + first;
          if (short_rows) {
            T* product = numbers<T>(room) + padded * block;
            products_of<T>().multiply({up, columns, 1}, {numbers<T>(room), 1, some}, {product, count, 1}, rows, some,
                                      count, product + rows * count);
            for (std::int64_t r = 0; r < rows; ++r)
              for (std::int64_t k = 0; k < count; ++k)
                own[static_cast<std::size_t>(r * padded + k)] += static_cast<double>(product[r * count + k]);
            continue;
          }
          std::fill_n(numbers<T>(room) + count * some, (padded - count) * some, T(0));
          stencils_of<T>().dots(up, columns, rows, numbers<T>(room), some, padded, some, own.data());
        }
        for (std::int64_t r = 0; r < rows; ++r) {
          const std::int64_t at = (group * rows + r) * depth + lot;
          for (std::int64_t k = 0; k < count; ++k)
            if (const double sum = own[static_cast<std::size_t>(r * padded + k)]; chunks > 1)
              sums[static_cast<std::size_t>(chunk * s.out * depth + at + k)] = sum;
            else
              w[at + k] = static_cast<T>(sum);
        }
      },
      3e-5 * static_cast<double>(rows * std::min(depth, most_taps)) * static_cast<double>(blocks / chunks * block));
  if (chunks == 1) return;
  for (std::int64_t i = 0; i < s.out * depth; ++i) {
    double sum = 0;
    for (std::int64_t c = 0; c < chunks; ++c) sum += sums[static_cast<std::size_t>(c * s.out * depth + i)];
    w[i] = static_cast<T>(sum);
  }
}

}  // namespace

Tensor stencil_forward(const Stencil& s, const Tensor& x, const Tensor& w, const Tensor& bias) {
  const Tensor added = dense_bias(bias);
  return by_dtype(x.dtype(), [&]<class T>(T) {
    const TapGrid grid = forward_grid(s);
    const std::int64_t extent[3] = {s.axis[0].in, s.axis[1].in, s.axis[2].in};
    const Tensor y = Tensor::empty({s.images, s.out, s.axis[0].out, s.axis[1].out, s.axis[2].out}, x.dtype());
    if (y.numel() == 0) return y;
    const StencilSource<T> source(x, s.images * s.in, extent, {grid});
    Product<T>{source,           grid,
               s.images,         s.groups,
               s.out / s.groups, s.in / s.groups,
               numbers<T>(w),    added.defined() ? numbers<T>(added) : nullptr,
               numbers<T>(y),    {s.axis[0].out, s.axis[1].out, s.axis[2].out}}
        .run();
    return y;
  });
}

Tensor stencil_spread(const Stencil& s, const Tensor& w, const Tensor& y, const Tensor& bias) {
  const Tensor added = dense_bias(bias);
  return by_dtype(y.dtype(), [&]<class T>(T) {
    const std::vector<TapGrid> grids = transposed_grids(s);
    const std::int64_t extent[3] = {s.axis[0].out, s.axis[1].out, s.axis[2].out};
    const Tensor x = Tensor::empty({s.images, s.in, s.axis[0].in, s.axis[1].in, s.axis[2].in}, y.dtype());
    if (x.numel() == 0) return x;
    const StencilSource<T> source(y, s.images * s.out, extent, grids);
    const Tensor turned = Tensor::empty(w.shape(), w.dtype());
    for (const TapGrid& grid : grids) {
      const std::int64_t size = w.numel() / s.groups / std::max<std::int64_t>(1, forward_grid(s).taps()) * grid.taps();
      for (std::int64_t g = 0; g < s.groups; ++g)
        turn_weights(s, numbers<T>(w) + g * (w.numel() / s.groups), grid, numbers<T>(turned) + g * size);
      Product<T>{source,
                 grid,
                 s.images,
                 s.groups,
                 s.in / s.groups,
                 s.out / s.groups,
                 numbers<T>(turned),
                 added.defined() ? numbers<T>(added) : nullptr,
                 numbers<T>(x),
                 {s.axis[0].in, s.axis[1].in, s.axis[2].in}}
          .run();
    }
    return x;
  });
}

Tensor stencil_weights(const Stencil& s, const Tensor& x, const Tensor& y) {
  const Tensor w = Tensor::zeros({s.out, s.in / s.groups, s.axis[0].taps, s.axis[1].taps, s.axis[2].taps}, x.dtype());
  if (w.numel() == 0 || y.numel() == 0) return w;
  return by_dtype(x.dtype(), [&]<class T>(T) {
    correlate<T>(s, x, y, numbers<T>(w));
    return w;
  });
}

Tensor stencil_windows(const Stencil& s, const Tensor& x) {
  return by_dtype(x.dtype(), [&]<class T>(T) {
    const TapGrid grid = forward_grid(s);
    const std::int64_t extent[3] = {s.axis[0].in, s.axis[1].in, s.axis[2].in};
    const std::int64_t depth = s.in * grid.taps(), results = grid.results();
    const Tensor columns = Tensor::empty({s.images, depth, results}, x.dtype());
    if (columns.numel() == 0) return columns;
    const StencilSource<T> source(x, s.images * s.in, extent, {grid});
    const std::vector<std::int64_t> taps = source.rows(grid, 1);
    parallel_for(
        s.images * s.in,
        [&](std::int64_t i) {
          const Windows<T> windows = source.windows(grid, taps, 1, 1, i);
          stencils_of<T>().fill(&windows, 0, grid.taps(), 0, results, results,
                                numbers<T>(columns) + i * grid.taps() * results);
        },
        3e-4 * static_cast<double>(grid.taps() * results));
    return columns;
  });
}

Tensor stencil_overlay(const Stencil& s, const Tensor& columns) {
  return by_dtype(columns.dtype(), [&]<class T>(T) {
    const TapGrid grid = forward_grid(s);
    const std::int64_t extent[3] = {s.axis[0].in, s.axis[1].in, s.axis[2].in};
    const Tensor x = Tensor::zeros({s.images, s.in, extent[0], extent[1], extent[2]}, columns.dtype());
    const std::int64_t plane = extent[0] * extent[1] * extent[2], results = grid.results();
    if (x.numel() == 0 || results == 0) return x;
    parallel_for(
        s.images * s.in,
        [&](std::int64_t i) {
          const T* from = numbers<T>(columns) + i * grid.taps() * results;
          T* to = numbers<T>(x) + i * plane;
          const TapAxis* axis = grid.axis;
          for (const std::int64_t u : axis[0].offset)
            for (const std::int64_t v : axis[1].offset)
              for (const std::int64_t w : axis[2].offset)
                for (std::int64_t a = 0; a < axis[0].results; ++a)
                  for (std::int64_t b = 0; b < axis[1].results; ++b) {
                    const std::int64_t z = u + a * axis[0].step, y = v + b * axis[1].step;
                    const bool inside = z >= 0 && z < extent[0] && y >= 0 && y < extent[1];
                    T* line = to + (z * extent[1] + y) * extent[2];
                    if (inside)
                      for (std::int64_t c = 0; c < axis[2].results; ++c)
                        if (const std::int64_t at = w + c * axis[2].step; at >= 0 && at < extent[2])
                          line[at] += from[c];
                    from += axis[2].results;
                  }
        },
        1e-3 * static_cast<double>(grid.taps() * results));
    return x;
  });
}

}  // namespace lumigrad
