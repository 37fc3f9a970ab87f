// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/bilateral.h>

#include <lumigrad/engine/cpu/bilateral_kernels.h>
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/families/line_room.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/replay.h>
#include <lumigrad/engine/views.h>
#include <algorithm>

namespace lumigrad {
namespace {

constexpr std::int64_t tile_rows = 16, tile_columns = 256;

std::int64_t whole(std::int64_t n, std::int64_t of) { return (n + of - 1) / of * of; }

// Planes [.., height, width] of one image, read around places of a result that starts `top` and `left` above and
// before.
struct Source {
  const float* from;
  std::int64_t planes, height, width, top, left;
};

// A tile of results, and what its windows see of every source, zero outside.
class Tile {
 public:
  Tile(std::int64_t rows, std::int64_t columns, std::int64_t planes, std::int64_t window_rows,
       std::int64_t window_columns)
      : rows_(rows + window_rows - 1),
        columns_(columns + window_columns - 1),
        line(whole(whole(columns, bilateral_stretch) + window_columns - 1, 16)),
        plane(rows_ * line),
        room_(static_cast<std::size_t>(planes * plane)) {}
  // The planes of one more source, for the tile that starts at (y, x).
  const float* add(const Source& source, std::int64_t y, std::int64_t x) {
    float* const first = room_.get() + used_;
    y -= source.top, x -= source.left;
    const std::int64_t begin = std::clamp<std::int64_t>(-x, 0, columns_);
    const std::int64_t end = std::clamp<std::int64_t>(source.width - x, begin, columns_);
    for (std::int64_t c = 0; c < source.planes; ++c, used_ += plane)
      for (std::int64_t r = 0; r < rows_; ++r) {
        float* const to = room_.get() + used_ + r * line;
        if (y + r < 0 || y + r >= source.height) {
          std::fill_n(to, line, 0.0f);
        } else {
          std::fill_n(to, begin, 0.0f);
          std::copy_n(source.from + (c * source.height + y + r) * source.width + x + begin, end - begin, to + begin);
          std::fill_n(to + end, line - end, 0.0f);
        }
      }
    return first;
  }

 private:
  std::int64_t rows_, columns_;

 public:
  const std::int64_t line, plane;

 private:
  LineRoom<float> room_;
  std::int64_t used_ = 0;
};

// One call: extents, and the numbers of each image.
struct Call {
  std::int64_t images, channels, guides, height, width, rows, columns;  // height and width of the results
  bool absolute, own;
  const float *x, *guide, *sharpness, *column, *row;
  bool sharpness_each, space_each;

  Call(const Tensor& image, const Tensor& by, const Tensor& s, const Tensor& down, const Tensor& along,
       const BilateralOptions& o)
      : images(image.size(0)),
        channels(image.size(1)),
        guides(by.size(1)),
        height(image.size(2) - o.rows + 1),
        width(image.size(3) - o.columns + 1),
        rows(o.rows),
        columns(o.columns),
        absolute(o.absolute),
        own(by.handle() == image.handle()),
        x(image.data<float>()),
        guide(by.data<float>()),
        sharpness(s.data<float>()),
        column(down.data<float>()),
        row(along.data<float>()),
        sharpness_each(s.numel() > 1),
        space_each(down.size(0) > 1) {}

  std::int64_t wide_height() const { return height + rows - 1; }
  std::int64_t wide_width() const { return width + columns - 1; }
  float sharpness_of(std::int64_t n) const { return sharpness[sharpness_each ? n : 0]; }
  // The weight of place (r, j) by its distance alone, zero beyond the window.
  float near(std::int64_t n, std::int64_t r, std::int64_t j) const {
    const std::int64_t k = space_each ? n : 0;
    return r < 0 || r >= rows || j < 0 || j >= columns ? 0.0f : column[k * rows + r] * row[k * columns + j];
  }
  Source image_around(std::int64_t n, std::int64_t top, std::int64_t left) const {
    return {x + n * channels * wide_height() * wide_width(), channels, wide_height(), wide_width(), top, left};
  }
  Source guide_around(std::int64_t n, std::int64_t top, std::int64_t left) const {
    return {guide + n * guides * wide_height() * wide_width(), guides, wide_height(), wide_width(), top, left};
  }
};

// body(tile, image, y, x, rows, columns) for all tiles of h x w results.
template <class Body>
void for_tiles(std::int64_t images, std::int64_t h, std::int64_t w, std::int64_t places, const Body& body) {
  const std::int64_t down = (h + tile_rows - 1) / tile_rows, along = (w + tile_columns - 1) / tile_columns;
  parallel_for(
      images * down * along,
      [&](std::int64_t tile) {
        const std::int64_t y = tile / along % down * tile_rows, x = tile % along * tile_columns;
        body(tile, tile / along / down, y, x, std::min(tile_rows, h - y), std::min(tile_columns, w - x));
      },
      5e-4 * static_cast<double>(places * std::min(h, tile_rows) * std::min(w, tile_columns)));
}

void mean(const Call& call, float* y, float* weights) {
  const std::int64_t pixels = call.height * call.width, planes = call.channels + (call.own ? 0 : call.guides);
  const BilateralKernels& kernels = bilateral_kernels(simd_level());
  for_tiles(
      call.images, call.height, call.width, call.rows * call.columns,
      [&](std::int64_t, std::int64_t n, std::int64_t top, std::int64_t left, std::int64_t rows, std::int64_t columns) {
        Tile tile(rows, columns, planes, call.rows, call.columns);
        const float* const image = tile.add(call.image_around(n, 0, 0), top, left);
        const float* const guide = call.own ? image : tile.add(call.guide_around(n, 0, 0), top, left);
        std::vector<float> near;
        for (std::int64_t r = 0; r < call.rows; ++r)
          for (std::int64_t j = 0; j < call.columns; ++j) near.push_back(call.near(n, r, j));
        const std::int64_t count = whole(columns, bilateral_stretch);
        const LineRoom<float> out(static_cast<std::size_t>((call.channels + 1) * count));
        const LineRoom<float> room(static_cast<std::size_t>(bilateral_stretch * call.columns));
        const BilateralWindow window = {call.rows,
                                        call.columns,
                                        (call.rows - 1) / 2,
                                        (call.columns - 1) / 2,
                                        tile.line,
                                        tile.plane,
                                        call.sharpness_of(n),
                                        call.absolute,
                                        near.data(),
                                        nullptr,
                                        room.get()};
        for (std::int64_t r = 0; r < rows; ++r) {
          const std::int64_t at = (top + r) * call.width + left;
          kernels.mean(window, {guide + r * tile.line, call.guides}, {image + r * tile.line, call.channels}, out.get(),
                       count, count);
          for (std::int64_t c = 0; c < call.channels; ++c)
            std::copy_n(out.get() + c * count, columns, y + (n * call.channels + c) * pixels + at);
          if (weights) std::copy_n(out.get() + call.channels * count, columns, weights + n * pixels + at);
        }
      });
}

// What the sweep is told of the numbers of each image, in double: near, then sharpness.
struct Sums {
  std::int64_t places = 0;
  std::vector<double> of_image;
};

void adjoint(const Call& call, const float* scaled, float* to_image, float* to_guide, Sums* sums) {
  // Windows of its own and those it is a place of: symmetric about a pixel.
  const std::int64_t up = (call.rows - 1) / 2, before = (call.columns - 1) / 2;
  const std::int64_t reach_y = std::max(up, call.rows - 1 - up), reach_x = std::max(before, call.columns - 1 - before);
  const std::int64_t high = 2 * reach_y + 1, across = 2 * reach_x + 1, places = high * across;
  const std::int64_t h = call.wide_height(), w = call.wide_width(), channels = call.channels;
  const std::int64_t planes = channels + (call.own ? 0 : call.guides) + channels + 1;
  const std::int64_t tiles = (h + tile_rows - 1) / tile_rows * ((w + tile_columns - 1) / tile_columns);
  const BilateralKernels& kernels = bilateral_kernels(simd_level());
  std::vector<double> parts(sums ? static_cast<std::size_t>(call.images * tiles * (places + 1)) : 0);
  for_tiles(call.images, h, w, 2 * places,
            [&](std::int64_t at, std::int64_t n, std::int64_t top, std::int64_t left, std::int64_t rows,
                std::int64_t columns) {
              Tile tile(rows, columns, planes, high, across);
              const float* const image = tile.add(call.image_around(n, reach_y, reach_x), top, left);
              const float* const guide = call.own ? image : tile.add(call.guide_around(n, reach_y, reach_x), top, left);
              const float* const cotangent =
                  tile.add({scaled + n * (channels + 1) * call.height * call.width, channels + 1, call.height,
                            call.width, reach_y + up, reach_x + before},
                           top, left);
              std::vector<float> near, back, lanes(sums ? static_cast<std::size_t>(16 * (places + 1)) : 0, 0.0f);
              for (std::int64_t r = -reach_y; r <= reach_y; ++r)
                for (std::int64_t j = -reach_x; j <= reach_x; ++j) {
                  near.push_back(call.near(n, up + r, before + j));
                  back.push_back(call.near(n, up - r, before - j));
                }
              const std::int64_t count = whole(columns, bilateral_stretch);
              const LineRoom<float> out(static_cast<std::size_t>((channels + call.guides) * count));
              const LineRoom<float> room(static_cast<std::size_t>(2 * bilateral_stretch * across));
              const BilateralWindow window = {
                  high,          across,      reach_y,     reach_x,   tile.line, tile.plane, call.sharpness_of(n),
                  call.absolute, near.data(), back.data(), room.get()};
              for (std::int64_t r = 0; r < rows; ++r) {
                const std::int64_t row = r * tile.line;
                kernels.adjoint(window, {guide + row, call.guides}, {image + row, channels}, cotangent + row, out.get(),
                                count, count, sums ? lanes.data() : nullptr);
                float* const result = to_image + n * channels * h * w + (top + r) * w + left;
                for (std::int64_t c = 0; c < channels + call.guides; ++c) {
                  const float* const line = out.get() + c * count;
                  if (c < channels)
                    std::copy_n(line, columns, result + c * h * w);
                  else if (!call.own)
                    std::copy_n(line, columns, to_guide + ((n * call.guides + c - channels) * h + top + r) * w + left);
                  else
                    for (std::int64_t i = 0; i < columns; ++i) result[(c - channels) * h * w + i] += line[i];
                }
              }
              for (std::size_t k = 0; k < lanes.size(); ++k)
                parts[static_cast<std::size_t>(at * (places + 1)) + k / 16] += static_cast<double>(lanes[k]);
            });
  if (sums == nullptr) return;
  sums->places = call.rows * call.columns;
  sums->of_image.assign(static_cast<std::size_t>(call.images * (sums->places + 1)), 0.0);
  for (std::int64_t i = 0; i < call.images * tiles; ++i) {
    const double* const part = parts.data() + i * (places + 1);
    double* const to = sums->of_image.data() + i / tiles * (sums->places + 1);
    for (std::int64_t r = 0; r < call.rows; ++r)
      for (std::int64_t j = 0; j < call.columns; ++j)
        to[r * call.columns + j] += part[(r - up + reach_y) * across + j - before + reach_x];
    to[sums->places] += part[places];
  }
}

struct BilateralNode final : Node {
  using Node::Node;
  BilateralOptions options;
  bool own = true;
  Saved kept[7];  // x, sharpness, column, row, the guide if it is another, then the result and its sums of weights
  std::span<Saved> saved() override { return kept; }
  std::size_t count() const { return own ? 4 : 5; }

  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    std::vector<Tensor> in;
    for (std::size_t i = 0; i < count(); ++i) in.push_back(kept[i].get(*this));
    if (recording()) {
      const auto again = [o = options, line = here()](const std::vector<Tensor>& v) {
        return bilateral_by_operators(v[0], v.size() > 4 ? v[4] : Tensor(), v[1], v[2], v[3], o, line);
      };
      return adjoint_by_replay(*this, again, in, w[0], g);
    }
    const Tensor y = kept[5].get(*this), weights = kept[6].get(*this);
    const Tensor over = div(w[0], weights, here());
    const Tensor scaled = concat({over, sum(mul(over, y, here()), {1}, true, here())}, 1, here());
    const Call call(in[0], own ? in[0] : in[4], in[1], in[2], in[3], options);
    g[0] = Tensor::empty(in[0].shape(), in[0].dtype());
    if (!own) g[4] = Tensor::empty(in[4].shape(), in[4].dtype());
    Sums sums;
    const bool numbers = wants(1) || wants(2) || wants(3);
    lumigrad::adjoint(call, scaled.data<float>(), g[0].mutable_data<float>(),
                      own ? nullptr : g[4].mutable_data<float>(), numbers ? &sums : nullptr);
    if (numbers) of_numbers(call, in, sums, g);
  }

  void of_numbers(const Call& call, const std::vector<Tensor>& in, const Sums& sums, std::span<Tensor> g) const {
    std::vector<double> slope[3];
    for (std::size_t k = 0; k < 3; ++k) slope[k].assign(static_cast<std::size_t>(in[1 + k].numel()), 0.0);
    for (std::int64_t n = 0; n < call.images; ++n) {
      const double* const of = sums.of_image.data() + n * (sums.places + 1);
      const std::int64_t k = call.space_each ? n : 0;
      slope[0][static_cast<std::size_t>(call.sharpness_each ? n : 0)] += of[sums.places];
      for (std::int64_t r = 0; r < call.rows; ++r)
        for (std::int64_t j = 0; j < call.columns; ++j) {
          const std::int64_t down = k * call.rows + r, along = k * call.columns + j;
          slope[1][static_cast<std::size_t>(down)] += of[r * call.columns + j] * static_cast<double>(call.row[along]);
          slope[2][static_cast<std::size_t>(along)] +=
              of[r * call.columns + j] * static_cast<double>(call.column[down]);
        }
    }
    for (std::size_t k = 0; k < 3; ++k)
      if (wants(1 + k)) g[1 + k] = Tensor::from(slope[k], in[1 + k].shape()).to(DType::f32);
  }
};

}  // namespace

Tensor bilateral(const char* name, const Tensor& x, const Tensor& guide, const Tensor& sharpness, const Tensor& column,
                 const Tensor& row, const BilateralOptions& options, Here here) {
  const std::int64_t h = x.size(2) - options.rows + 1, w = x.size(3) - options.columns + 1;
  const bool empty = x.numel() == 0 || h <= 0 || w <= 0 || (guide.defined() && guide.numel() == 0);
  if (x.dtype() != DType::f32 || x.device() != Device() || empty)
    return bilateral_by_operators(x, guide, sharpness, column, row, options, here);
  const bool own = !guide.defined() || guide.handle() == x.handle();
  const Tensor in[] = {x.contiguous(here), sharpness.contiguous(here), column.contiguous(here), row.contiguous(here),
                       own ? Tensor() : guide.contiguous(here)};
  const Tensor* inputs[] = {&in[0], &in[1], &in[2], &in[3], &in[4]};
  auto node = record<BilateralNode>(name, here, std::span<const Tensor* const>(inputs, own ? 4u : 5u));
  Tensor y = Tensor::empty({x.size(0), x.size(1), h, w}, x.dtype());
  Tensor weights = node ? Tensor::empty({x.size(0), 1, h, w}, x.dtype()) : Tensor();
  mean(Call(in[0], own ? in[0] : in[4], in[1], in[2], in[3], options), y.mutable_data<float>(),
       node ? weights.mutable_data<float>() : nullptr);
  if (node) {
    node->options = options;
    node->own = own;
    for (std::size_t i = 0; i < node->count(); ++i) node->kept[i] = node->save_input(i, in[i]);
    node->kept[5] = node->save_output(0, y);
    node->kept[6] = node->save_input(0, weights);  // no result of the node
    node->attach(y);
  }
  return y;
}

Tensor bilateral_by_operators(const Tensor& x, const Tensor& guide, const Tensor& sharpness, const Tensor& column,
                              const Tensor& row, const BilateralOptions& o, Here here) {
  const Tensor& by = guide.defined() ? guide : x;
  const std::int64_t h = x.size(2) - o.rows + 1, w = x.size(3) - o.columns + 1;
  const auto part = [&](const Tensor& image, std::int64_t r, std::int64_t j) {
    return slice(slice(image, 2, r, r + h, 1, here), 3, j, j + w, 1, here);
  };
  const auto weight_of = [&](const Tensor& line, std::int64_t i) {
    return reshape(slice(line, 1, i, i + 1, 1, here), {line.size(0), 1, 1, 1}, here);
  };
  const Tensor pixel = part(by, (o.rows - 1) / 2, (o.columns - 1) / 2);
  Tensor total, weights;
  for (std::int64_t r = 0; r < o.rows; ++r)
    for (std::int64_t j = 0; j < o.columns; ++j) {
      const Tensor difference = sub(part(by, r, j), pixel, here);
      const Tensor distance = o.absolute ? square(sum(abs(difference, here), {1}, true, here), here)
                                         : sum(square(difference, here), {1}, true, here);
      const Tensor near = mul(weight_of(column, r), weight_of(row, j), here);
      const Tensor weight = mul(near, exp(mul(sharpness, distance, here), here), here);
      const Tensor term = mul(weight, part(x, r, j), here);
      total = total.defined() ? add(total, term, here) : term;
      weights = weights.defined() ? add(weights, weight, here) : weight;
    }
  return div(total, weights, here);
}

}  // namespace lumigrad
