// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <lumigrad/engine/families/filter_rank.h>
#include <lumigrad/engine/families/interpolation.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/vision/morphology/morphology.h>
#include <algorithm>
#include <limits>

using namespace lumigrad;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Tensor noise(const Shape& shape, DType dtype, std::uint32_t seed) { return uniform({seed, 7}, shape, -1, 1, dtype); }

struct Trial {
  std::int64_t height, width;
  WindowOptions window;
};

Trial trial(const Stream& draw, std::uint64_t i) {
  const auto between = [&](std::uint64_t n, std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(draw.below(static_cast<std::uint64_t>(high - low + 1), 8 * i + n));
  };
  Trial t{between(0, 1, 20), between(1, 1, 40), {.rows = between(2, 1, 6), .columns = between(3, 1, 7)}};
  t.window.anchor_y = between(4, 0, t.window.rows - 1);
  t.window.anchor_x = between(5, 0, t.window.columns - 1);
  t.window.border = static_cast<Border>(between(6, 0, 4));
  t.window.outside = 0.25;
  return t;
}

template <class Select>
std::vector<double> expected(const Trial& t, const Tensor& plane, Select select) {
  const std::vector<double> x = plane.values();
  const auto read = [&](std::int64_t y, std::int64_t column) {
    const std::int64_t row = index_at_border(y, t.height, t.window.border);
    const std::int64_t at = index_at_border(column, t.width, t.window.border);
    return row < 0 || at < 0 ? t.window.outside : x[static_cast<std::size_t>(row * t.width + at)];
  };
  return window_reference<double>(t.height, t.width, t.window, read, select);
}

}  // namespace

TEST_CASE("windows select what the reference selects, at every border and extent") {
  const Stream draw = Generator{5, operation_id("trial")}.stream(0);
  for (std::uint32_t i = 0; i < 150; ++i) {
    const Trial t = trial(draw, i);
    const auto count = static_cast<std::size_t>(t.window.rows * t.window.columns);
    INFO(t.height << " x " << t.width << " by " << t.window.rows << " x " << t.window.columns << ", border "
                  << static_cast<int>(t.window.border));
    const Tensor x = noise({t.height, t.width}, DType::f64, i);
    const Tensor heights = noise({t.window.rows, t.window.columns}, DType::f64, i + 1);
    Tensor mask = Tensor::ones(heights.shape(), DType::f64);
    if (count > 1) mask.mutable_data<double>()[i % count] = 0;
    const std::vector<double> h = heights.values(), m = mask.values();
    const auto greatest = [&](const std::vector<double>& places, double sign) {
      double best = -infinity;
      for (std::size_t k = 0; k < count; ++k)
        if (m[k] != 0) best = std::max(best, sign * places[k] + h[k]);
      return sign * best;
    };
    CHECK(window_max(x, t.window, mask, heights).values() ==
          expected(t, x, [&](const std::vector<double>& places) { return greatest(places, 1); }));
    CHECK(window_min(x, t.window, mask, heights).values() ==
          expected(t, x, [&](const std::vector<double>& places) { return greatest(places, -1); }));
    const auto lower_median = [](std::vector<double> places) {
      std::sort(places.begin(), places.end());
      return places[(places.size() - 1) / 2];
    };
    CHECK(window_median(x, t.window).values() == expected(t, x, lower_median));
    const Tensor narrow = x.to(DType::f32);
    CHECK(window_median(narrow, t.window).values() == expected(t, narrow, lower_median));
    // Whole numbers: many are equal. The gradient of a sum still hands out one a result, less what came from outside.
    Tensor coarse = floor(mul(3, x)).requires_grad();
    const Tensor y = window_median(coarse, t.window);
    CHECK(y.values() == expected(t, coarse.detach(), lower_median));
    double inside = 0;
    for (const double value : y.values()) inside += value != t.window.outside;
    const Tensor g = grad({y}, {coarse}, {.seeds = {Tensor::ones(y.shape(), DType::f64)}})[0];
    CHECK(sum(g).item() == inside);
  }
}

TEST_CASE("erosion and dilation are a pair: b <= a eroded where b dilated <= a, and openings change nothing twice") {
  const Tensor x = noise({1, 1, 13, 17}, DType::f64, 1);
  const Tensor kernel = Tensor::from(std::vector<double>{1, 1, 0, 0, 1, 1, 1, 0, 1}, {3, 3});
  const morphology::Morphology flat;
  const Tensor once = morphology::opening(x, kernel, flat), closed = morphology::closing(x, kernel, flat);
  CHECK(morphology::opening(once, kernel, flat).values() == once.values());
  CHECK(morphology::closing(closed, kernel, flat).values() == closed.values());
  const std::vector<double> a = x.values(), low = once.values(), high = closed.values();
  for (std::size_t i = 0; i < a.size(); ++i) CHECK((low[i] <= a[i] && a[i] <= high[i]));
}

TEST_CASE("a window that sees nothing is infinite and has no gradient") {
  Tensor x = Tensor::ones({1, 2, 2}).requires_grad();
  Tensor kernel = Tensor::zeros({3, 3});
  kernel.mutable_data<float>()[8] = 1;
  const Tensor y = morphology::erosion(x, kernel);
  CHECK(y.values() == std::vector<double>{1, infinity, infinity, infinity});
  CHECK(grad({y}, {x}, {.seeds = {Tensor::ones(y.shape())}})[0].values() == std::vector<double>{0, 0, 0, 1});
}
