// SPDX-License-Identifier: Apache-2.0
// Broadcasting, dtypes and bare numbers, and gradients through them.
#include <doctest/doctest.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>

using namespace lumigrad;

TEST_CASE("shapes broadcast from the last axis, and gradients are summed back") {
  Tensor a = Tensor::full({2, 1, 3}, 2, DType::f64).requires_grad(), b = Tensor::full({4, 1}, 3, DType::f64);
  b.requires_grad();
  const Tensor y = a * b;
  CHECK(y.shape() == Shape{2, 4, 3});
  sum(y).backward();
  CHECK(a.grad().shape() == a.shape());
  CHECK(a.grad().values() == std::vector<double>(6, 12.0));
  CHECK(b.grad().values() == std::vector<double>(4, 12.0));
  CHECK_THROWS_AS(a + Tensor::ones({2}, DType::f64), ShapeError);
}

TEST_CASE("a broadcast operand gives the bits of its copy, forward and back, in f32 and f64") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = uniform({1, 1}, {3, 5, 7}, -1, 1, dtype), row = uniform({1, 2}, {7}, -1, 1, dtype);
    const Tensor whole = expand(row, {3, 5, 7}).clone();
    CHECK((x * row + row).values() == (x * whole + whole).values());
    Tensor u = transpose(x, 0, 2).detach().requires_grad(), v = transpose(x, 0, 2).clone().requires_grad();
    sum(exp(u) * 0.5).backward();
    sum(exp(v) * 0.5).backward();
    CHECK(u.grad().values() == v.grad().values());
  }
}

TEST_CASE("bare numbers take the dtype of the tensor they meet") {
  const Tensor x = Tensor::ones({2}, DType::f32), y = Tensor::ones({2}, DType::f64);
  CHECK((x + 1).dtype() == DType::f32);
  CHECK((1.5 * x).dtype() == DType::f32);
  CHECK((2 / y).dtype() == DType::f64);
  CHECK((x * Tensor(3)).dtype() == DType::f32);
  CHECK((x + Tensor({1.0, 2.0})).dtype() == DType::f32);
  CHECK_THROWS_AS(x + y, DTypeError);
  CHECK_THROWS_AS(x + Tensor::ones({2}, DType::u8), DTypeError);
}

TEST_CASE("bare numbers take the dtype of what they are joined to or solved with") {
  const Tensor numbers = {1.0, 2.0}, x = Tensor::ones({2}, DType::f32);
  CHECK(concat({numbers, x}, 0).dtype() == DType::f32);
  CHECK(stack({x, numbers}, 0).dtype() == DType::f32);
  CHECK((concat({numbers, numbers}, 0) + Tensor::ones({4}, DType::f32)).dtype() == DType::f32);
  CHECK_THROWS_AS(concat({x, x.to(DType::f64)}, 0), DTypeError);
  Tensor leaf = Tensor({3.0, 4.0}).requires_grad();
  sum(concat({leaf, x}, 0) * Tensor({1.0, 2.0, 3.0, 4.0})).backward();
  CHECK(leaf.grad().values() == std::vector<double>{1, 2});
  const Tensor eye = Tensor::from(std::vector<float>{2, 0, 0, 4}, {2, 2});
  const Tensor column = reshape(numbers, {2, 1});
  CHECK(solve(eye, column).dtype() == DType::f32);
  CHECK(solve(eye, column).values() == std::vector<double>{0.5, 0.5});
}

TEST_CASE("a bare number can be a leaf") {
  Tensor gain = Tensor(2.0).requires_grad();
  const Tensor x = Tensor::full({3}, 5, DType::f32);
  sum(x * gain).backward();
  CHECK(gain.grad().item() == 15);
}

TEST_CASE("conversions between f32 and f64 are part of the graph") {
  Tensor x = Tensor::full({2}, 3, DType::f32).requires_grad();
  sum(square(x.to(DType::f64))).backward();
  CHECK(x.grad().dtype() == DType::f32);
  CHECK(x.grad().values() == std::vector<double>{6, 6});
}

TEST_CASE("conversions to integers round to even and clamp, and storage types keep their range") {
  const Tensor x = Tensor::from(std::vector<double>{-1, 0.5, 1.5, 2.5, 300, 65504}, {6});
  CHECK(x.to(DType::u8).values() == std::vector<double>{0, 0, 2, 2, 255, 255});
  CHECK(x.to(DType::i32).values() == std::vector<double>{-1, 0, 2, 2, 300, 65504});
  CHECK(x.to(DType::f16).values() == std::vector<double>{-1, 0.5, 1.5, 2.5, 300, 65504});
  CHECK(x.to(DType::bf16).values() == std::vector<double>{-1, 0.5, 1.5, 2.5, 300, 65536});
  CHECK(x.to(DType::boolean).values() == std::vector<double>(6, 1.0));
}

TEST_CASE("sums over any axes of any layout add up") {
  const Tensor x = uniform({5, 1}, {3, 4, 5}, -1, 1, DType::f64);
  const std::vector<double> v = x.values();
  for (const Tensor& y :
       {x, transpose(transpose(x, 0, 2).clone(), 0, 2), flip(flip(x, std::array{1}).clone(), std::array{1})}) {
    const std::vector<double> s = sum(y, {0, 2}).values();
    for (std::size_t j = 0; j < 4; ++j) {
      double expected = 0;
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t k = 0; k < 5; ++k) expected += v[i * 20 + j * 5 + k];
      CHECK(s[j] == doctest::Approx(expected));
    }
  }
  CHECK(sum(expand(Tensor::full({1}, 2, DType::f64), {1000})).item() == 2000);
  CHECK(mean(x, {-1}, true).shape() == Shape{3, 4, 1});
}

TEST_CASE("sums in f32 keep their digits over a million numbers") {
  const Tensor x = Tensor::full({1000000}, 0.1, DType::f32);
  CHECK(sum(x).item() == doctest::Approx(0.1f * 1e6).epsilon(1e-6));
}

TEST_CASE("shapes refuse what cannot be held") {
  CHECK_THROWS_AS(Shape({-1}), ShapeError);
  CHECK_THROWS_AS(Shape({std::int64_t{1} << 40, std::int64_t{1} << 40}), ShapeError);
  CHECK_THROWS_AS(Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}), ShapeError);
  CHECK_THROWS_AS(Shape({0, std::int64_t{1} << 40, std::int64_t{1} << 40}), ShapeError);
  CHECK(Shape{}.numel() == 1);
  CHECK_THROWS_AS(Tensor::from(std::vector<double>{1, 2}, {3}), ShapeError);
  CHECK_THROWS_AS(Tensor::ones({2}).item(), ShapeError);
  CHECK_THROWS_AS(Tensor::ones({2}).data<double>(), DTypeError);
  CHECK_THROWS_AS(Tensor().shape(), GraphError);
}
