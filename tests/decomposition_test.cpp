// SPDX-License-Identifier: Apache-2.0
// Decompositions put together again, for every small size and for awkward matrices; gradients where values meet.
#include <doctest/doctest.h>
#include <lumigrad/engine/arrangement.h>
#include <lumigrad/engine/einsum.h>
#include <lumigrad/engine/families/decompositions.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/engine/vectors.h>
#include <cmath>

using namespace lumigrad;

namespace {

Tensor noise(std::uint64_t seed, const Shape& shape, DType dtype = DType::f64) {
  return uniform({seed, 9}, shape, -1, 1, DType::f64).to(dtype);
}
Tensor turned(const Tensor& a) { return transpose(a, -1, -2); }
Tensor scaled(const Tensor& a, const Tensor& columns) { return mul(a, unsqueeze(columns, -2)); }
Tensor matrix(const std::vector<double>& values, std::int64_t n) { return Tensor::from(values, {n, n}); }

double off(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (const double d : sub(a, b).values()) largest = std::isnan(d) ? INFINITY : std::max(largest, std::fabs(d));
  return largest;
}
double rounding(DType dtype) { return dtype == DType::f32 ? 1.2e-7 : 2.3e-16; }
Tensor unit(std::int64_t n, DType dtype) { return Tensor::eye(n, dtype); }

void check_svd(const Tensor& a, double scale) {
  const SVD y = svd(a);
  const std::int64_t k = y.s.size(-1);
  const double most = 40 * rounding(a.dtype()) * static_cast<double>(k + 1);
  CHECK(off(matmul(scaled(y.u, y.s), y.vh), a) <= most * scale);
  CHECK(off(matmul(turned(y.u), y.u), unit(k, a.dtype())) <= most);
  CHECK(off(matmul(y.vh, turned(y.vh)), unit(k, a.dtype())) <= most);
  const std::vector<double> s = y.s.values();
  for (std::size_t i = 0; i < s.size(); ++i) {
    CHECK(s[i] >= 0);
    if (i % static_cast<std::size_t>(k) != 0) CHECK(s[i] <= s[i - 1]);
  }
}

}  // namespace

TEST_CASE("factors put together again are the matrix, and are what they promise, for every small size") {
  for (const DType dtype : {DType::f64, DType::f32})
    for (std::int64_t m = 1; m <= 9; ++m)
      for (std::int64_t n = 1; n <= 9; ++n) {
        CAPTURE(m);
        CAPTURE(n);
        const double most = 100 * rounding(dtype);
        const Tensor a = noise(static_cast<std::uint64_t>(m * 10 + n), {3, m, n}, dtype);
        check_svd(a, 3);
        const QR f = qr(a);
        CHECK(off(matmul(f.q, f.r), a) <= most);
        CHECK(off(matmul(turned(f.q), f.q), unit(std::min(m, n), dtype)) <= most);
        CHECK(off(f.r, triu(f.r)) == 0);
        if (m != n) continue;
        const EigenPairs e = eigh(a);
        CHECK(off(matmul(scaled(e.vectors, e.values), turned(e.vectors)), mul(add(a, turned(a)), 0.5)) <= most);
        CHECK(off(matmul(turned(e.vectors), e.vectors), unit(n, dtype)) <= most);
        const Tensor square = add(matmul(a, turned(a)), unit(n, dtype)), l = cholesky(square);
        CHECK(off(matmul(l, turned(l)), square) <= most);
        CHECK(off(l, tril(l)) == 0);
        CHECK(off(matmul(square, cholesky_solve(a, l)), a) <= most);
        const SignLogDet log = slogdet(a);
        CHECK(off(mul(log.sign, exp(log.log_size)), det(a)) <= most);
        CHECK(off(matmul(matrix_exp(a), matrix_exp(neg(a))), unit(n, dtype)) <= 40 * most);
      }
}

TEST_CASE("awkward matrices: zeros, equal rows, equal and tiny singular values, large ones") {
  for (const DType dtype : {DType::f64, DType::f32}) {
    for (const Shape& shape : {Shape{4, 4}, Shape{6, 3}, Shape{2, 5}}) {
      check_svd(Tensor::zeros(shape, dtype), 1);
      check_svd(Tensor::ones(shape, dtype), 4);
      check_svd(mul(noise(3, shape, dtype), 1e-12), 1e-12);
      check_svd(mul(noise(3, shape, dtype), 1e12), 3e12);
    }
    check_svd(Tensor::eye(5, dtype), 1);
    check_svd(mul(Tensor::eye(4, dtype), Tensor({1, 1e-4, 1e-9, 0}).to(dtype)), 1);
    check_svd(matmul(noise(5, {7, 2}, dtype), noise(6, {2, 7}, dtype)), 7);
    check_svd(noise(8, {40, 60}, dtype), 8);
    CHECK(eigh(Tensor::zeros({3, 3}, dtype)).values.values() == std::vector<double>{0, 0, 0});
  }
  CHECK(std::isnan(cholesky(matrix({1, 2, 2, 1}, 2)).values()[0]));
  CHECK(det(matrix({1, 2, 3, 4, 2, 4, 6, 8, 0, 1, 0, 1, 5, 1, 1, 2}, 4)).item() == 0);
  CHECK(slogdet(Tensor::zeros({4, 4}, DType::f64)).sign.item() == 0);
  CHECK(det(Tensor::zeros({2, 0, 0}, DType::f64)).values() == std::vector<double>{1, 1});
}

TEST_CASE("an exponential of any size is right: a rotation, a shift, and the sum of its series") {
  for (const double angle : {1e-9, 0.3, 3.0, 200.0}) {
    const Tensor y = matrix_exp(matrix({0, -angle, angle, 0}, 2));
    CHECK(off(y, matrix({std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle)}, 2)) < 1e-12);
  }
  CHECK(off(matrix_exp(matrix({0, 5, 0, 0}, 2)), matrix({1, 5, 0, 1}, 2)) < 1e-14);
  CHECK(std::isnan(matrix_exp(matrix({INFINITY, 0, 0, 0}, 2)).values()[0]));
}

TEST_CASE("where values meet, what does not depend on the basis has the right gradient and nothing is infinite") {
  // Two equal eigenvalues: the projector onto their space, and the sum of the values, are smooth.
  const Tensor v = eigh(noise(4, {3, 3})).vectors;
  const Tensor a = matmul(scaled(v, Tensor({2, 2, 5}).to(DType::f64)), turned(v));
  const Tensor w = noise(5, {3, 3});
  const auto value = [&](const Tensor& x) {
    const EigenPairs e = eigh(x);
    const Tensor pair = slice(e.vectors, -1, 0, 2);
    return add(sum(mul(w, matmul(pair, turned(pair)))), sum(slice(e.values, -1, 0, 2)));
  };
  const Tensor leaf = a.clone().requires_grad();
  value(leaf).backward();
  const Tensor u = noise(6, {3, 3});
  const double h = 1e-5, slope = (value(add(a, mul(u, h))).item() - value(sub(a, mul(u, h))).item()) / (2 * h);
  CHECK(sum(mul(leaf.grad(), u)).item() == doctest::Approx(slope).epsilon(1e-7));

  for (const Tensor& x :
       {Tensor::eye(3, DType::f64), Tensor::zeros({3, 2}, DType::f64), Tensor::ones({4, 3}, DType::f64)}) {
    const Tensor at = x.clone().requires_grad();
    const SVD y = svd(at);
    add(add(sum(y.u), sum(y.s)), sum(y.vh)).backward();
    CHECK(all_finite(at.grad()));
  }
}

TEST_CASE("the gradient of a determinant is that of its cofactors, singular or not") {
  for (const std::vector<double>& values :
       {std::vector<double>{1, 2, 3, 2, 4, 6, 1, 0, 1}, {1, 2, 3, 0, 1, 4, 5, 6, 0}}) {
    const Tensor a = matrix(values, 3).requires_grad();
    det(a).backward();
    const auto at = [&](int i, int j) { return values[static_cast<std::size_t>(i % 3 * 3 + j % 3)]; };
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j)
        CHECK(a.grad().values()[static_cast<std::size_t>(3 * i + j)] ==
              at(i + 1, j + 1) * at(i + 2, j + 2) - at(i + 1, j + 2) * at(i + 2, j + 1));
  }
}

TEST_CASE("a large singular matrix has the gradient of a polynomial, and the second one") {
  // det of [[A, 0], [0, B]] is det A det B: blocks of 3 x 3 are polynomials, and one or both may be singular.
  const std::vector<double> flat = {1, 2, 3, 2, 4, 6, 1, 0, 1}, full = {1, 2, 3, 0, 1, 4, 5, 6, 0}, none(9, 0.0);
  const Tensor mix = noise(3, {6, 6}, DType::f64), unmix = inverse(mix), scale = det(mix) * det(unmix);
  for (const auto& [first, second] :
       {std::pair(flat, full), {full, flat}, {flat, flat}, {none, full}, {none, flat}, {full, full}}) {
    const auto both = [&](const Tensor& a, const Tensor& b) {
      return matmul(matmul(mix, concat({embed(a, -1, 0, 1, 6), embed(b, -1, 3, 1, 6)}, 0)), unmix);
    };
    const Tensor a = matrix(first, 3).requires_grad(), b = matrix(second, 3).requires_grad();
    const Tensor left = noise(5, {3, 3}, DType::f64), right = noise(6, {3, 3}, DType::f64);
    const auto slopes = [&](const Tensor& value) {
      const std::vector<Tensor> one = grad({value}, {a, b}, {.create_graph = true});
      const std::vector<Tensor> two = grad({sum(one[0] * left) + sum(one[1] * right)}, {a, b});
      return concat({one[0].detach(), one[1].detach(), two[0], two[1]}, 0).values();
    };
    const std::vector<double> got = slopes(det(both(a, b))), wanted = slopes(det(a) * det(b) * scale);
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(wanted[i]).epsilon(1e-9).scale(100));
  }
  // Beside a singular matrix, a regular one keeps its bits.
  const Tensor regular = noise(8, {1, 5, 5}, DType::f32);
  const Tensor alone = regular.clone().requires_grad();
  const Tensor batch = concat({regular, Tensor::ones({1, 5, 5})}, 0).requires_grad();
  sum(det(alone)).backward();
  sum(det(batch)).backward();
  CHECK(slice(batch.grad(), 0, 0, 1).values() == alone.grad().values());
  CHECK(max(abs(slice(batch.grad(), 0, 1, 2))).item() == 0);  // of rank one: all minors vanish
}

TEST_CASE("singular and eigenvalues of numbers whose squares are none") {
  for (const double size : {1e200, 1e-200}) {
    const Tensor a = matrix({3, 0, 4, 5}, 2);
    const std::vector<double> s = svdvals(a * size).values(), t = svdvals(a).values();
    const EigenPairs e = eigh(a * size), f = eigh(a);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(s[i] == doctest::Approx(t[i] * size).epsilon(1e-14));
      CHECK(e.values.values()[i] == doctest::Approx(f.values.values()[i] * size).epsilon(1e-14));
    }
    CHECK(max(abs(e.vectors - f.vectors)).item() < 1e-14);
  }
}

TEST_CASE("a matrix in a batch has the bits of the matrix alone, at any number of threads") {
  const Tensor a = noise(7, {700, 5, 4}, DType::f32);
  set_num_threads(1);
  const SVD alone = svd(a);
  const Tensor inverse_alone = pinv(a);
  set_num_threads(3);
  const SVD together = svd(a);
  CHECK(together.u.values() == alone.u.values());
  CHECK(pinv(a).values() == inverse_alone.values());
  set_num_threads(0);
  CHECK(svd(select(a, 0, 613)).vh.values() == select(alone.vh, 0, 613).values());
}

TEST_CASE("Einstein's sums are the products they stand for") {
  const Tensor a = noise(1, {2, 3, 4}), b = noise(2, {2, 4, 5}), c = noise(3, {5, 3});
  CHECK(off(einsum("bij,bjk->bik", {a, b}), matmul(a, b)) < 1e-14);
  CHECK(off(einsum("bij,bjk,ki->b", {a, b, c}), sum(mul(matmul(a, b), turned(c)), {1, 2})) < 1e-14);
  CHECK(off(einsum("...ij->...ji", {a}), turned(a)) == 0);
  CHECK(off(einsum("ki,ki", {c, c}), sum(square(c))) < 1e-14);
  CHECK(einsum("bij->", {a}).rank() == 0);
  CHECK_THROWS_AS(einsum("bij,bjk->bik", {a, a}), ShapeError);
  CHECK_THROWS_AS(einsum("b->b->b", {a}), FormatError);
}
