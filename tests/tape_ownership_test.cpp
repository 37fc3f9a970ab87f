// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <lumigrad/engine/families/contract.h>
#include <lumigrad/engine/function.h>
#include <lumigrad/engine/module.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/tape.h>

using namespace lumigrad;

namespace {

Tensor leaf(double value) { return Tensor::full({2}, value, DType::f64).requires_grad(); }

struct Scale final : Module {
  explicit Scale(const Tensor& initial) : factor(parameter("factor", initial)) {}
  Tensor forward(const Tensor& x) override { return x * factor; }
  Tensor factor;
};

}  // namespace

TEST_CASE("a long chain in which every step uses its input twice is freed without deep recursion") {
  Tensor y = Tensor::full({}, 1, DType::f64).requires_grad();
  for (int i = 0; i < 300000; ++i) y = add(y, y);
  y = Tensor();
  CHECK_FALSE(y.defined());
}

TEST_CASE("a node that keeps its own result goes with the last tensor that needs it") {
  std::weak_ptr<Node> node;
  {
    const Tensor y = inverse(Tensor::eye(2, DType::f64).requires_grad());
    node = y.state().node;
    CHECK_FALSE(node.expired());
  }
  CHECK(node.expired());
}

TEST_CASE("grad with respect to a step leaves what lies below it to be swept") {
  Tensor x = leaf(3);
  const Tensor z = x * x, loss = sum(z * z);
  CHECK(grad({loss}, {z})[0].values() == std::vector<double>{18, 18});
  sum(z).backward();
  CHECK(x.grad().values() == std::vector<double>{6, 6});
}

TEST_CASE("a sweep that fails half-way can be tried again") {
  Tensor x = leaf(2);
  bool broken = true;
  const Function fragile{.name = "fragile",
                         .forward = [](const std::vector<Tensor>& in) { return in[0] * 1.0; },
                         .adjoint =
                             [&](const std::vector<Tensor>&, const Tensor&, const Tensor& w) {
                               if (broken) throw NumericError("fragile: not now");
                               return std::vector<Tensor>{w};
                             }};
  const Tensor loss = sum(square(fragile({x})));
  CHECK_THROWS_AS(loss.backward(), NumericError);
  CHECK_FALSE(x.grad().defined());
  broken = false;
  loss.backward();
  CHECK(x.grad().values() == std::vector<double>{4, 4});
}

TEST_CASE("gradients have memory of their own, also when the sweep is recorded") {
  Tensor a = leaf(1), b = leaf(2);
  const Tensor seed = Tensor::ones({2}, DType::f64);
  backward({a.clone(), b.clone()}, {seed, seed}, {.create_graph = true});
  Tensor of_a = a.grad();
  {
    NoGrad off;
    of_a.detach().assign(Tensor::full({2}, 7, DType::f64));
  }
  CHECK(b.grad().values() == std::vector<double>{1, 1});
  CHECK(seed.values() == std::vector<double>{1, 1});
}

TEST_CASE("what shares one place in memory is not written element by element") {
  Tensor wide = expand(Tensor::ones({1}, DType::f64), {4});
  CHECK_THROWS_AS(wide.assign(Tensor::zeros({4}, DType::f64)), ShapeError);
}

TEST_CASE("parameters of modules made from one tensor are different tensors") {
  const Tensor initial = Tensor::ones({2}, DType::f64);
  Scale first(initial), second(initial);
  {
    NoGrad off;
    first.factor.assign(Tensor::zeros({2}, DType::f64));
  }
  CHECK(second.factor.values() == std::vector<double>{1, 1});
  CHECK(initial.values() == std::vector<double>{1, 1});
}

TEST_CASE("sums and copies of bare numbers are bare numbers") {
  const Tensor y = Tensor::ones({3}) * sum(Tensor({1.0, 2.0}));
  CHECK(y.dtype() == DType::f32);
  CHECK(y.values() == std::vector<double>{3, 3, 3});
  CHECK((Tensor::ones({2}) * Tensor(4.0).clone()).dtype() == DType::f32);
}

TEST_CASE("a tape keeps its nodes when a tensor leaves the graph") {
  Tensor x = leaf(1);
  const Tape tape({x});
  x.requires_grad(false);
  CHECK(std::string(tape[0].name()) == "leaf");
}

TEST_CASE("an adjoint sees inputs outside the graph unless its sweep is recorded") {
  bool attached = false;
  const Function f{.name = "observed",
                   .forward = [](const auto& x) { return x[0] * x[0]; },
                   .adjoint =
                       [&](const auto& x, const Tensor& y, const Tensor& w) {
                         attached = x[0].needs_grad() || y.needs_grad();
                         return std::vector<Tensor>{2 * x[0] * w};
                       }};
  const Tensor x = Tensor::from(std::vector<double>{1, 2}, {2}).requires_grad();
  sum(f({x})).backward();
  CHECK_FALSE(attached);
  CHECK(x.grad().values() == std::vector<double>{2, 4});
  grad({sum(f({x}))}, {x}, {.create_graph = true});
  CHECK(attached);
}

TEST_CASE("a leaf that is switched off and on again is the same leaf") {
  Tensor x = leaf(3);
  const Tensor y = sum(x * x);
  x.requires_grad(false);
  CHECK(!x.needs_grad());
  CHECK(!sum(x * x).needs_grad());
  x.requires_grad();
  y.backward();
  CHECK(x.grad().values() == std::vector<double>{6, 6});
  sum(x).backward();
  CHECK(x.grad().values() == std::vector<double>{7, 7});
  x.requires_grad(false);
  x.named("weight").clear_grad();
  x.requires_grad();
  CHECK(!x.grad().defined());
  CHECK(*x.state().node->label == "weight");
}
