// SPDX-License-Identifier: Apache-2.0
// Modules: parameters in order, states by name, loading all or nothing, networks that train.
#include <doctest/doctest.h>
#include <lumigrad/engine/files/safetensors.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/optim.h>
#include <cmath>

using namespace lumigrad;

namespace {

class Tanh final : public Module {
 public:
  Tensor forward(const Tensor& x) override { return tanh(x); }
};

// y = scale x + offset; counts its calls in a buffer.
class Scale final : public Module {
 public:
  Scale() {
    scale_ = parameter("scale", Tensor::ones({}));
    calls_ = buffer("calls", Tensor::zeros({}, DType::i64));
  }
  Tensor forward(const Tensor& x) override {
    if (training()) ++*calls_.mutable_data<std::int64_t>();
    return scale_ * x;
  }

 private:
  Tensor scale_, calls_;
};

std::shared_ptr<Sequential> network(std::uint64_t seed) {
  return std::make_shared<Sequential>(std::vector<std::shared_ptr<Module>>{
      std::make_shared<Linear>(2, 8, seed), std::make_shared<Tanh>(), std::make_shared<Linear>(8, 1, seed + 1)});
}

std::vector<std::string> names(const State& state) {
  std::vector<std::string> list;
  for (const auto& [name, tensor] : state) list.push_back(name);
  return list;
}

}  // namespace

TEST_CASE("names are paths of registration") {
  Sequential outer;
  outer.append(network(1));
  outer.append(std::make_shared<Scale>());
  CHECK(names(outer.state()) ==
        std::vector<std::string>{"0.0.bias", "0.0.weight", "0.2.bias", "0.2.weight", "1.calls", "1.scale"});
  CHECK(outer.parameters().size() == 5);  // not the buffer
  for (const Tensor& p : outer.parameters()) CHECK(p.is_leaf());
  CHECK(outer.parameters()[0].name() == "weight");
}

TEST_CASE("linear is x times the transposed weight plus bias, for any leading axes") {
  Linear linear(3, 2, 5, DType::f64);
  const Tensor x = reshape(Tensor::arange(12, DType::f64), {2, 2, 3});
  const Tensor y = linear(x);
  REQUIRE(y.shape() == Shape{2, 2, 2});
  const auto state = linear.state();
  const std::vector<double> w = state.at("weight").values(), b = state.at("bias").values(), got = y.values();
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t o = 0; o < 2; ++o) {
      double sum = b[o];
      for (std::size_t k = 0; k < 3; ++k) sum += static_cast<double>(3 * i + k) * w[3 * o + k];
      CHECK(got[2 * i + o] == doctest::Approx(sum));
    }
  for (const double v : w) CHECK(std::abs(v) <= 1 / std::sqrt(3.0));
  CHECK_THROWS_AS(linear(Tensor::ones({2, 4}, DType::f64)), ShapeError);
  CHECK_THROWS_AS(linear(Tensor::ones({}, DType::f64)), ShapeError);
}

TEST_CASE("the same seed starts the same network, another one another") {
  CHECK(network(3)->state().at("0.weight").values() == network(3)->state().at("0.weight").values());
  CHECK(network(3)->state().at("0.weight").values() != network(4)->state().at("0.weight").values());
}

TEST_CASE("a network learns exclusive or") {
  const auto net = network(7);
  const Tensor x = Tensor::from(std::vector<float>{0, 0, 0, 1, 1, 0, 1, 1}, {4, 2});
  const Tensor y = Tensor::from(std::vector<float>{0, 1, 1, 0}, {4, 1});
  Adam adam(net->parameters(), {.learning_rate = 0.05});
  for (int i = 0; i < 400; ++i) {
    net->clear_grad();
    mean(square((*net)(x)-y)).backward();
    adam.step();
  }
  CHECK(mean(square((*net)(x)-y)).item() < 1e-3);

  SUBCASE("and another takes it over through a file") {
    const auto copy = network(8);
    copy->load(load_safetensors(encode_safetensors(net->state())));
    CHECK((*copy)(x).values() == (*net)(x).values());
  }
}

TEST_CASE("loading converts the dtype and keeps the module's own tensors") {
  Linear single(2, 2, 1), precise(2, 2, 2, DType::f64);
  const Tensor weight = single.parameters()[0];
  single.load(precise.state());
  CHECK(weight.dtype() == DType::f32);
  CHECK(weight.values()[0] == doctest::Approx(precise.parameters()[0].values()[0]).epsilon(1e-6));
  CHECK(weight.is_leaf());
}

TEST_CASE("a state that does not fit is refused by name, and nothing is changed") {
  const auto net = network(1);
  State state = network(2)->state();
  std::string culprit;
  SUBCASE("another shape at the end") {
    state["2.weight"] = Tensor::zeros({1, 9});
    culprit = "2.weight";
  }
  SUBCASE("missing") {
    state.erase("2.weight");
    culprit = "2.weight";
  }
  SUBCASE("unknown") {
    state["3.weight"] = Tensor::zeros({1});
    culprit = "3.weight";
  }
  SUBCASE("undefined") {
    state["2.weight"] = Tensor();
    culprit = "2.weight";
  }
  const std::vector<double> before = net->state().at("0.weight").values();
  try {
    net->load(state);
    FAIL("expected an error");
  } catch (const FormatError& error) {
    CHECK(std::string(error.what()).find(culprit) != std::string::npos);
  }
  CHECK(net->state().at("0.weight").values() == before);
}

TEST_CASE("two entries of one name are refused") {
  struct Twice final : Module {
    Twice() {
      parameter("a", Tensor::ones({}));
      parameter("a", Tensor::ones({}));
    }
    Tensor forward(const Tensor& x) override { return x; }
  };
  CHECK_THROWS_AS(Twice().state(), FormatError);
}

TEST_CASE("train and eval reach the children") {
  Sequential outer;
  const auto scale = std::make_shared<Scale>();
  outer.append(scale);
  outer(Tensor::ones({2}));
  outer.train(false);
  outer(Tensor::ones({2}));
  CHECK_FALSE(scale->training());
  CHECK(scale->state().at("calls").item() == 1);
}

TEST_CASE("clear_grad forgets the gradients of all parameters") {
  const auto net = network(1);
  sum((*net)(Tensor::ones({1, 2}))).backward();
  CHECK(net->parameters()[0].grad().defined());
  net->clear_grad();
  for (const Tensor& p : net->parameters()) CHECK_FALSE(p.grad().defined());
}
