// SPDX-License-Identifier: Apache-2.0
// Layers that know training from evaluation: running statistics, draws, and what a saved state holds.
#include <doctest/doctest.h>
#include <lumigrad/engine/classification.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/files/safetensors.h>
#include <lumigrad/engine/layers.h>
#include <lumigrad/engine/normalization.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/optim.h>
#include <lumigrad/engine/schedule.h>
#include <lumigrad/engine/statistics.h>
#include <cmath>
#include <limits>

using namespace lumigrad;

namespace {

Tensor numbers(std::vector<double> values, const Shape& shape) { return Tensor::from(values, shape); }

void check_values(const Tensor& x, std::vector<double> expected) {
  const std::vector<double> got = x.values();
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-12));
}

State through_a_file(const State& state) { return load_safetensors(encode_safetensors(state)); }

}  // namespace

TEST_CASE("batch normalisation trains on the batch and evaluates with what it has seen") {
  BatchNorm2d norm(1, 0.25, 0, DType::f64);
  const Tensor x = numbers({1, 3, 5, 7}, {2, 1, 1, 2});  // mean 4, variance 5, unbiased 20 / 3
  const double root = std::sqrt(5.0);
  check_values(norm(x), {-3 / root, -1 / root, 1 / root, 3 / root});
  check_values(norm.state().at("mean"), {0.25 * 4});
  check_values(norm.state().at("variance"), {0.75 + 0.25 * 20 / 3});
  norm(x);
  check_values(norm.state().at("mean"), {0.75 * 1 + 0.25 * 4});

  norm.train(false);
  const double mean = 1.75, variance = norm.state().at("variance").item();
  check_values(norm(x), {(1 - mean) / std::sqrt(variance), (3 - mean) / std::sqrt(variance),
                         (5 - mean) / std::sqrt(variance), (7 - mean) / std::sqrt(variance)});
  check_values(norm.state().at("mean"), {1.75});
}

TEST_CASE("log sum e^x of minus infinities is minus infinity and has slope 0; of some of them, that of the others") {
  constexpr double none = -std::numeric_limits<double>::infinity();
  for (const DType dtype : {DType::f32, DType::f64}) {
    Tensor x = numbers({none, none, none, 2}, {2, 2}).to(dtype).requires_grad();
    const Tensor y = logsumexp(x, {1});
    CHECK(y.values() == std::vector<double>{none, 2});
    sum(y).backward();
    CHECK(x.grad().values() == std::vector<double>{0, 0, 0, 1});
  }
}

TEST_CASE("a step in evaluation can be swept after the statistics have moved on") {
  BatchNorm2d norm(1, 0.25, 0, DType::f64);
  Tensor x = numbers({1, 3}, {2, 1}).requires_grad();
  norm.train(false);
  const Tensor y = sum(norm(x));
  norm.train();
  norm(x.detach());
  y.backward();
  check_values(x.grad(), {1, 1});
}

TEST_CASE("a saved normalisation evaluates bit for bit as before") {
  BatchNorm2d norm(2, 0.1, 1e-5);
  const Tensor x = uniform({3, 1}, {4, 2, 3, 3});
  norm(x);
  norm(x + 1.0);
  BatchNorm2d other(2, 0.1, 1e-5);
  other.load(through_a_file(norm.state()));
  norm.train(false);
  other.train(false);
  CHECK(norm(x).values() == other(x).values());
  CHECK(norm.parameters().size() == 2);
  CHECK(norm.state().size() == 4);
}

TEST_CASE("one number a channel has no spread to train with") {
  BatchNorm2d norm(2);
  CHECK_THROWS_AS(norm(Tensor::ones({1, 2})), ShapeError);
  CHECK_THROWS_AS(norm(Tensor::ones({2, 3})), ShapeError);
  norm.train(false);
  CHECK(norm(Tensor::ones({1, 2})).shape() == Shape{1, 2});
}

TEST_CASE("a layer norm has a weight and a bias of the normalised shape") {
  LayerNorm norm({2}, 0, DType::f64);
  check_values(norm(numbers({1, 3, 10, 6}, {2, 2})), {-1, 1, 1, -1});
  CHECK(norm.parameters().size() == 2);
  CHECK(norm.state().at("weight").shape() == Shape{2});
}

TEST_CASE("dropout drops p of the elements, scales the rest, and does nothing in evaluation") {
  Dropout layer(0.25, 7);
  const Tensor x = Tensor::ones({8, 1000});
  const std::vector<double> y = layer(x).values();
  int kept = 0;
  for (const double v : y) {
    CHECK((v == 0 || v == doctest::Approx(4.0 / 3)));
    kept += v != 0;
  }
  CHECK(std::abs(kept - 6000) < 5 * std::sqrt(8000 * 0.25 * 0.75));
  CHECK(layer(x).values() != y);
  CHECK_THROWS_AS(layer(Tensor::ones({2}, DType::i64)), DTypeError);
  CHECK(layer.state().at("calls").item() == 2);  // a refused call is none
  layer.train(false);
  CHECK(layer(x).values() == x.values());
}

TEST_CASE("dropout draws for samples: a part of a batch, another dtype and a resumed run drop the same") {
  const Generator draws{5, 3};
  const Tensor x = uniform({1, 1}, {4, 37}, 1, 2);
  const Tensor whole = dropout(x, 0.5, draws);
  CHECK(dropout(slice(x, 0, 1, 3), 0.5, draws.from_sample(1)).values() == slice(whole, 0, 1, 3).values());
  CHECK(where(dropout(x.to(DType::f64), 0.5, draws), 1.0, 0.0).values() == where(whole, 1.0, 0.0).values());

  Dropout layer(0.5, 9), resumed(0.5, 9);
  layer(x);
  resumed.load(through_a_file(layer.state()));
  CHECK(resumed(x).values() == layer(x).values());
}

namespace {

class Rectifier final : public Module {
 public:
  Tensor forward(const Tensor& x) override { return relu(x); }
};

// Points and which of three rings around the origin they lie in.
struct Rings {
  Tensor points = uniform({11, 1}, {96, 2}, -1, 1);
  Tensor rings = Tensor::empty({96}, DType::i64);
  Rings() {
    const std::vector<double> p = points.values();
    for (std::size_t i = 0; i < 96; ++i) {
      const double r = std::hypot(p[2 * i], p[2 * i + 1]);
      rings.mutable_data<std::int64_t>()[i] = r < 0.5 ? 0 : r < 0.9 ? 1 : 2;
    }
  }
};

// A classifier and what trains it.
struct Run {
  Sequential network{{std::make_shared<Linear>(2, 24, 1), std::make_shared<BatchNorm2d>(24),
                      std::make_shared<Rectifier>(), std::make_shared<Dropout>(0.1, 2),
                      std::make_shared<Linear>(24, 3, 3)}};
  AdamW optimizer{network.parameters(), {.weight_decay = 1e-3}};
  Schedule rate = warm_up(5, cosine_decay(0.03, 115));

  void train(const Rings& data, std::int64_t from, std::int64_t to) {
    for (std::int64_t step = from; step < to; ++step) {
      optimizer.options.learning_rate = rate(step);
      optimizer.clear_grad();
      cross_entropy(network(data.points), data.rings, {.label_smoothing = 0.05}).backward();
      optimizer.step();
    }
  }
};

}  // namespace

TEST_CASE("a classifier learns three rings, and a run from saved states is the same bit for bit") {
  const Rings data;
  Run whole;
  whole.train(data, 0, 60);
  const State network = through_a_file(whole.network.state()), optimizer = through_a_file(whole.optimizer.state());
  whole.train(data, 60, 120);

  Run resumed;
  resumed.network.load(network);
  resumed.optimizer.load(optimizer);
  resumed.train(data, 60, 120);
  for (const auto& [name, tensor] : whole.network.state())
    CHECK(tensor.values() == resumed.network.state().at(name).values());

  whole.network.train(false);
  const std::vector<double> found = argmax(whole.network(data.points), 1).values(), rings = data.rings.values();
  int right = 0;
  for (std::size_t i = 0; i < rings.size(); ++i) right += found[i] == rings[i];
  CHECK(right >= 86);
}
