// SPDX-License-Identifier: Apache-2.0
// The published example of micrograd (A. Karpathy), which a tape has to get right before anything else.
#include <doctest/doctest.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/tape.h>
#include <cmath>

using namespace lumigrad;

TEST_CASE("the published example of micrograd has its published value and gradients") {
  for (const DType dtype : {DType::f64, DType::f32}) {
    Tensor a = Tensor::full({}, -4, dtype), b = Tensor::full({}, 2, dtype);
    a.requires_grad();
    b.requires_grad();
    Tensor c = a + b;
    Tensor d = a * b + b * b * b;
    c = c + (c + 1);
    c = c + (1 + c + (-a));
    d = d + (d * 2 + relu(b + a));
    d = d + (3 * d + relu(b - a));
    const Tensor e = c - d;
    const Tensor f = square(e);
    Tensor g = f / 2;
    g = g + 10 / f;
    CHECK(g.item() == doctest::Approx(24.70408163265306));
    g.backward();
    CHECK(a.grad().item() == doctest::Approx(138.8338192419825));
    CHECK(b.grad().item() == doctest::Approx(645.5772594752186));
  }
}

TEST_CASE("a value used twice collects both gradients, and sweeps add up") {
  Tensor x = Tensor::full({}, 3, DType::f64);
  x.requires_grad();
  (x * x + x).backward();
  CHECK(x.grad().item() == 7);
  (2 * x).backward();
  CHECK(x.grad().item() == 9);
  x.clear_grad();
  CHECK(!x.grad().defined());
}

TEST_CASE("each of several outputs is swept from its own seed") {
  Tensor x = Tensor::full({}, 3, DType::f64);
  x.requires_grad();
  const Tensor ten = Tensor::full({}, 10, DType::f64), hundred = Tensor::full({}, 100, DType::f64);
  const Tensor y = 2 * x, z = x * x;
  backward({y, z}, {ten, hundred}, {.retain_graph = true});
  CHECK(x.grad().item() == 620);
  CHECK(grad({y, z}, {x}, {.seeds = {hundred, ten}})[0].item() == 260);
}

TEST_CASE("grad leaves the gradients of leaves alone and takes inner values as inputs") {
  Tensor x = Tensor::full({}, 3, DType::f64);
  x.requires_grad();
  const Tensor y = x * x, z = y * y;
  const std::vector<Tensor> g = grad({z}, {y, x});
  CHECK(g[0].item() == 18);
  CHECK(g[1].item() == 108);
  CHECK(!x.grad().defined());
}

TEST_CASE("an input that the output does not depend on has gradient zero") {
  Tensor x = Tensor::full({2}, 3, DType::f64), unused = Tensor::full({2, 2}, 1, DType::f64);
  x.requires_grad();
  unused.requires_grad();
  CHECK(grad({sum(x)}, {unused})[0].values() == std::vector<double>(4, 0.0));
}

TEST_CASE("gradients of gradients come from the recorded sweep") {
  Tensor x = Tensor::full({}, 0.7, DType::f64);
  x.requires_grad();
  const Tensor first = grad({sin(x)}, {x}, {.create_graph = true})[0];
  CHECK(first.item() == doctest::Approx(std::cos(0.7)));
  CHECK(grad({first}, {x})[0].item() == doctest::Approx(-std::sin(0.7)));
}

TEST_CASE("vjp gives the value and the pulled-back gradients of a function") {
  const Tensor x = Tensor::from(std::vector<double>{1, 2}, {2}), w = Tensor::from(std::vector<double>{10, 100}, {2});
  const Pullback p = vjp([](const std::vector<Tensor>& in) { return in[0] * in[0]; }, {x}, w);
  CHECK(p.value.values() == std::vector<double>{1, 4});
  CHECK(p.gradients[0].values() == std::vector<double>{20, 400});
  CHECK(!x.needs_grad());
}
