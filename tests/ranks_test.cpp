// SPDX-License-Identifier: Apache-2.0
// Ranks and running values against the standard library and against definitions.
#include <doctest/doctest.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/families/scan.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace lumigrad;

namespace {

using I = std::int64_t;
const double not_a_number = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

// Few different numbers, so that many tie.
Tensor ties(std::uint64_t seed, const Shape& shape) {
  std::vector<double> values = uniform({seed, 1}, shape, -5, 5, DType::f64).values();
  for (double& v : values) v = std::floor(v);
  return Tensor::from(values, shape);
}
Tensor vector(const std::vector<double>& values) { return Tensor::from(values, {static_cast<I>(values.size())}); }

}  // namespace

TEST_CASE("sort is the stable sort of the standard library, along any axis, for any length and dtype") {
  for (const I n : {1, 2, 5, 64, 65, 1000})
    for (const int axis : {0, 1, 2})
      for (const bool descending : {false, true}) {
        CAPTURE(n);
        CAPTURE(axis);
        const Tensor x = ties(static_cast<std::uint64_t>(n), Shape{2, 3, 2}.with(axis, n));
        for (const DType dtype : {DType::f64, DType::f32, DType::i64, DType::i32}) {
          const Selection got = sort(x.to(dtype), axis, descending);
          const std::vector<double> lines = transpose(x, axis, 2).values(), y = transpose(got.values, axis, 2).values(),
                                    at = transpose(got.indices, axis, 2).values();
          bool same = true;
          for (std::size_t line = 0; line < lines.size(); line += static_cast<std::size_t>(n)) {
            std::vector<std::size_t> order(static_cast<std::size_t>(n));
            std::iota(order.begin(), order.end(), line);
            std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
              return descending ? lines[a] > lines[b] : lines[a] < lines[b];
            });
            for (std::size_t i = 0; i < order.size(); ++i)
              same &= y[line + i] == lines[order[i]] && at[line + i] == static_cast<double>(order[i] - line);
          }
          CHECK(same);
          CHECK(got.values.dtype() == dtype);
        }
      }
}

TEST_CASE("what picks by rank agrees with the whole order") {
  for (const I n : {1, 2, 7, 64, 65, 301}) {
    const Tensor x = ties(3, {4, n}), up = sort(x, 1).values, down = sort(x, 1, true).values;
    const Tensor places = argsort(x, 1);
    CHECK(select(up, 1, (n - 1) / 2).values() == median(x, 1).values.values());
    CHECK(select(places, 1, (n - 1) / 2).values() == median(x, 1).indices.values());
    CHECK(select(places, 1, 0).values() == argmin(x, 1).values());
    CHECK(select(argsort(x, 1, true), 1, 0).values() == argmax(x, 1).values());
    CHECK(select(down, 1, 0).values() == amax(x, {1}).values());
    CHECK(select(up, 1, 0).values() == amin(x, {1}).values());
    for (const I k : {I{0}, I{1}, n / 2, n}) {
      CHECK(topk(x, k, 1).values.values() == slice(down, 1, 0, k).values());
      CHECK(topk(x, k, 1, false).indices.values() == slice(places, 1, 0, k).values());
    }
    for (const double q : {0.0, 0.25, 0.5, 1.0}) {
      const double at = q * static_cast<double>(n - 1);
      CHECK(quantile(x, q, 1, false, QuantileRule::lower).values() ==
            select(up, 1, static_cast<I>(std::floor(at))).values());
      CHECK(quantile(x, q, 1, false, QuantileRule::higher).values() ==
            select(up, 1, static_cast<I>(std::ceil(at))).values());
    }
    CHECK(quantile(x, 0.5, 1, false, QuantileRule::midpoint).values() ==
          mul(add(select(up, 1, (n - 1) / 2), select(up, 1, n / 2)), 0.5).values());
  }
}

TEST_CASE("NaN is the largest in order, the answer of what reduces, and -0 ties with 0") {
  const Tensor x = vector({2, not_a_number, -inf, inf, not_a_number, -0.0, 0});
  CHECK(argsort(x).values() == std::vector<double>{2, 5, 6, 0, 3, 1, 4});
  CHECK(argsort(x, 0, true).values() == std::vector<double>{1, 4, 3, 0, 5, 6, 2});
  for (const Selection& s : {max(x, 0), min(x, 0), median(x, 0)}) {
    CHECK(std::isnan(s.values.item()));
    CHECK(s.indices.item() == 1);
  }
  for (const Tensor& y : {amax(x, {0}), amin(x, {0}), max(x), median(x), quantile(x, 0.1)}) CHECK(std::isnan(y.item()));
  CHECK(quantile(vector({1, inf}), 0.0).item() == 1);
}

TEST_CASE("the largest and the smallest of lines of any length, and NaN wherever it stands") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const std::int64_t n : {1, 2, 7, 15, 16, 17, 31, 32, 33, 47, 64, 65, 127, 200}) {
      std::vector<double> values(static_cast<std::size_t>(n * n));
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i * 2654435761u % 10007) - 5000;
      for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i * n + i)] = i % 2 == 0 ? 2e4 : -2e4;
      const Tensor x = Tensor::from(values, {n, n}).to(dtype);
      for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i * n + i)] = NAN;
      const Tensor broken = Tensor::from(values, {n, n}).to(dtype);
      const auto most = amax(x, {1}).values(), least = amin(x, {1}).values();
      const auto no_most = amax(broken, {1}).values(), no_least = amin(broken, {1}).values();
      for (std::int64_t i = 0; i < n; ++i) {
        const std::vector<double> line = select(x, 0, i).values();
        REQUIRE(most[static_cast<std::size_t>(i)] == *std::max_element(line.begin(), line.end()));
        REQUIRE(least[static_cast<std::size_t>(i)] == *std::min_element(line.begin(), line.end()));
        REQUIRE(std::isnan(no_most[static_cast<std::size_t>(i)]));
        REQUIRE(std::isnan(no_least[static_cast<std::size_t>(i)]));
      }
    }
}

TEST_CASE("unsigned and wide integers are sorted as what they are") {
  const Tensor wide = Tensor::from(std::vector<I>{(I{1} << 62) + 1, I{1} << 62, -5}, {3});
  CHECK(argsort(wide).values() == std::vector<double>{2, 1, 0});
  CHECK(argmax(wide).item() == 0);
  CHECK(sort(vector({200, 3, 255}).to(DType::u8)).values.values() == std::vector<double>{3, 200, 255});
}

TEST_CASE("the gradient of a product with zeros is the product of the others, and so is the second") {
  for (const std::vector<double>& values :
       {std::vector<double>{2, 3, 4}, {2, 0, 4}, {0, 3, 0}, {0, 0, 0}, {1, 0, 2, 0, 3}}) {
    const std::size_t n = values.size();
    const Tensor x = vector(values).requires_grad();
    const Tensor g = grad({prod(x)}, {x}, {.create_graph = true})[0];
    const auto without = [&](std::size_t a, std::size_t b) {
      double product = 1;
      for (std::size_t i = 0; i < n; ++i) product *= i == a || i == b ? 1 : values[i];
      return product;
    };
    for (std::size_t a = 0; a < n; ++a) {
      CHECK(g.values()[a] == without(a, a));
      const Tensor row = grad({select(g, 0, static_cast<I>(a))}, {x}, {.retain_graph = true})[0];
      for (std::size_t b = 0; b < n; ++b) CHECK(row.values()[b] == (a == b ? 0 : without(a, b)));
    }
  }
}

TEST_CASE("a recurrence is its definition, whatever the lines beside it and the threads") {
  for (const Shape& shape : {Shape{1, 500, 1}, Shape{3, 7, 1300}, Shape{90, 4, 3}, Shape{1, 1, 5}}) {
    const Tensor a = uniform({1, 1}, shape, -1, 1, DType::f64), b = uniform({1, 2}, shape, -1, 1, DType::f64);
    const std::vector<double> x = a.values(), y = b.values();
    for (const bool reverse : {false, true}) {
      const I extent = shape[1], inner = shape[2];
      std::vector<double> wanted(x.size());
      for (I line = 0; line < shape[0] * inner; ++line) {
        double s = 0;
        for (I step = 0; step < extent; ++step) {
          const I j = reverse ? extent - 1 - step : step;
          const auto at = static_cast<std::size_t>((line / inner * extent + j) * inner + line % inner);
          wanted[at] = s = step == 0 ? y[at] : x[at] * s + y[at];
        }
      }
      for (const int threads : {1, 3}) {
        set_num_threads(threads);
        CHECK(linear_recurrence(a, b, 1, reverse).values() == wanted);
      }
      set_num_threads(0);
    }
  }
}

TEST_CASE("a long f32 sum keeps its small terms") {
  const I n = 3000000;
  const Tensor y = cumsum(Tensor::full({n}, 0.1), 0);
  CHECK(select(y, 0, -1).item() == doctest::Approx(0.1f * static_cast<double>(n)).epsilon(1e-7));
}
