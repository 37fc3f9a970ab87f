// SPDX-License-Identifier: Apache-2.0
// L-BFGS, Gauss-Newton and Levenberg-Marquardt on problems whose answers are known.
#include <doctest/doctest.h>
#include <lumigrad/engine/files/safetensors.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/optim.h>
#include <lumigrad/engine/tape.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

using namespace lumigrad;

namespace {

Tensor leaf(std::vector<double> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  return Tensor::from(values, {n}).requires_grad();
}

// H. H. Rosenbrock's valley as residuals: 10 (y - x^2), 1 - x. Minimum 0 at (1, 1).
Tensor rosenbrock(const Tensor& p) {
  const Tensor x = select(p, 0, 0), y = select(p, 0, 1);
  return stack({10 * (y - square(x)), 1 - x}, 0);
}
Tensor half_square(const Tensor& r) { return 0.5 * sum(square(r)); }

// y = a exp(-b t) + c at 20 times, exact for (2, 1.3, 0.5).
Tensor decay(const Tensor& a, const Tensor& b, const Tensor& c, DType dtype = DType::f64) {
  const Tensor t = 0.2 * Tensor::arange(20, dtype);
  return a * exp(-b * t) + c;
}
Tensor measured(DType dtype = DType::f64) {
  NoGrad off;
  return decay(2, 1.3, 0.5, dtype);
}

void check_near(const Tensor& x, std::vector<double> expected, double tolerance) {
  const std::vector<double> got = x.values();
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - expected[i]) < tolerance);
}

void check_books(const MinimizationReport& report) {
  CHECK(report.losses.size() == static_cast<std::size_t>(report.iterations) + 1);
  CHECK(std::is_sorted(report.losses.rbegin(), report.losses.rend()));
  CHECK(report.evaluations > report.iterations);
}

}  // namespace

TEST_CASE("L-BFGS minimizes a convex quadratic in few steps") {
  Tensor x = leaf({4, -3, 2, 1});
  const Tensor c = {1, 10, 100, 1000}, target = {1, 2, 3, 4};
  Lbfgs lbfgs({x}, {.gradient_tolerance = 1e-10, .loss_tolerance = 0});
  const auto report = lbfgs.minimize([&] { return 0.5 * sum(c * square(x - target)); });
  CHECK(report.stop == Stop::gradient);
  CHECK(report.iterations <= 30);
  check_books(report);
  check_near(x, {1, 2, 3, 4}, 1e-10);
}

TEST_CASE("L-BFGS follows Rosenbrock's valley") {
  Tensor p = leaf({-1.2, 1});
  Lbfgs lbfgs({p}, {.loss_tolerance = 0});
  const auto report = lbfgs.minimize([&] { return half_square(rosenbrock(p)); });
  CHECK(report.stop == Stop::gradient);
  CHECK(report.iterations < 60);
  CHECK(report.evaluations < 90);
  check_books(report);
  check_near(p, {1, 1}, 1e-7);
}

TEST_CASE("L-BFGS in 50 dimensions, over leaves of two shapes") {
  Tensor a = Tensor::zeros({5, 5}, DType::f64).requires_grad(), b = Tensor::zeros({25}, DType::f64).requires_grad();
  Lbfgs lbfgs({a, b}, {.iterations = 300});
  const auto report = lbfgs.minimize([&] {
    const Tensor x = concat({reshape(a, {25}), b}, 0);
    const Tensor head = slice(x, 0, 0, 49), tail = slice(x, 0, 1, 50);
    return sum(100 * square(tail - square(head)) + square(1 - head));
  });
  CHECK(report.converged());
  CHECK(report.loss() < 1e-12);
}

TEST_CASE("L-BFGS in single precision stops when the loss no longer falls") {
  Tensor p = Tensor::from(std::vector<float>{-1.2f, 1}, {2}).requires_grad();
  Lbfgs lbfgs({p}, {.gradient_tolerance = 0});
  const auto report = lbfgs.minimize([&] { return half_square(rosenbrock(p)); });
  CHECK(report.stop != Stop::iterations);
  CHECK(p.dtype() == DType::f32);
  check_near(p, {1, 1}, 1e-3);
}

TEST_CASE("L-BFGS goes around a region where the loss is not finite") {
  Tensor x = leaf({0.1});
  Lbfgs lbfgs({x});
  const auto report = lbfgs.minimize([&] { return sum(x - log(x)); });  // NaN for x < 0, minimum at 1
  CHECK(report.converged());
  check_near(x, {1}, 1e-6);
}

TEST_CASE("L-BFGS continues bit for bit from a state that went through a file") {
  const auto run = [](Tensor p, Lbfgs& lbfgs) { return lbfgs.minimize([&] { return half_square(rosenbrock(p)); }); };
  Tensor p = leaf({-1.2, 1});
  Lbfgs whole({p}, {.iterations = 12});
  run(p, whole);
  Tensor q = leaf({-1.2, 1});
  Lbfgs first({q}, {.iterations = 7});
  run(q, first);
  Lbfgs second({q}, {.iterations = 5});
  second.load(load_safetensors(encode_safetensors(first.state())));
  run(q, second);
  CHECK(p.values() == q.values());
}

TEST_CASE("a loss that throws leaves the best point") {
  Tensor p = leaf({-1.2, 1});
  Lbfgs lbfgs({p});
  int calls = 0;
  double best = 0;
  CHECK_THROWS_AS(lbfgs.minimize([&] {
    if (++calls == 9) throw NumericError("enough");
    return half_square(rosenbrock(p));
  }),
                  NumericError);
  best = half_square(rosenbrock(p)).item();
  CHECK(best < half_square(rosenbrock({-1.2, 1})).item());
}

TEST_CASE("both ways to the Jacobian agree with its formula") {
  for (const std::int64_t m : {3, 30}) {  // rows, then columns
    const Tensor t = 0.1 * Tensor::arange(m, DType::f64);
    Tensor a = Tensor(leaf({2})), b = Tensor(leaf({0.7})), unused = leaf({1, 1});
    const Tensor j = residual_jacobian(a * exp(-b * t), {a, unused, b});
    REQUIRE(j.shape() == Shape{m, 4});
    for (std::int64_t i = 0; i < m; ++i) {
      const double ti = 0.1 * static_cast<double>(i), e = std::exp(-0.7 * ti);
      const double* row = j.data<double>() + 4 * i;
      CHECK(row[0] == doctest::Approx(e));
      CHECK(row[1] == 0);
      CHECK(row[2] == 0);
      CHECK(row[3] == doctest::Approx(-2 * ti * e));
    }
  }
}

TEST_CASE("Gauss-Newton and Levenberg-Marquardt recover an exponential") {
  Tensor a = leaf({1}), b = leaf({1}), c = leaf({0});
  const Residuals residuals = [](const std::vector<Tensor>& p) { return decay(p[0], p[1], p[2]) - measured(); };
  MinimizationReport report;
  SUBCASE("Gauss-Newton") {
    GaussNewton solver({a, b, c});
    report = solver.minimize(residuals);
  }
  SUBCASE("Levenberg-Marquardt") {
    LevenbergMarquardt solver({a, b, c});
    report = solver.minimize(residuals);
  }
  CHECK(report.converged());
  CHECK(report.iterations < 12);
  check_books(report);
  check_near(a, {2}, 1e-9);
  check_near(b, {1.3}, 1e-9);
  check_near(c, {0.5}, 1e-9);
}

TEST_CASE("Levenberg-Marquardt in single precision converges and says so") {
  Tensor p = Tensor::from(std::vector<float>{1, 1, 0}, {3}).requires_grad();
  LevenbergMarquardt solver({p});
  const auto report = solver.minimize([](const std::vector<Tensor>& q) {
    return decay(select(q[0], 0, 0), select(q[0], 0, 1), select(q[0], 0, 2), DType::f32) - measured(DType::f32);
  });
  CHECK(report.stop != Stop::iterations);
  check_near(p, {2, 1.3, 0.5}, 1e-4);
}

TEST_CASE("Levenberg-Marquardt follows Rosenbrock's valley") {
  Tensor p = leaf({-1.2, 1});
  LevenbergMarquardt solver({p});
  const auto report = solver.minimize([](const std::vector<Tensor>& q) { return rosenbrock(q[0]); });
  CHECK(report.converged());
  CHECK(report.iterations < 40);
  check_books(report);
  check_near(p, {1, 1}, 1e-9);
}

TEST_CASE("residuals that do not determine the parameters: Gauss-Newton says so, damping helps") {
  const Residuals sum_only = [](const std::vector<Tensor>& p) { return sum(p[0]) * Tensor::ones({4}, DType::f64) - 3; };
  Tensor x = leaf({1, 1}), y = leaf({1, 1});
  CHECK(GaussNewton({x}).minimize(sum_only).stop == Stop::singular);
  CHECK(LevenbergMarquardt({y}).minimize(sum_only).converged());
  check_near(y, {1.5, 1.5}, 1e-9);
}

TEST_CASE("a loss that is not finite at the start is reported, not chased") {
  Tensor x = leaf({-1});
  CHECK(Lbfgs({x}).minimize([&] { return sum(log(x)); }).stop == Stop::non_finite);
  CHECK(LevenbergMarquardt({x}).minimize([](const auto& p) { return log(p[0]); }).stop == Stop::non_finite);
  CHECK(x.item() == -1);
}

TEST_CASE("Levenberg-Marquardt continues bit for bit from its state") {
  const Residuals residuals = [](const std::vector<Tensor>& p) { return rosenbrock(p[0]); };
  Tensor p = leaf({-1.2, 1}), q = leaf({-1.2, 1});
  LevenbergMarquardt whole({p}, {.iterations = 9});
  whole.minimize(residuals);
  LevenbergMarquardt first({q}, {.iterations = 4}), second({q}, {.iterations = 5});
  first.minimize(residuals);
  second.load(load_safetensors(encode_safetensors(first.state())));
  second.minimize(residuals);
  CHECK(p.values() == q.values());
}

TEST_CASE("Levenberg-Marquardt that stalled, or starts with a huge damping, goes on as if new") {
  Tensor p = leaf({5});
  LevenbergMarquardt solver({p});
  bool first = true;
  const auto stalled = solver.minimize([&](const std::vector<Tensor>& q) {
    const Tensor r = q[0] - 1.0;
    return std::exchange(first, false) ? r : r * std::numeric_limits<double>::quiet_NaN();
  });
  CHECK(stalled.stop == Stop::stalled);
  CHECK(p.item() == 5);
  const Residuals residuals = [](const std::vector<Tensor>& q) { return q[0] - 1.0; };
  SUBCASE("after a stall") { CHECK(solver.state().at("damping").values() == std::vector<double>{1e-3, 2}); }
  SUBCASE("with a damping from elsewhere") { solver.load({{"damping", Tensor({1e25, 2.0})}}); }
  const auto report = solver.minimize(residuals);
  CHECK(report.converged());
  CHECK(report.iterations > 0);
  check_near(p, {1}, 1e-9);
}

TEST_CASE("a state that no optimiser has is refused and changes nothing") {
  Tensor p = leaf({5, 6});
  Lbfgs lbfgs({p});
  State state;
  for (const auto& [name, tensor] : lbfgs.state()) state[name] = tensor.clone();
  for (const double pairs : {-3.0, -1.0, std::numeric_limits<double>::quiet_NaN(), 1e300}) {
    state["pairs"] = Tensor::full({}, pairs, DType::f64);
    CHECK_THROWS_AS(lbfgs.load(state), FormatError);
    CHECK(lbfgs.state().at("pairs").item() == 0);
  }
  LevenbergMarquardt solver({p});
  for (const double damping : {-1.0, 0.0, std::numeric_limits<double>::infinity()})
    CHECK_THROWS_AS(solver.load({{"damping", Tensor({damping, 2.0})}}), FormatError);
  CHECK(solver.state().at("damping").values() == std::vector<double>{1e-3, 2});
  CHECK_THROWS_AS(solver.load({}), FormatError);
}
