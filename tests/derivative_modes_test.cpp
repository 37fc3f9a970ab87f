// SPDX-License-Identifier: Apache-2.0
// Forward mode against reverse mode over the whole catalogue; Jacobians and Hessians of functions whose derivatives are
// known; checkpoints.
#include <doctest/doctest.h>
#include <lumigrad/engine/derivative_modes.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/vision/geometry/transform.h>
#include <cmath>
#include <cstring>
#include "tools/catalogue.h"
#include "tools/catalogue_check.h"

using namespace lumigrad;

namespace {

Tensor random(std::uint32_t key, const Shape& shape) { return uniform({41, key}, shape, -1, 1, DType::f64); }

struct Dot {
  double value = 0, size = 0;
  void add(const Tensor& a, const Tensor& b) {
    const std::vector<double> x = a.values(), y = b.values();
    for (std::size_t i = 0; i < x.size(); ++i) value += x[i] * y[i], size += std::abs(x[i] * y[i]);
  }
};

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.contiguous().bytes(), b.contiguous().bytes(),
                                               static_cast<std::size_t>(a.numel()) * size_of(a.dtype())) == 0;
}

void near(const Tensor& a, const std::vector<double>& b, double tolerance = 1e-12) {
  const std::vector<double> x = a.values();
  REQUIRE(x.size() == b.size());
  for (std::size_t i = 0; i < b.size(); ++i) CHECK(std::abs(x[i] - b[i]) <= tolerance * (1 + std::abs(b[i])));
}

std::size_t bytes_kept(const Tensor& y) {
  std::size_t total = 0;
  for (Node* node : Tape({y}))
    for (const Saved& saved : node->saved()) total += saved.bytes();
  return total;
}

}  // namespace

TEST_CASE("<v, J u> = <J' v, u> for every operator of second order, at every sample and result") {
  int rows = 0, compared = 0;
  for (const Operator* op : all_operators()) {
    if (op->order < 2) continue;
    CAPTURE(op->name);
    bool tried = false;
    for (const Sample& sample : samples_of(*op, 3)) {
      CAPTURE(sample.name);
      const Values full = in_dtype(*op, sample.values, DType::f64);
      const std::vector<std::string> names = live_arguments(*op, full);
      if (names.empty()) continue;
      std::vector<Tensor> inputs, u;
      for (const std::string& name : names) {
        inputs.push_back(full.tensor(name).detach());
        u.push_back(random(static_cast<std::uint32_t>(u.size()), inputs.back().shape()));
      }
      const std::size_t outputs = run(*op, full).size();
      for (std::size_t k = 0; k < outputs; ++k) {
        const TensorFunction f = [&](const std::vector<Tensor>& at) {
          Values moved = full;
          for (std::size_t i = 0; i < names.size(); ++i) moved.set(names[i], at[i]);
          return run(*op, moved)[k];
        };
        if (!is_differentiable(f(inputs).dtype())) continue;
        const Pushforward forwards = jvp(f, inputs, u);
        const Tensor v = random(99, forwards.value.shape());
        const Pullback backwards = vjp(f, inputs, v);
        Dot left, right;
        left.add(v, forwards.tangent);
        for (std::size_t i = 0; i < u.size(); ++i) right.add(backwards.gradients[i], u[i]);
        CHECK(same_bits(forwards.value, backwards.value));
        Dot height;  // where slopes are zero their rounding is that of the values
        height.add(v, forwards.value);
        CHECK(std::abs(left.value - right.value) <= 1e-12 * std::max({left.size, right.size, 1e-3 * height.size}));
        tried = true;
        ++compared;
      }
    }
    rows += tried;
  }
  MESSAGE(rows << " operators, " << compared << " comparisons");
  CHECK(rows > 150);
}

TEST_CASE("Jacobians of functions whose derivatives are known") {
  // polar coordinates: x = r cos t, y = r sin t
  const TensorFunction polar = [](const std::vector<Tensor>& p) {
    return stack({p[0] * cos(p[1]), p[0] * sin(p[1])}, 0);
  };
  const double r = 2, t = 0.7;
  const auto J = jacobian(polar, {Tensor(r), Tensor(t)});
  near(J[0], {std::cos(t), std::sin(t)});
  near(J[1], {-r * std::sin(t), r * std::cos(t)});
  // y = A x has the Jacobian A, whatever x is; and J u = A u
  const Tensor A = random(1, {3, 4}), x = random(2, {4, 1});
  const TensorFunction product = [&](const std::vector<Tensor>& p) { return matmul(A, p[0]); };
  const Tensor by_x = jacobian(product, {x})[0];
  CHECK(by_x.shape() == Shape{3, 1, 4, 1});
  near(by_x, A.values());
  near(jvp(product, {x}, {random(3, {4, 1})}).tangent, matmul(A, random(3, {4, 1})).values());
  // what does not depend on its input has Jacobian zero
  const TensorFunction constant = [&](const std::vector<Tensor>&) { return A; };
  CHECK(jacobian(constant, {x})[0].values() == std::vector<double>(48, 0.0));
  CHECK(jvp(constant, {x}, {x}).tangent.values() == std::vector<double>(12, 0.0));
  CHECK_THROWS_AS(jvp(product, {x}, {A}), ShapeError);
  CHECK_THROWS_AS(
      jacobian([](const std::vector<Tensor>& p) { return p[0] * 2.0; }, {Tensor::ones({1, 1, 1, 1, 2}, DType::f64)}),
      ShapeError);
}

TEST_CASE("Hessians of functions whose second derivatives are known") {
  // Rosenbrock's valley
  const TensorFunction valley = [](const std::vector<Tensor>& p) {
    const Tensor a = select(p[0], 0, 0), b = select(p[0], 0, 1);
    return square(1 - a) + 100 * square(b - square(a));
  };
  const double a = -1.2, b = 1;
  const Tensor at = Tensor::from(std::vector{a, b}, {2});
  near(hessian(valley, {at})[0][0], {1200 * a * a - 400 * b + 2, -400 * a, -400 * a, 200});
  const HessianProduct along = hvp(valley, {at}, {Tensor::from(std::vector{0.5, -2.0}, {2})});
  near(along.gradients[0], {-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)});
  near(along.products[0], {0.5 * (1200 * a * a - 400 * b + 2) + 800 * a, -200 * a - 400});
  // x' A y: only the mixed blocks are not zero
  const Tensor A = random(4, {2, 3}), x = random(5, {1, 2}), y = random(6, {3, 1});
  const auto blocks = hessian([&](const std::vector<Tensor>& p) { return sum(matmul(matmul(p[0], A), p[1])); }, {x, y});
  near(blocks[0][1], A.values());
  near(blocks[1][0], transpose(A, 0, 1).values());
  CHECK(blocks[0][0].values() == std::vector<double>(4, 0.0));
  CHECK(blocks[1][1].values() == std::vector<double>(9, 0.0));
  CHECK_THROWS_WITH_AS(hvp([](const std::vector<Tensor>& p) { return p[0]; }, {x}, {x}),
                       doctest::Contains("hvp: expected a function with a result of one element"), ShapeError);
}

TEST_CASE("second derivatives through a perspective warp are differences of gradients") {
  const Tensor image = random(7, {1, 2, 6, 7});
  const Tensor matrix = Tensor::from(std::vector{1.03, 0.04, 0.31, -0.05, 0.97, -0.23, 0.003, -0.002, 1.0}, {1, 3, 3});
  const TensorFunction loss = [](const std::vector<Tensor>& p) {
    return sum(sin(geometry::warp_perspective(p[0], p[1], {.size = {5, 6}}) * 2.0));
  };
  const std::vector<Tensor> at = {image, matrix}, along = {random(8, image.shape()), random(9, matrix.shape()) * 0.01};
  const HessianProduct product = hvp(loss, at, along);
  const double h = 1e-5;
  const auto gradient = [&](double t) {
    return vjp(loss, {at[0] + along[0] * t, at[1] + along[1] * t}, Tensor::ones({}, DType::f64)).gradients;
  };
  const auto above = gradient(h), below = gradient(-h);
  for (const std::size_t i : {0, 1}) near((above[i] - below[i]) / (2 * h), product.products[i].values(), 1e-5);
  // and the quadratic form is the second difference of the loss itself
  Dot form;
  for (const std::size_t i : {0, 1}) form.add(product.products[i], along[i]);
  const auto value = [&](double t) { return loss({at[0] + along[0] * t, at[1] + along[1] * t}).item(); };
  const double k = 1e-3;
  CHECK(form.value == doctest::Approx((value(k) - 2 * value(0) + value(-k)) / (k * k)).epsilon(1e-4));
}

TEST_CASE("a checkpoint has the gradients of what it runs again, bit for bit, and keeps its inputs alone") {
  const TensorFunction part = [](const std::vector<Tensor>& p) {
    Tensor y = p[0];
    for (std::uint32_t i = 0; i < 6; ++i)  // drawn anew, the same, in the sweep
      y = tanh(y * p[1] + uniform(Generator{7, i}, y.shape(), -1, 1, DType::f64)) + sin(y);
    return y;
  };
  std::vector<Tensor> gradients[2], second[2];
  Tensor value[2];
  std::size_t kept[2];
  for (const bool saving : {false, true}) {
    const std::size_t k = saving;
    const Tensor x = random(10, {50}).requires_grad(), scale = random(11, {50}).requires_grad();
    const Tensor first = x * 2.0;
    const Tensor middle = saving ? checkpoint(part, {first, scale}) : part({first, scale});
    value[k] = sum(square(middle) * x);
    kept[k] = bytes_kept(value[k]);
    gradients[k] = grad({value[k]}, {x, scale}, {.retain_graph = true});
    value[k].backward({}, {.retain_graph = true});
    CHECK(same_bits(x.grad(), gradients[k][0]));
    const auto g = grad({value[k]}, {x, scale}, {.create_graph = true});
    CHECK(same_bits(g[0], gradients[k][0]));
    second[k] = grad({sum(square(g[0])) + sum(sin(g[1]))}, {x, scale});
  }
  CHECK(same_bits(value[0], value[1]));
  CHECK(kept[1] * 3 < kept[0]);
  for (const std::size_t i : {0, 1}) {
    CHECK(same_bits(gradients[0][i], gradients[1][i]));
    near(second[0][i], second[1][i].values());
  }
}

TEST_CASE("a checkpoint refuses what would lose a gradient, and is nothing where nothing is kept") {
  const Tensor captured = random(12, {3}).requires_grad().named("weight"), x = random(13, {3}).requires_grad();
  const TensorFunction f = [&](const std::vector<Tensor>& p) { return p[0] * captured; };
  const Tensor y = checkpoint(f, {x});
  CHECK_THROWS_WITH_AS(sum(y).backward(), doctest::Contains("checkpoint: expected every tensor that needs a gradient"),
                       GraphError);
  const Tensor plain = checkpoint(f, {x.detach()});  // no input wants a gradient: f as it is
  sum(plain).backward();
  CHECK(same_bits(captured.grad(), x.detach()));
  Tensor changed = random(14, {3}).requires_grad();
  const Tensor z = checkpoint([](const std::vector<Tensor>& p) { return square(p[0]); }, {changed});
  {
    const NoGrad off;
    changed.assign(Tensor::zeros({3}, DType::f64));
  }
  CHECK_THROWS_AS(sum(z).backward(), GraphError);
  // integers pass through, checkpoints stand inside checkpoints
  const Tensor index = Tensor::from(std::vector<std::int64_t>{1, 0, 1}, {3});
  const TensorFunction inner = [](const std::vector<Tensor>& p) { return sin(p[0]) * p[1].to(DType::f64); };
  const TensorFunction outer = [&](const std::vector<Tensor>& p) { return checkpoint(inner, {p[0] * p[0], p[1]}); };
  const Tensor once = grad({sum(checkpoint(outer, {x, index}))}, {x})[0];
  const Tensor direct = grad({sum(sin(x * x) * index.to(DType::f64))}, {x})[0];
  CHECK(same_bits(once, direct));
}

TEST_CASE("the second derivative of a length is right for lengths as small and as large as numbers are") {
  // Of (3u, -4u) the second derivatives are 16, 12 and 9 over 125 u.
  const auto length = [](const std::vector<Tensor>& v) { return sum(hypot(v[0], v[1])); };
  for (const DType dtype : {DType::f32, DType::f64})
    for (const int power : {-1019, -700, -501, -499, -300, -123, -100, -63, -61, 0, 61, 63, 100, 122, 499, 501, 1018}) {
      if (dtype == DType::f32 && std::abs(power) > 123) continue;
      CAPTURE(to_string(dtype));
      CAPTURE(power);
      const double u = std::ldexp(1.0, power);
      const Tensor x = Tensor::full({1}, 3 * u, dtype), y = Tensor::full({1}, -4 * u, dtype);
      const HessianProduct h = hvp(length, {x, y}, {Tensor::ones({1}, dtype), Tensor::zeros({1}, dtype)});
      CHECK(h.products[0].item() * u == doctest::Approx(16.0 / 125).epsilon(1e-5));
      CHECK(h.products[1].item() * u == doctest::Approx(12.0 / 125).epsilon(1e-5));
      const Tensor leaf = x.clone().requires_grad();
      CHECK(grad({length({leaf, y})}, {leaf})[0].item() == doctest::Approx(0.6).epsilon(1e-6));
    }
  const HessianProduct axis =
      hvp(length, {Tensor::full({1}, 2), Tensor::full({1}, 0)}, {Tensor::zeros({1}), Tensor::ones({1})});
  CHECK(axis.products[1].item() == 0.5);
}
