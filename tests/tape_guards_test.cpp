// SPDX-License-Identifier: Apache-2.0
// What the tape refuses, and how it says so.
#include <doctest/doctest.h>
#include <lumigrad/engine/function.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/tape.h>
#include <cmath>
#include <thread>

using namespace lumigrad;

namespace {

template <class Kind, class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing was thrown";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Tensor leaf(double value) {
  Tensor x = Tensor::full({}, value, DType::f64);
  x.requires_grad();
  return x;
}

}  // namespace

TEST_CASE("a saved value that was changed in place raises and names both operators and the line") {
  Tensor x = leaf(2), factor = Tensor::full({}, 3, DType::f64);
  const Tensor y = x * factor;
  const int line = __LINE__ - 1;
  factor.assign(Tensor(5.0), "my_update");
  const std::string text = error_of<GraphError>([&] { y.backward(); });
  INFO(text);
  CHECK(contains(text, "mul"));
  CHECK(contains(text, "my_update"));
  CHECK(contains(text, "tape_guards_test.cpp:" + std::to_string(line)));
  CHECK(!x.grad().defined());
}

TEST_CASE("writing through a view or a pointer is noticed as well") {
  Tensor x = Tensor::ones({4}, DType::f64).requires_grad(), factor = Tensor::ones({4}, DType::f64);
  const Tensor y = sum(x * factor);
  slice(factor, 0, 1, 2).mutable_data<double>()[0] = 7;
  CHECK(contains(error_of<GraphError>([&] { y.backward(); }), "mutable_data"));
}

TEST_CASE("a change of a value that no adjoint needs is allowed") {
  Tensor x = Tensor::ones({2}, DType::f64).requires_grad(), other = Tensor::ones({1}, DType::f64);
  const Tensor y = sum(concat({x, other}, 0));
  other.assign(Tensor({9.0}));
  y.backward();
  CHECK(x.grad().values() == std::vector<double>{1, 1});
}

TEST_CASE("a graph is swept once unless it is kept") {
  Tensor x = leaf(3);
  const Tensor y = x * x;
  y.backward({}, {.retain_graph = true});
  y.backward();
  CHECK(x.grad().item() == 12);
  CHECK(contains(error_of<GraphError>([&] { y.backward(); }), "retain_graph"));
  CHECK(x.grad().item() == 12);
}

TEST_CASE("a result may not be overwritten while it is part of a graph, a leaf only outside recording") {
  Tensor x = leaf(3);
  Tensor y = x * x;
  CHECK_THROWS_AS(y.assign(Tensor(1.0)), GraphError);
  CHECK_THROWS_AS(x.assign(Tensor(1.0)), GraphError);
  NoGrad off;
  x.assign(Tensor(1.0));
  CHECK(x.item() == 1);
}

TEST_CASE("backward wants an output inside a graph and a seed of its shape") {
  CHECK_THROWS_AS(Tensor::ones({}, DType::f64).backward(), GraphError);
  Tensor x = Tensor::ones({3}, DType::f64).requires_grad();
  CHECK_THROWS_AS((x * x).backward(), ShapeError);
  CHECK_THROWS_AS((x * x).backward(Tensor::ones({2}, DType::f64)), ShapeError);
  CHECK_THROWS_AS(Tensor::ones({2}, DType::u8).requires_grad(), DTypeError);
  Tensor y = x * x;
  CHECK_THROWS_AS(y.requires_grad(), GraphError);
}

TEST_CASE("nothing is recorded under NoGrad, and recording comes back") {
  Tensor x = leaf(2);
  {
    NoGrad off;
    CHECK(!(x * x).needs_grad());
    Recording on(true);
    CHECK((x * x).needs_grad());
  }
  CHECK((x * x).needs_grad());
}

TEST_CASE("anomaly mode names the operator and line that produced a value that is not finite") {
  Tensor x = leaf(0);
  AnomalyMode on;
  const std::string text = error_of<NumericError>([&] { log(x); });
  INFO(text);
  CHECK(contains(text, "log"));
  CHECK(contains(text, "tape_guards_test.cpp"));
}

TEST_CASE("anomaly mode names the operator whose adjoint produced one") {
  Tensor x = leaf(1);
  const Function broken{.name = "broken",
                        .forward = [](const std::vector<Tensor>& in) { return in[0].clone(); },
                        .adjoint = [](const std::vector<Tensor>&, const Tensor&,
                                      const Tensor& w) { return std::vector<Tensor>{w / Tensor(0.0)}; }};
  const Tensor y = broken({x});
  AnomalyMode on;
  const std::string text = error_of<NumericError>([&] { y.backward(); });
  INFO(text);
  CHECK(contains(text, "broken"));
  CHECK(contains(text, "tape_guards_test.cpp"));
  CHECK(!x.grad().defined());
}

TEST_CASE("a third derivative of a formula is refused, not guessed") {
  Tensor x = leaf(0.5);
  const Tensor first = grad({exp(x)}, {x}, {.create_graph = true})[0];
  CHECK_THROWS_AS(grad({first}, {x}, {.create_graph = true}), GraphError);
  CHECK(grad({first}, {x})[0].item() == doctest::Approx(std::exp(0.5)));
}

TEST_CASE("a graph that one thread sweeps is refused to another, and is usable afterwards") {
  Tensor x = leaf(2);
  const Tensor y = x * x;
  std::string text;
  backward({y}, {}, {.retain_graph = true}, [&](const Node&, std::span<const Tensor>) {
    std::thread([&] { text = error_of<GraphError>([&] { y.backward(); }); }).join();
  });
  INFO(text);
  CHECK(contains(text, "thread"));
  y.backward();
  CHECK(x.grad().item() == 8);
}

TEST_CASE("independent graphs are recorded and swept by several threads at once") {
  std::vector<double> gradients(8);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([t, &gradients] {
      Tensor x = leaf(t);
      for (int repeat = 0; repeat < 200; ++repeat) {
        Tensor y = x;
        for (int i = 0; i < 20; ++i) y = y + x;
        y.backward();
      }
      gradients[static_cast<std::size_t>(t)] = x.grad().item();
    });
  for (std::thread& thread : threads) thread.join();
  for (const double g : gradients) CHECK(g == 200 * 21);
}

TEST_CASE("an error in the middle of a sweep leaves gradients and graph as they were") {
  Tensor x = leaf(2), z = leaf(3), factor = Tensor::full({}, 3, DType::f64);
  const Tensor y = (x * factor) + z * z;
  factor.assign(Tensor(5.0));
  CHECK_THROWS_AS(y.backward({}, {.retain_graph = true}), GraphError);
  CHECK(!x.grad().defined());
  CHECK(!z.grad().defined());
  for (Node* node : Tape({y})) CHECK(node->cotangents.empty());
}
