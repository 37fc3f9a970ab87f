// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/tape.h>
#include <algorithm>
#include <cmath>

using namespace lumigrad;

TEST_CASE("a chain of a million steps is recorded, swept and freed") {
  Tensor x = Tensor::full({}, 1, DType::f64);
  x.requires_grad();
  {
    Tensor y = x;
    for (int i = 0; i < 1000000; ++i) y = neg(y);
    y.backward();
    CHECK(x.grad().item() == 1);
  }
  Tensor kept = x;  // freed without a sweep
  for (int i = 0; i < 1000000; ++i) kept = neg(kept);
  kept = Tensor();
  CHECK(x.needs_grad());
}

TEST_CASE("a value doubled forty times is swept in forty steps, not in 2^40") {
  Tensor x = Tensor::full({}, 1, DType::f64);
  x.requires_grad();
  Tensor y = x;
  for (int i = 0; i < 40; ++i) y = y + y;
  CHECK(Tape({y}).size() == 41);
  std::size_t steps = 0;
  backward({y}, {}, {}, [&](const Node&, std::span<const Tensor>) { ++steps; });
  CHECK(steps == 40);
  CHECK(x.grad().item() == std::ldexp(1.0, 40));
}

TEST_CASE("subgraphs shared by a ladder are visited once in second order too") {
  Tensor x = Tensor::full({}, 1.01, DType::f64);
  x.requires_grad();
  Tensor y = x;
  for (int i = 0; i < 12; ++i) y = y * y;  // x^4096
  const Tensor first = grad({y}, {x}, {.create_graph = true})[0];
  CHECK(Tape({first}).size() < 200);
  CHECK(first.item() == doctest::Approx(4096 * std::pow(1.01, 4095)));
  CHECK(grad({first}, {x})[0].item() == doctest::Approx(4096.0 * 4095 * std::pow(1.01, 4094)));
}

TEST_CASE("a tape lists its steps in the order they were recorded") {
  Tensor x = Tensor::full({}, 2, DType::f64);
  x.requires_grad();
  const Tensor y = exp(x * x);
  const Tape tape({y});
  REQUIRE(tape.size() == 3);
  CHECK(std::string(tape[0].name()) == "leaf");
  CHECK(std::string(tape[1].name()) == "mul");
  CHECK(std::string(tape[2].name()) == "exp");
  CHECK(tape[1].sequence() < tape[2].sequence());
}
