// SPDX-License-Identifier: Apache-2.0
// Products of matrices: right for every shape, and every element a chain over k that nothing else has a part in.
#include <doctest/doctest.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/random.h>
#include <cmath>

using namespace lumigrad;

namespace {

Tensor noise(std::uint64_t seed, const Shape& shape, DType dtype) { return uniform({seed, 3}, shape, -1, 1, dtype); }

// Whole numbers, whose products and sums every order of addition gives alike.
Tensor whole(std::uint64_t seed, const Shape& shape, DType dtype) {
  std::vector<double> values = uniform({seed, 4}, shape, -8, 8, DType::f64).values();
  for (double& v : values) v = std::floor(v);
  return Tensor::from(values, shape).to(dtype);
}

std::vector<double> by_definition(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = a.values(), y = b.values();
  const std::int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  std::vector<double> product(static_cast<std::size_t>(m * n), 0.0);
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t p = 0; p < k; ++p)
      for (std::int64_t j = 0; j < n; ++j)
        product[static_cast<std::size_t>(i * n + j)] +=
            x[static_cast<std::size_t>(i * k + p)] * y[static_cast<std::size_t>(p * n + j)];
  return product;
}

Tensor turned(const Tensor& x) { return transpose(x, -1, -2).clone(); }

}  // namespace

TEST_CASE("products of all kinds of shapes are right") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const std::int64_t m : {1, 2, 5, 12, 13, 29, 245})
      for (const std::int64_t k : {1, 3, 17, 160, 161, 330})
        for (const std::int64_t n : {1, 2, 7, 31, 32, 33, 65, 800}) {
          if (m * k * n > 4000000) continue;
          CAPTURE(m);
          CAPTURE(k);
          CAPTURE(n);
          const Tensor a = whole(1, {m, k}, dtype), b = whole(2, {k, n}, dtype);
          CHECK(matmul(a, b).values() == by_definition(a, b));
        }
}

TEST_CASE("an element of a product has the same bits in any company and any layout") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor a = noise(1, {50, 333}, dtype), b = noise(2, {333, 70}, dtype), y = matmul(a, b);
    CHECK(matmul(slice(a, 0, 7, 10), slice(b, 1, 3, 6)).values() == slice(slice(y, 0, 7, 10), 1, 3, 6).values());
    CHECK(matmul(slice(a, 0, 49, 50), slice(b, 1, 69, 70)).values() == slice(slice(y, 0, 49, 50), 1, 69, 70).values());
    CHECK(matmul(slice(a, 0, 7, 10), b).values() == slice(y, 0, 7, 10).values());
    CHECK(matmul(slice(a, 0, 7, 8), transpose(turned(b), 0, 1)).values() == slice(y, 0, 7, 8).values());
    CHECK(matmul(a, slice(b, 1, 5, 6)).values() == slice(y, 1, 5, 6).values());
    CHECK(matmul(transpose(turned(a), 0, 1), b).values() == y.values());
    CHECK(matmul(a, transpose(turned(b), 0, 1)).values() == y.values());
    CHECK(turned(matmul(transpose(b, 0, 1), transpose(a, 0, 1))).values() == y.values());
    const Tensor many = matmul(stack({a, a * 2, a}, 0), unsqueeze(b, 0));
    CHECK(select(many, 0, 2).values() == y.values());
  }
}

TEST_CASE("small and large products follow the same rule") {
  const Tensor a = noise(3, {40, 4}, DType::f32), b = noise(4, {4, 40}, DType::f32), y = matmul(a, b);
  CHECK(matmul(slice(a, 0, 0, 2), slice(b, 1, 0, 2)).values() == slice(slice(y, 0, 0, 2), 1, 0, 2).values());
}

TEST_CASE("a product has the same bits on any number of threads") {
  const Tensor a = noise(5, {700, 90}, DType::f32), b = noise(6, {90, 65}, DType::f32);
  set_num_threads(1);
  const std::vector<double> alone = matmul(a, b).values();
  for (const int threads : {2, 5}) {
    set_num_threads(threads);
    CHECK(matmul(a, b).values() == alone);
  }
  set_num_threads(0);
}
