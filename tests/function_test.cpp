// SPDX-License-Identifier: Apache-2.0
// Operators of one's own: recorded, checked, and loud where their adjoint is not what it must be.
#include <doctest/doctest.h>
#include <lumigrad/engine/function.h>
#include <lumigrad/engine/gradcheck.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/tape.h>
#include <cmath>

using namespace lumigrad;

namespace {

Tensor point(std::vector<double> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  return Tensor::from(values, {n});
}

// x y + sin x, with an adjoint made of operators: its slopes are y + cos x and x.
const Function product_and_sine{.name = "product_and_sine",
                                .forward = [](const auto& x) { return x[0] * x[1] + sin(x[0]); },
                                .adjoint =
                                    [](const auto& x, const Tensor&, const Tensor& w) {
                                      return std::vector<Tensor>{w * (x[1] + cos(x[0])), w * x[0]};
                                    }};

// exp(x) computed behind the tape's back, both ways.
const Function opaque_exp{.name = "opaque_exp",
                          .forward =
                              [](const auto& x) {
                                std::vector<double> y = x[0].values();
                                for (double& v : y) v = std::exp(v);
                                return Tensor::from(y, x[0].shape());
                              },
                          .adjoint =
                              [](const auto&, const Tensor& y, const Tensor& w) {
                                std::vector<double> g = y.values();
                                const std::vector<double> weights = w.values();
                                for (std::size_t i = 0; i < g.size(); ++i) g[i] *= weights[i];
                                return std::vector<Tensor>{Tensor::from(g, y.shape())};
                              }};

GradcheckReport checked(const Function& f, std::vector<Tensor> inputs, int order) {
  return gradcheck([&](const std::vector<Tensor>& x) { return std::vector{f(x)}; }, inputs, {.order = order});
}

}  // namespace

TEST_CASE("a callable keeps what it was made from, and copies share it") {
  Callable<int(int)> add;
  CHECK_FALSE(static_cast<bool>(add));
  CHECK_THROWS_AS(add(1), GraphError);
  {
    const std::vector<int> kept = {40, 50};
    add = [kept, calls = 0](int x) mutable { return kept[0] + x + ++calls; };
  }
  const Callable<int(int)> copy = add;
  CHECK(add(1) == 42);
  CHECK(copy(1) == 43);
}

TEST_CASE("a function made of operators has first and second derivatives") {
  CHECK(checked(product_and_sine, {point({0.3, 1.2, -2}), point({1, 2, 3})}, 2).passed());
}

TEST_CASE("a function computed elsewhere has first derivatives; asked for second ones it says no") {
  CHECK(checked(opaque_exp, {point({0.3, 1.2, -2})}, 1).passed());
  Tensor x = point({0.5}).requires_grad();
  try {
    grad({sum(opaque_exp({x}))}, {x}, {.create_graph = true});
    FAIL("expected an error");
  } catch (const GraphError& error) {
    CHECK(std::string(error.what()).find("opaque_exp") != std::string::npos);
  }
}

TEST_CASE("a wrong adjoint is caught by the gradient checker") {
  Function wrong = product_and_sine;
  wrong.adjoint = [](const auto& x, const Tensor&, const Tensor& w) {
    return std::vector<Tensor>{w * (x[1] - cos(x[0])), w * x[0]};
  };
  const GradcheckReport report = checked(wrong, {point({0.3, 1.2, -2}), point({1, 2, 3})}, 1);
  CHECK_FALSE(report.passed());
  CHECK(report.worst()->input == 0);
}

TEST_CASE("an adjoint that answers wrongly is refused by the name of the function") {
  Tensor x = point({1, 2}).requires_grad(), y = point({3, 4}).requires_grad();
  Function f = product_and_sine;
  f.name = "mine";
  std::string expected;
  SUBCASE("too few gradients") {
    f.adjoint = [](const auto&, const Tensor&, const Tensor& w) { return std::vector<Tensor>{w}; };
    expected = "mine: expected 2 gradients of its adjoint, got 1";
  }
  SUBCASE("another shape") {
    f.adjoint = [](const auto&, const Tensor&, const Tensor& w) { return std::vector<Tensor>{w, sum(w)}; };
    expected = "mine: expected a gradient of shape [2] for input 1, got []";
  }
  try {
    sum(f({x, y})).backward();
    FAIL("expected an error");
  } catch (const Error& error) {
    CHECK(error.what() == expected);
  }
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("gradients may be left undefined where none flow") {
  Tensor x = point({1, 2}).requires_grad(), y = point({3, 4}).requires_grad();
  Function only_first = product_and_sine;
  only_first.adjoint = [](const auto& in, const Tensor&, const Tensor& w) {
    return std::vector<Tensor>{w * (in[1] + cos(in[0])), Tensor()};
  };
  sum(only_first({x, y})).backward();
  CHECK(x.grad().values()[0] == doctest::Approx(3 + std::cos(1)));
  CHECK_FALSE(y.grad().defined());
}

TEST_CASE("a replaced gradient: rounding that lets gradients through") {
  const Function straight_through{
      .name = "straight_through",
      .forward = [](const auto& x) { return round(x[0]); },
      .adjoint = [](const auto&, const Tensor&, const Tensor& w) { return std::vector<Tensor>{w}; }};
  Tensor x = point({0.2, 0.7}).requires_grad();
  const Tensor y = straight_through({x});
  CHECK(y.values() == std::vector<double>{0, 1});
  sum(3 * y).backward();
  CHECK(x.grad().values() == std::vector<double>{3, 3});
}

TEST_CASE("nothing is recorded without leaves or under NoGrad") {
  Tensor x = point({1, 2}), y = point({3, 4});
  CHECK_FALSE(product_and_sine({x, y}).needs_grad());
  x.requires_grad();
  CHECK(product_and_sine({x, y}).needs_grad());
  NoGrad off;
  CHECK_FALSE(product_and_sine({x, y}).needs_grad());
}

TEST_CASE("a forward that hands back its input does not tie it to itself") {
  const Function same{
      .name = "same",
      .forward = [](const auto& x) { return x[0]; },
      .adjoint = [](const auto&, const Tensor&, const Tensor& w) { return std::vector<Tensor>{2 * w}; }};
  Tensor x = point({1, 2}).requires_grad();
  sum(same({x})).backward();
  CHECK(x.is_leaf());
  CHECK(x.grad().values() == std::vector<double>{2, 2});
}

TEST_CASE("an input changed after it was saved raises and names both") {
  Tensor x = point({1, 2}).requires_grad(), y = point({3, 4});
  const Tensor z = sum(product_and_sine({x, y}));
  y.assign(point({5, 6}));
  CHECK_THROWS_AS(z.backward(), GraphError);
}
