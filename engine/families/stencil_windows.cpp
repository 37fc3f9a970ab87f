// SPDX-License-Identifier: Apache-2.0
// Windows as columns: what correlates with a result becomes the weights, and unfold and fold are the columns
// themselves.
#include <lumigrad/engine/families/stencil_call.h>

#include <lumigrad/engine/cpu/product_kernels.h>
#include <lumigrad/engine/families/lines.h>
#include <lumigrad/engine/families/stencil_source.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/views.h>
#include <algorithm>

namespace lumigrad {
namespace {

template <class T>
void correlate(const Stencil& s, const Tensor& x, Tensor y, T* w) {
  const TapGrid grid = window_grid(s);
  const std::int64_t part = s.in / s.groups, depth = part * grid.taps(), rows = s.out / s.groups;
  const std::int64_t extent[3] = {s.axis[0].in, s.axis[1].in, s.axis[2].in};
  StencilSource<T> source(x, s.images * s.in, extent, {grid});
  source.copy();
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
          const Windows<T> windows = source.windows(grid, taps, together, s.in, source.at(image * s.in + group * part));
          stencil_kernel<T>().fill(&windows, lot, count, first, some, some, new_elements<T>(room));
          const T* up = elements<T>(y) + (image * s.out + group * rows) * columns + first;
          if (short_rows) {
            T* product = new_elements<T>(room) + padded * block;
            product_kernel<T>().multiply({up, columns, 1}, {new_elements<T>(room), 1, some}, {product, count, 1}, rows,
                                         some, count, product + rows * count);
            for (std::int64_t r = 0; r < rows; ++r)
              for (std::int64_t k = 0; k < count; ++k)
                own[static_cast<std::size_t>(r * padded + k)] += static_cast<double>(product[r * count + k]);
            continue;
          }
          std::fill_n(new_elements<T>(room) + count * some, (padded - count) * some, T(0));
          stencil_kernel<T>().dots(up, columns, rows, new_elements<T>(room), some, padded, some, own.data());
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

Tensor stencil_weights(const char* name, const Stencil& s, const Tensor& x, const Tensor& y) {
  if (x.device() != Device()) return device_stencil_weights(name, s, x, y);
  const Tensor w = Tensor::zeros({s.out, s.in / s.groups, s.axis[0].taps, s.axis[1].taps, s.axis[2].taps}, x.dtype());
  if (w.numel() == 0 || y.numel() == 0) return w;
  by_differentiable_dtype(x.dtype(), [&]<class T>(T) { correlate<T>(s, x, y, new_elements<T>(w)); });
  return w;
}

Tensor stencil_windows(const char* name, const Stencil& s, const Tensor& x) {
  if (x.device() != Device()) return device_stencil_windows(name, s, x);
  const TapGrid grid = window_grid(s);
  const std::int64_t extent[3] = {s.axis[0].in, s.axis[1].in, s.axis[2].in};
  const std::int64_t depth = s.in * grid.taps(), results = grid.results();
  const Tensor columns = Tensor::empty({s.images, depth, results}, x.dtype());
  if (columns.numel() == 0) return columns;
  by_differentiable_dtype(x.dtype(), [&]<class T>(T) {
    StencilSource<T> source(x, s.images * s.in, extent, {grid});
    source.copy();
    const std::vector<std::int64_t> taps = source.rows(grid, 1);
    parallel_for(
        s.images * s.in,
        [&](std::int64_t i) {
          const Windows<T> windows = source.windows(grid, taps, 1, 1, source.at(i));
          stencil_kernel<T>().fill(&windows, 0, grid.taps(), 0, results, results,
                                   new_elements<T>(columns) + i * grid.taps() * results);
        },
        3e-4 * static_cast<double>(grid.taps() * results));
  });
  return columns;
}

Tensor stencil_overlay(const char* name, const Stencil& s, const Tensor& columns) {
  if (columns.device() != Device()) return device_stencil_overlay(name, s, columns);
  const TapGrid grid = window_grid(s);
  const std::int64_t extent[3] = {s.axis[0].in, s.axis[1].in, s.axis[2].in};
  const Tensor x = Tensor::zeros({s.images, s.in, extent[0], extent[1], extent[2]}, columns.dtype());
  const std::int64_t plane = extent[0] * extent[1] * extent[2], results = grid.results();
  if (x.numel() == 0 || results == 0) return x;
  by_differentiable_dtype(columns.dtype(), [&]<class T>(T) {
    parallel_for(
        s.images * s.in,
        [&](std::int64_t i) {
          const T* from = elements<T>(columns) + i * grid.taps() * results;
          T* to = new_elements<T>(x) + i * plane;
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
  });
  return x;
}

}  // namespace lumigrad
