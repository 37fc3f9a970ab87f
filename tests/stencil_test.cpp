// SPDX-License-Identifier: Apache-2.0
// Convolutions against their definition, and what follows from it.
#include <doctest/doctest.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/families/stencil.h>
#include <lumigrad/engine/gradcheck.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>

using namespace lumigrad;

namespace {

Tensor noise(std::uint32_t n, const Shape& shape, DType dtype = DType::f64) {
  return uniform({11, n}, shape, -1, 1, dtype);
}
// Whole numbers, whose products and sums every order of addition gives alike, in float too.
Tensor whole(std::uint32_t n, const Shape& shape, DType dtype) {
  return floor(uniform({12, n}, shape, -8, 9, DType::f64)).to(dtype);
}

struct Case {
  Stencil stencil;
  int axes = 2;
  std::vector<std::int64_t> stride, padding, dilation, rest;  // rest: what a stride leaves over at the end
};

// The n-th of many cases of all kinds.
Case random_case(std::uint64_t n) {
  const Stream draw(99, 7, n);
  std::uint64_t i = 0;
  const auto from = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(draw.below(static_cast<std::uint64_t>(high - low + 1), 100 * i++));
  };
  Case c;
  c.axes = static_cast<int>(from(1, 3));
  Stencil& s = c.stencil;
  s.images = from(1, 3);
  s.groups = from(1, 3);
  s.in = s.groups * from(1, from(0, 3) == 0 ? 40 : 3);
  s.out = s.groups * from(1, from(0, 3) == 0 ? 29 : 4);
  for (int a = 3 - c.axes; a < 3; ++a) {
    StencilAxis& axis = s.axis[a];
    axis.taps = from(1, 4);
    axis.stride = from(1, 3);
    axis.dilation = from(1, 3);
    axis.before = from(0, 3);
    axis.out = from(1, c.axes == 1 ? 70 : c.axes == 2 ? 19 : 5);
    axis.in = (axis.out - 1) * axis.stride + axis.dilation * (axis.taps - 1) + 1 - 2 * axis.before;
    c.rest.push_back(from(0, axis.stride - 1));
    axis.in += c.rest.back();
    if (axis.in < 1) {
      axis.before = 0;
      axis.in = (axis.out - 1) * axis.stride + axis.dilation * (axis.taps - 1) + 1 + c.rest.back();
    }
    c.stride.push_back(axis.stride);
    c.padding.push_back(axis.before);
    c.dilation.push_back(axis.dilation);
  }
  return c;
}

Shape shape(const Case& c, std::int64_t first, std::int64_t second, std::int64_t StencilAxis::*extent) {
  std::vector<std::int64_t> extents = {first, second};
  for (int a = 3 - c.axes; a < 3; ++a) extents.push_back(c.stencil.axis[a].*extent);
  return Shape(extents);
}

using Conv = Tensor (*)(const Tensor&, const Tensor&, const ConvOptions&, Here);
using ConvTranspose = Tensor (*)(const Tensor&, const Tensor&, const ConvTransposeOptions&, Here);

}  // namespace

TEST_CASE("convolutions, transposed convolutions and both adjoints agree with the definition exactly") {
  const Conv conv[] = {conv1d, conv2d, conv3d};
  const ConvTranspose transposed[] = {conv_transpose1d, conv_transpose2d, conv_transpose3d};
  for (std::uint32_t n = 0; n < 150; ++n) {
    const Case c = random_case(n);
    const Stencil& s = c.stencil;
    const DType dtype = n % 2 ? DType::f32 : DType::f64;
    CAPTURE(n);
    const auto axes = static_cast<std::size_t>(c.axes - 1);
    const Extents stride(c.stride), padding(c.padding), dilation(c.dilation), rest(c.rest);
    Tensor x = whole(3 * n, shape(c, s.images, s.in, &StencilAxis::in), dtype).requires_grad();
    Tensor w = whole(3 * n + 1, shape(c, s.out, s.in / s.groups, &StencilAxis::taps), dtype).requires_grad();
    const Tensor y = whole(3 * n + 2, shape(c, s.images, s.out, &StencilAxis::out), dtype);
    const std::vector<double> xs = x.values(), ws = w.values(), ys = y.values();
    std::vector<double> of_x(xs.size()), of_w(ws.size()), of_y(ys.size());
    stencil_reference(s, [&](auto i, auto j, auto k) {
      const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j), to = static_cast<std::size_t>(k);
      of_y[to] += xs[a] * ws[b];
      of_x[a] += ws[b] * ys[to];
      of_w[b] += xs[a] * ys[to];
    });
    const Tensor forward =
        conv[axes](x, w, {.stride = stride, .padding = padding, .dilation = dilation, .groups = s.groups}, {});
    REQUIRE(forward.shape() == y.shape());
    CHECK(forward.values() == of_y);
    const std::vector<Tensor> back = grad({forward}, {x, w}, {.seeds = {y}});
    CHECK(back[0].values() == of_x);
    CHECK(back[1].values() == of_w);
    const Tensor spread = transposed[axes](
        y, w, {.stride = stride, .padding = padding, .output_padding = rest, .dilation = dilation, .groups = s.groups},
        {});
    REQUIRE(spread.shape() == x.shape());
    CHECK(spread.values() == of_x);
    CHECK(grad({spread}, {w}, {.seeds = {x.detach()}})[0].values() == of_w);
  }
}

TEST_CASE("large convolutions cross every block and agree with the definition") {
  struct {
    Stencil stencil;
  } const cases[] = {{{2, 24, 30, 1, {{}, {31, 3, 31, 1, 1, 1}, {41, 3, 41, 1, 1, 1}}}},
                     {{1, 3, 20, 1, {{}, {61, 7, 31, 2, 3, 1}, {53, 7, 27, 2, 3, 1}}}},
                     {{9, 20, 260, 1, {{}, {7, 3, 7, 1, 1, 1}, {7, 3, 7, 1, 1, 1}}}},
                     {{3, 12, 12, 12, {{}, {40, 3, 40, 1, 1, 1}, {40, 3, 40, 1, 1, 1}}}},
                     {{2, 200, 16, 1, {{}, {30, 1, 30, 1, 0, 1}, {30, 1, 30, 1, 0, 1}}}}};
  for (const auto& [s] : cases) {
    Tensor x = whole(1, {s.images, s.in, s.axis[1].in, s.axis[2].in}, DType::f32).requires_grad();
    Tensor w = whole(2, {s.out, s.in / s.groups, s.axis[1].taps, s.axis[2].taps}, DType::f32).requires_grad();
    const Tensor y = whole(3, {s.images, s.out, s.axis[1].out, s.axis[2].out}, DType::f32);
    const std::vector<double> xs = x.values(), ws = w.values(), ys = y.values();
    std::vector<double> of_x(xs.size()), of_w(ws.size()), of_y(ys.size());
    stencil_reference(s, [&](auto i, auto j, auto k) {
      const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j), to = static_cast<std::size_t>(k);
      of_y[to] += xs[a] * ws[b];
      of_x[a] += ws[b] * ys[to];
      of_w[b] += xs[a] * ys[to];
    });
    const Tensor forward = conv2d(x, w,
                                  {.stride = {s.axis[1].stride, s.axis[2].stride},
                                   .padding = {s.axis[1].before, s.axis[2].before},
                                   .groups = s.groups});
    CHECK(forward.values() == of_y);
    const std::vector<Tensor> back = grad({forward}, {x, w}, {.seeds = {y}});
    CHECK(back[0].values() == of_x);
    CHECK(back[1].values() == of_w);
  }
}

TEST_CASE("a stride beyond all taps leaves the bias between them, at no cost of its own") {
  const Tensor x = Tensor::ones({1, 1, 2}), w = Tensor::full({1, 1, 2}, 3);
  const Tensor y = conv_transpose1d(x, w, {.bias = Tensor::full({1}, 0.5), .stride = 1000000});
  REQUIRE(y.numel() == 1000002);
  CHECK(sum(y - 0.5).item() == 12);
  CHECK(select(y, 2, 1000001).item() == 3.5);
}

TEST_CASE("windows that lie far apart cost what they meet, not what lies between them") {
  const Generator draws{.seed = 3};
  const Tensor x = uniform(draws.then("x"), {1, 2, 4, 5}, -1, 1, DType::f64);
  constexpr std::int64_t far = 40000;  // a copy with its margins would have 13 GB
  {
    const Tensor w = uniform(draws.then("w"), {3, 2, 1, 1}, -1, 1, DType::f64), at = x.clone().requires_grad();
    const Tensor y = conv2d(at, w, {.stride = far, .padding = far});
    REQUIRE(y.shape() == Shape{1, 3, 3, 3});
    const Tensor corner = matmul(reshape(w, {3, 2}), reshape(slice(slice(x, 2, 0, 1), 3, 0, 1), {2, 1}));
    const std::vector<double> got = y.values(), wanted = corner.values();
    for (std::size_t o = 0; o < 3; ++o)
      for (std::size_t p = 0; p < 9; ++p)
        CHECK(got[o * 9 + p] == doctest::Approx(p == 4 ? wanted[o] : 0).epsilon(1e-14));
    sum(y).backward();
    CHECK(sum(at.grad()).item() == doctest::Approx(sum(w).item()).epsilon(1e-12));
    constexpr std::int64_t one[] = {1, 1};
    const Tensor columns = unfold(x, one, {.stride = far, .padding = far});
    CHECK(columns.shape() == Shape{1, 2, 9});
    CHECK(select(select(columns, 2, 4), 1, 1).item() == slice(slice(slice(x, 1, 1, 2), 2, 0, 1), 3, 0, 1).item());
    CHECK(sum(abs(columns)).item() == doctest::Approx(sum(abs(select(columns, 2, 4))).item()));
  }
  const Tensor w = uniform(draws.then("w"), {3, 2, 3, 3}, -1, 1, DType::f64).requires_grad();
  const Tensor at = x.clone().requires_grad(), v = w.detach().clone().requires_grad(), ax = x.clone().requires_grad();
  const Tensor y = conv2d(at, w, {.padding = far, .dilation = far});  // of each window the middle tap alone meets x
  const Tensor z = conv2d(ax, slice(slice(v, 2, 1, 2), 3, 1, 2));
  sum(square(y)).backward();
  sum(square(z)).backward();
  CHECK(max(abs(y - z)).item() < 1e-14);
  CHECK(max(abs(at.grad() - ax.grad())).item() < 1e-13);
  CHECK(max(abs(w.grad() - v.grad())).item() < 1e-13);
}

TEST_CASE("double backward through a small network of convolutions agrees with finite differences") {
  const Tensor target = noise(4, {2, 3, 3, 2});
  const Program penalty = [&](const std::vector<Tensor>& at) {
    const Recording on(true);  // where finite differences are taken it is off
    Tensor x = at[0].needs_grad() ? at[0] : at[0].detach().requires_grad();
    const Tensor h = tanh(conv2d(x, at[1], {.bias = at[2], .stride = {2, 1}, .padding = 1}));
    const Tensor y = conv_transpose2d(h, at[3], {.stride = {1, 2}, .padding = {1, 2}, .dilation = {2, 1}});
    const Tensor loss = sum(square(sin(y)));
    const Tensor slope = grad({loss}, {x}, {.create_graph = true})[0];  // a gradient penalty
    return std::vector<Tensor>{sum(square(slope)) + loss};
  };
  const std::vector<Tensor> at = {noise(0, {2, 2, 5, 4}), noise(1, {3, 2, 3, 2}), noise(2, {3}),
                                  noise(3, {3, 2, 2, 3})};
  const GradcheckReport report = gradcheck(penalty, at, {.order = 1});
  for (const GradcheckBlock& block : report.blocks) {
    INFO("input " << block.input << ": " << block.analytic << " against " << block.numeric);
    CHECK(block.passed());
  }
}

TEST_CASE("an image has the same convolution in any batch and on any number of threads, bit for bit") {
  struct {
    Shape x, w;
    ConvOptions options;
  } const cases[] = {{{5, 8, 40, 37}, {16, 8, 3, 3}, {.padding = 1}},
                     {{5, 6, 9, 7}, {18, 3, 3, 3}, {.stride = 2, .padding = 1, .groups = 2}},
                     {{5, 6, 9, 7}, {6, 1, 3, 3}, {.padding = 2, .dilation = 2, .groups = 6}},
                     {{5, 40, 6, 6}, {300, 40, 1, 1}, {}}};
  for (const auto& [xs, ws, options] : cases) {
    Tensor x = noise(0, xs, DType::f32).requires_grad();
    Tensor w = noise(1, ws, DType::f32).requires_grad();
    set_num_threads(1);
    const Tensor y = conv2d(x, w, options);
    const Tensor up = noise(2, y.shape(), DType::f32);
    const std::vector<Tensor> back = grad({y}, {x, w}, {.seeds = {up}});
    for (const int threads : {2, 3, 7}) {
      set_num_threads(threads);
      const Tensor again = conv2d(x, w, options);
      CHECK(again.values() == y.values());
      const std::vector<Tensor> back_again = grad({again}, {x, w}, {.seeds = {up}});
      CHECK(back_again[0].values() == back[0].values());
      CHECK(back_again[1].values() == back[1].values());
    }
    set_num_threads(0);
    Tensor one = select(x.detach(), 0, 3).requires_grad();
    const Tensor alone = conv2d(one, w, options);
    CHECK(alone.values() == select(y, 0, 3).values());
    CHECK(grad({alone}, {one}, {.seeds = {select(up, 0, 3)}})[0].values() == select(back[0], 0, 3).values());
  }
}
