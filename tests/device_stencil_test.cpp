// SPDX-License-Identifier: Apache-2.0
// Stencils, filters, windows and margins on a device against the CPU, at sizes where a kernel takes another way than in
// the samples of the catalogue: several tiles, tiles cut off, windows without room for a tile, products of every shape.
#include <doctest/doctest.h>
#include <lumigrad/engine/families/filter.h>
#include <lumigrad/engine/families/filter_rank.h>
#include <lumigrad/engine/families/stencil.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/padding.h>
#include <lumigrad/engine/pooling.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <cmath>
#include <functional>

using namespace lumigrad;

namespace {

const Device gpu{Device::Kind::cuda, 0};

double distance(const Tensor& a, const Tensor& b) {
  const std::vector<double> p = a.values(), q = b.values();
  if (a.shape() != b.shape()) return INFINITY;
  double off = 0, largest = 1e-30;
  for (std::size_t i = 0; i < p.size(); ++i) {
    off = p[i] == q[i] ? off : std::isnan(p[i] - q[i]) ? INFINITY : std::max(off, std::fabs(p[i] - q[i]));
    if (std::isfinite(q[i])) largest = std::max(largest, std::fabs(q[i]));
  }
  return off / largest;
}

// Values and gradients of all inputs, there and here.
void agrees(const std::function<Tensor(const std::vector<Tensor>&)>& f, const std::vector<Shape>& shapes,
            bool smooth = true) {
  for (const DType dtype : {DType::f64, DType::f32}) {
    CAPTURE(to_string(dtype));
    std::vector<Tensor> inputs, moved;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      inputs.push_back(uniform(Generator{7 + i}, shapes[i], -1, 1, dtype).requires_grad());
      moved.push_back(inputs.back().detach().to(gpu).requires_grad());
    }
    const Tensor y = f(inputs), z = f(moved);
    REQUIRE(z.device() == gpu);
    const double bound = dtype == DType::f64 ? 1e-12 : smooth ? 2e-5 : 1e-6;
    CHECK(distance(z, y) < bound);
    const Tensor seed = uniform(Generator{99}, y.shape(), -1, 1, dtype);
    const std::vector<Tensor> g = grad({y}, inputs, {.seeds = {seed}}), h = grad({z}, moved, {.seeds = {seed.to(gpu)}});
    for (std::size_t i = 0; i < g.size(); ++i) {
      CAPTURE(i);
      CHECK(distance(h[i], g[i]) < bound);
    }
  }
}

constexpr Border borders[] = {Border::zeros, Border::border, Border::reflection, Border::symmetric, Border::circular};

}  // namespace

TEST_CASE("separable filters: tiles of every height, borders of every kind") {
  for (const std::int64_t taps : {3, 5, 7, 11, 4, 21})
    for (const Border border : borders) {
      CAPTURE(taps);
      CAPTURE(static_cast<int>(border));
      agrees([&](const std::vector<Tensor>& x) { return filter_separable(x[0], x[1], x[2], {.border = border}); },
             {{2, 37, 150}, {taps}, {taps}});
    }
  agrees([](const std::vector<Tensor>& x) { return filter_separable(x[0], x[1], x[2], {.valid = true}); },
         {{2, 2, 40, 132}, {2, 5}, {2, 9}});
  // Windows larger than the image, and too large for a tile.
  agrees([](const std::vector<Tensor>& x) { return filter_separable(x[0], x[1], x[2], {.border = Border::circular}); },
         {{1, 4, 6}, {15}, {17}});
  agrees([](const std::vector<Tensor>& x) { return filter_separable(x[0], x[1], x[2], {}); }, {{1, 3, 5}, {3}, {3001}});
}

TEST_CASE("filters of any kernel, in planes and volumes") {
  for (const Border border : borders) {
    CAPTURE(static_cast<int>(border));
    agrees([&](const std::vector<Tensor>& x) { return filter(x[0], x[1], 2, {.border = border}); },
           {{2, 2, 35, 70}, {2, 4, 7}});
    agrees([&](const std::vector<Tensor>& x) { return filter(x[0], x[1], 3, {.border = border}); },
           {{1, 2, 6, 18, 67}, {3, 2, 5}});
  }
  agrees([](const std::vector<Tensor>& x) { return filter(x[0], x[1], 2, {.border = Border::symmetric}); },
         {{3, 9, 11}, {90, 140}});
  agrees([](const std::vector<Tensor>& x) { return filter(x[0], x[1], 2, {.valid = true}); }, {{3, 40, 70}, {3, 3}});
}

TEST_CASE("windows that select") {
  for (const Border border : borders) {
    CAPTURE(static_cast<int>(border));
    for (const std::int64_t side : {3, 5, 4}) {
      CAPTURE(side);
      const WindowOptions o{.rows = side, .columns = side, .anchor_y = 1, .anchor_x = 2, .border = border};
      agrees([&](const std::vector<Tensor>& x) { return window_median(x[0], o); }, {{2, 35, 70}}, false);
      agrees([&](const std::vector<Tensor>& x) { return window_max(x[0], o, {}, x[1]); }, {{2, 35, 70}, {side, side}},
             false);
      agrees([&](const std::vector<Tensor>& x) { return window_min(x[0], o); }, {{2, 35, 70}}, false);
    }
    const WindowOptions large{.rows = 9, .columns = 31, .anchor_y = 4, .anchor_x = 15, .border = border};
    agrees([&](const std::vector<Tensor>& x) { return window_max(x[0], large); }, {{1, 5, 7}}, false);
  }
  const WindowOptions huge{.rows = 120, .columns = 130, .anchor_y = 60, .anchor_x = 60, .border = Border::circular};
  agrees([&](const std::vector<Tensor>& x) { return window_min(x[0], huge, {}, x[1]); }, {{1, 4, 5}, {120, 130}},
         false);
  agrees([&](const std::vector<Tensor>& x) { return window_median(x[0], huge); }, {{1, 4, 5}}, false);
}

TEST_CASE("convolutions: few rows, tiles of every size, strides and groups") {
  struct Case {
    std::int64_t in, out, groups, stride, padding, dilation;
  };
  for (const Case& c :
       {Case{3, 3, 1, 1, 1, 1}, Case{4, 4, 4, 2, 1, 1}, Case{6, 14, 2, 1, 2, 2}, Case{5, 24, 1, 2, 0, 1},
        Case{8, 70, 1, 1, 1, 1}, Case{3, 40, 1, 3, 4, 2}, Case{4, 130, 1, 1, 1, 1}}) {
    CAPTURE(c.out);
    const ConvOptions o{.stride = c.stride, .padding = c.padding, .dilation = c.dilation, .groups = c.groups};
    const ConvTransposeOptions t{.stride = c.stride, .padding = c.padding, .dilation = c.dilation, .groups = c.groups};
    const auto with = [](auto options, const Tensor& bias) {
      options.bias = bias;
      return options;
    };
    agrees([&](const std::vector<Tensor>& x) { return conv2d(x[0], x[1], with(o, x[2])); },
           {{2, c.in, 17, 19}, {c.out, c.in / c.groups, 3, 3}, {c.out}});
    agrees([&](const std::vector<Tensor>& x) { return conv_transpose2d(x[0], x[1], with(t, x[2])); },
           {{2, c.in, 9, 12}, {c.in, c.out / c.groups, 3, 4}, {c.out}});
  }
  agrees([](const std::vector<Tensor>& x) { return conv2d(x[0], x[1], {.padding = 1}); },
         {{3, 6, 110, 130}, {140, 6, 3, 3}});  // large tiles
  agrees(
      [](const std::vector<Tensor>& x) {
        return conv3d(x[0], x[1], {.stride = {1, 2, 3}, .padding = 1});
      },
      {{2, 3, 5, 9, 11}, {9, 3, 2, 3, 3}});
  agrees([](const std::vector<Tensor>& x) { return conv1d(x[0], x[1], {.padding = 2}); }, {{2, 3, 300}, {5, 3, 5}});
  const std::int64_t window[] = {3, 2}, size[] = {17, 19};
  agrees([&](const std::vector<Tensor>& x) { return unfold(x[0], window, {.stride = 2, .padding = 1}); },
         {{2, 3, 17, 19}});
  agrees([&](const std::vector<Tensor>& x) { return fold(x[0], size, window, {.stride = 2, .padding = 1}); },
         {{2, 18, 90}});
}

TEST_CASE("pooling") {
  agrees(
      [](const std::vector<Tensor>& x) {
        return max_pool2d(x[0], {3, 2}, {.stride = 2, .padding = 1}).values;
      },
      {{2, 3, 17, 20}}, false);
  agrees(
      [](const std::vector<Tensor>& x) {
        return max_pool1d(x[0], 3, {.stride = 1, .dilation = 3, .ceil = true}).values;
      },
      {{2, 3, 50}}, false);
  agrees(
      [](const std::vector<Tensor>& x) {
        return adaptive_max_pool3d(x[0], {2, 5, 3}).values;
      },
      {{2, 3, 5, 4, 7}}, false);
  const Tensor x = uniform(Generator{3}, {2, 17, 20});
  CHECK(max_pool2d(x.to(gpu), 3).indices.values() == max_pool2d(x, 3).indices.values());
}

TEST_CASE("margins") {
  for (const Border border : borders)
    agrees(
        [&](const std::vector<Tensor>& v) {
          return pad(v[0], {4, 3, 2, 6, 0, 0}, {.mode = border});
        },
        {{3, 2, 5, 7}});
  agrees([](const std::vector<Tensor>& v) { return pad(v[0], {1, -2, 0, 0, 2, 1}, {.value = v[1]}); }, {{3, 4, 5}, {}});
  for (const DType dtype : {DType::u8, DType::u16, DType::i64, DType::boolean}) {
    const Tensor whole = Tensor::arange(12).to(dtype);
    const Tensor grid = reshape(whole, {3, 4});
    CHECK(pad(grid.to(gpu), {2, 1, 1, 1}, {.mode = Border::reflection}).values() ==
          pad(grid, {2, 1, 1, 1}, {.mode = Border::reflection}).values());
  }
}
