// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <lumigrad/engine/families/filter.h>
#include <lumigrad/engine/families/interpolation.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <cmath>

using namespace lumigrad;

namespace {

Tensor noise(const Shape& shape, DType dtype, std::uint32_t seed) { return uniform({seed, 7}, shape, -1, 1, dtype); }

double dot(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = a.values(), y = b.values();
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

double furthest(const Tensor& a, const std::vector<double>& b) {
  const std::vector<double> x = a.values();
  if (x.size() != b.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) worst = std::max(worst, std::abs(x[i] - b[i]));
  return worst;
}

struct Trial {
  std::int64_t height, width, rows, columns;
  FilterOptions options;
};

// Shapes, kernels and borders drawn at random; kernels larger than the image among them.
Trial trial(const Stream& draw, std::uint64_t i) {
  const auto between = [&](std::uint64_t n, std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(draw.below(static_cast<std::uint64_t>(high - low + 1), 8 * i + n));
  };
  Trial t{between(0, 1, 24), between(1, 1, 60), between(2, 1, 9), between(3, 1, 11), {}};
  t.options = {static_cast<Border>(between(4, 0, 4)),
               between(5, 0, 4) == 0 && t.rows <= t.height && t.columns <= t.width};
  return t;
}

std::vector<double> expected(const Trial& t, const std::vector<double>& plane, const std::vector<double>& kernel) {
  const auto read = [&](std::int64_t y, std::int64_t x) {
    const std::int64_t row = index_at_border(y, t.height, t.options.border);
    const std::int64_t column = index_at_border(x, t.width, t.options.border);
    return row < 0 || column < 0 ? 0.0 : plane[static_cast<std::size_t>(row * t.width + column)];
  };
  const bool valid = t.options.valid;
  return filter_reference<double>(t.height - (valid ? t.rows - 1 : 0), t.width - (valid ? t.columns - 1 : 0), kernel,
                                  t.rows, t.columns, valid, read);
}

}  // namespace

TEST_CASE("filters are the reference at every border, whatever the extents of image and kernel") {
  const Stream draw = Generator{3, operation_id("trial")}.stream(0);
  for (std::uint32_t i = 0; i < 200; ++i) {
    const Trial t = trial(draw, i);
    INFO(t.height << " x " << t.width << " by " << t.rows << " x " << t.columns << " border "
                  << static_cast<int>(t.options.border) << (t.options.valid ? " valid" : ""));
    const Tensor x = noise({2, 2, t.height, t.width}, DType::f64, i), column = noise({2, t.rows}, DType::f64, i + 1),
                 row = noise({2, t.columns}, DType::f64, i + 2);
    const Tensor kernel = matmul(unsqueeze(column, 2), unsqueeze(row, 1));
    const Tensor y = filter(x, kernel, 2, t.options), z = filter_separable(x, column, row, t.options);
    std::vector<double> all;
    for (int n = 0; n < 2; ++n)
      for (int c = 0; c < 2; ++c) {
        const auto one = expected(t, select(select(x, 0, n), 0, c).values(), select(kernel, 0, n).values());
        all.insert(all.end(), one.begin(), one.end());
      }
    CHECK(furthest(y, all) < 1e-13);
    CHECK(furthest(z, all) < 1e-13);
    const Tensor narrow = filter(x.to(DType::f32), kernel.to(DType::f32), 2, t.options);
    CHECK(furthest(narrow, all) < 1e-5);
    CHECK(furthest(filter_separable(x.to(DType::f32), column.to(DType::f32), row.to(DType::f32), t.options), all) <
          1e-5);
  }
}

TEST_CASE("rows are correlated with long and short rows of weights alike, up to their last element") {
  for (const std::int64_t taps : {1, 2, 3, 5, 15, 16, 17, 18, 21, 33, 48}) {
    for (const std::int64_t width : {48, 63, 64, 65, 130, 200}) {
      const Tensor x = noise({3, width}, DType::f32, 1), k = noise({1, taps}, DType::f32, 2);
      const Tensor y = filter(x, k, 2, {Border::zeros, true});
      const std::vector<double> image = x.values(), weights = k.values(), got = y.values();
      REQUIRE(y.shape() == Shape{3, width - taps + 1});
      for (std::int64_t i = 0; i < y.numel(); ++i) {
        const std::int64_t at = i / y.size(1) * width + i % y.size(1);
        double sum = 0;
        for (std::int64_t j = 0; j < taps; ++j)
          sum += weights[static_cast<std::size_t>(j)] * image[static_cast<std::size_t>(at + j)];
        REQUIRE(got[static_cast<std::size_t>(i)] == doctest::Approx(sum).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("image, kernel and result of a filter are the three arguments of one form") {
  const Stream draw = Generator{4, operation_id("trial")}.stream(0);
  for (std::uint32_t i = 0; i < 100; ++i) {
    const Trial t = trial(draw, i);
    const Tensor x = noise({2, 3, t.height, t.width}, DType::f64, i);
    const Tensor k = noise({i % 2 + 1, t.rows, t.columns}, DType::f64, i + 1);
    const Tensor y = filter(x, k, 2, t.options), w = noise(y.shape(), DType::f64, i + 2);
    const double form = dot(y, w);
    CHECK(dot(filter_spread(w, k, 2, t.options), x) == doctest::Approx(form).epsilon(1e-11));
    CHECK(dot(filter_sums(x, w, {t.rows, t.columns}, i % 2 == 1, t.options), k) ==
          doctest::Approx(form).epsilon(1e-11));
  }
}

TEST_CASE("a volume filtered by a product of three rows is its three axes filtered one by one") {
  for (const Border border : {Border::zeros, Border::border, Border::reflection, Border::symmetric, Border::circular}) {
    const Tensor x = noise({2, 5, 6, 7}, DType::f64, 1).requires_grad();
    const Tensor a = noise({3, 1, 1}, DType::f64, 2), b = noise({1, 4, 1}, DType::f64, 3),
                 c = noise({1, 1, 5}, DType::f64, 4);
    const FilterOptions options{border};
    const Tensor whole = filter(x, mul(mul(a, b), c), 3, options);
    const Tensor parts = filter(filter(filter(x, a, 3, options), b, 3, options), c, 3, options);
    CHECK(furthest(whole, parts.values()) < 1e-13);
    const Tensor w = noise(whole.shape(), DType::f64, 5);
    CHECK(furthest(grad({whole}, {x}, {.seeds = {w}})[0], grad({parts}, {x}, {.seeds = {w}})[0].values()) < 1e-13);
  }
}

TEST_CASE("a filter does not let in what its window does not see") {
  Tensor x = Tensor::zeros({1, 9, 40});
  x.mutable_data<float>()[4 * 40 + 20] = INFINITY;
  const Tensor k = Tensor::ones({3, 3}), y = filter(x, k, 2),
               z = filter_separable(x, Tensor::ones({3}), Tensor::ones({3}));
  for (int r = 0; r < 9; ++r)
    for (int c = 0; c < 40; ++c) {
      const bool sees = std::abs(r - 4) <= 1 && std::abs(c - 20) <= 1;
      const std::size_t at = static_cast<std::size_t>(40 * r + c);
      CHECK(y.values()[at] == (sees ? INFINITY : 0));
      CHECK(z.values()[at] == (sees ? INFINITY : 0));
    }
}

TEST_CASE("threads and batches change no bit of a filter, nor of its gradients") {
  const Tensor x = noise({2, 3, 71, 83}, DType::f32, 6), row = noise({7}, DType::f32, 7),
               column = noise({5}, DType::f32, 8);
  const Tensor k = noise({4, 5}, DType::f32, 9), w = noise(x.shape(), DType::f32, 10);
  const auto all = [&](const Tensor& images, const Tensor& seeds) {
    std::vector<std::vector<double>> values;
    for (const bool separable : {false, true}) {
      Tensor from = images.clone().requires_grad(), p = (separable ? row : k).clone().requires_grad();
      const Tensor y = separable ? filter_separable(from, column, p) : filter(from, p, 2);
      const std::vector<Tensor> g = grad({y}, {from, p}, {.seeds = {seeds}});
      for (const Tensor& part : {y, g[0], g[1]}) values.push_back(part.values());
    }
    return values;
  };
  set_num_threads(1);
  const auto alone = all(x, w), second = all(slice(x, 0, 1, 2), slice(w, 0, 1, 2));
  for (const int threads : {2, 3, 7}) {
    set_num_threads(threads);
    CHECK(all(x, w) == alone);
  }
  set_num_threads(0);
  for (const std::size_t i : {0, 1, 3, 4})
    CHECK(
        std::equal(second[i].begin(), second[i].end(), alone[i].end() - static_cast<std::ptrdiff_t>(second[i].size())));
}
