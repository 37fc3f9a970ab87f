// SPDX-License-Identifier: Apache-2.0
// The gather family against its textbook version, and what its operators promise.
#include <doctest/doctest.h>
#include <lumigrad/engine/arrangement.h>
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <cmath>
#include <limits>

using namespace lumigrad;

namespace {

using I = std::int64_t;

std::vector<I> places(std::uint64_t seed, I count, I extent) {
  std::vector<I> result;
  for (const double v : uniform({seed, 5}, {count}, 0, 1, DType::f64).values())
    result.push_back(static_cast<I>(v * static_cast<double>(extent)));
  return result;
}

struct Size {
  I outer, extent, count, inner;
};
constexpr Size sizes[] = {{1, 5, 9, 1},   {3, 4, 2, 5},     {2, 1, 3, 7},   {1, 1000, 3, 2}, {2, 3, 5000, 1},
                          {7, 2, 2, 300}, {1, 70000, 9, 3}, {40, 6, 50, 9}, {1, 2, 40000, 1}};

}  // namespace

TEST_CASE("gather and scatter_add are their textbook versions, for every layout of lines") {
  for (const Size& s : sizes) {
    CAPTURE(s.outer);
    CAPTURE(s.extent);
    const Tensor x = uniform({1, 1}, {s.outer, s.extent, s.inner}, -1, 1, DType::f64);
    const Tensor w = uniform({1, 2}, {s.outer, s.count, s.inner}, -1, 1, DType::f64);
    const std::vector<I> index = places(3, s.outer * s.count * s.inner, s.extent);
    std::vector<double> y(index.size()), z(static_cast<std::size_t>(x.numel()), 0.0);
    gather_reference(x.data<double>(), index.data(), y.data(), s.outer, s.extent, s.count, s.inner);
    scatter_reference(w.data<double>(), index.data(), z.data(), s.outer, s.extent, s.count, s.inner);
    const Tensor at = Tensor::from(index, w.shape());
    CHECK(gather(x, 1, at).values() == y);
    CHECK(gather(x, 1, at.to(DType::i32)).values() == y);
    CHECK(scatter_add(Tensor::zeros(x.shape(), DType::f64), 1, at, w).values() == z);
    const Tensor narrow = scatter_add(Tensor::zeros(x.shape()), 1, at, w.to(DType::f32));
    double off = 0;
    for (const double d : sub(narrow.to(DType::f64), Tensor::from(z, x.shape())).values())
      off = std::max(off, std::fabs(d));
    CHECK(off < 1e-4);
  }
}

TEST_CASE("whole rows and single elements give the same numbers") {
  for (const Size& s : sizes) {
    const Tensor x = uniform({1, 1}, {s.outer, s.extent, s.inner}, -1, 1);
    const Tensor w = uniform({1, 2}, {s.outer, s.count, s.inner}, -1, 1);
    const Tensor rows = Tensor::from(places(4, s.count, s.extent), {s.count});
    const Tensor at = expand(reshape(rows, {s.count, 1}), {s.outer, s.count, s.inner});
    CHECK(index_select(x, 1, rows).values() == gather(x, 1, at).values());
    CHECK(index_add(x, 1, rows, w).values() == scatter_add(x, 1, at, w).values());
  }
}

TEST_CASE("data of any dtype is gathered") {
  for (const DType dtype : {DType::f32, DType::f64, DType::u8, DType::u16, DType::i32, DType::i64, DType::boolean}) {
    const Tensor x = Tensor({0, 1, 1, 0}).to(DType::f64).to(dtype);
    const Tensor y = index_select(x, 0, {3, 2, 1, 0, -1});
    CHECK(y.dtype() == dtype);
    CHECK(y.values() == std::vector<double>{0, 1, 1, 0, 0});
  }
}

TEST_CASE("an index that is not inside is refused before anything is read, and so is half an index") {
  const Tensor x = Tensor::ones({2, 3}).requires_grad();
  CHECK_THROWS_WITH_AS(index_select(x, 1, {0, 3}), doctest::Contains("extent 3, got 3"), ShapeError);
  CHECK_THROWS_WITH_AS(index_select(x, 1, {-4}), doctest::Contains("[-3, 3)"), ShapeError);
  CHECK_THROWS_AS(index_select(x, 1, {0.5}), DTypeError);
  CHECK_THROWS_AS(index_select(x, 1, {1e300}), ShapeError);
  CHECK_THROWS_AS(index_select(Tensor::ones({0}), 0, {0}), ShapeError);
  CHECK_THROWS_AS(repeat_interleave(x, Tensor::full({2}, 4e18, DType::i64), 0), ShapeError);
}

TEST_CASE("an index changed after it was used is noticed") {
  const Tensor x = Tensor({1, 2, 3}).to(DType::f64).requires_grad();
  Tensor index = Tensor::from(std::vector<I>{2, 0}, {2});
  const Tensor y = sum(index_select(x, 0, index));
  index.assign(Tensor::from(std::vector<I>{1, 1}, {2}));
  CHECK_THROWS_AS(y.backward(), GraphError);
}

TEST_CASE("a NaN outside the triangle is gone, and sends no gradient") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor x = Tensor::from(std::vector<double>{1, nan, 2, 3}, {2, 2}).requires_grad();
  const Tensor y = tril(x);
  CHECK(y.values() == std::vector<double>{1, 0, 2, 3});
  sum(square(y)).backward();
  CHECK(x.grad().values() == std::vector<double>{2, 0, 4, 6});
}

TEST_CASE("parts put together again are the whole") {
  const Tensor x = uniform({6, 1}, {3, 7, 2}, -1, 1);
  CHECK(concat(split(x, 3, 1), 1).values() == x.values());
  CHECK(concat(chunk(x, 4, 1), 1).values() == x.values());
  CHECK(roll(roll(x, 5, 1), -5, 1).values() == x.values());
  CHECK(add(tril(x, -1), triu(x, 0)).values() == x.values());
  CHECK(repeat_interleave(x, 2, 1).values() == repeat_interleave(x, Tensor::full({7}, 2, DType::i64), 1).values());
}
