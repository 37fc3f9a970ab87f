// SPDX-License-Identifier: Apache-2.0
// First-order optimisers against steps computed by hand, and the state they keep.
#include <doctest/doctest.h>
#include <lumigrad/engine/allocator.h>
#include <lumigrad/engine/files/safetensors.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/optim.h>
#include <cmath>

using namespace lumigrad;

namespace {

Tensor leaf(std::vector<double> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  return Tensor::from(values, {n}).requires_grad();
}

// sum of c (x - target)^2 / 2: its gradient is c (x - target).
Tensor bowl(const Tensor& x, const Tensor& c, const Tensor& target) { return 0.5 * sum(c * square(x - target)); }

template <class O>
void descend(O& optimizer, const Tensor& x, int steps) {
  for (int i = 0; i < steps; ++i) {
    optimizer.clear_grad();
    bowl(x, {1, 10}, {3, -2}).backward();
    optimizer.step();
  }
}

void check_values(const Tensor& x, std::vector<double> expected, double tolerance = 1e-14) {
  const std::vector<double> got = x.values();
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(expected[i]).epsilon(tolerance));
}

}  // namespace

TEST_CASE("plain gradient descent subtracts rate times gradient") {
  Tensor x = leaf({1, 2});
  Sgd sgd({x}, {.learning_rate = 0.1});
  descend(sgd, x, 1);
  check_values(x, {1 - 0.1 * (1 - 3), 2 - 0.1 * 10 * (2 + 2)});
}

TEST_CASE("weight decay adds its share of the parameter to the gradient") {
  Tensor x = leaf({1, 2});
  Sgd sgd({x}, {.learning_rate = 0.1, .weight_decay = 0.5});
  descend(sgd, x, 1);
  check_values(x, {1 - 0.1 * (-2 + 0.5), 2 - 0.1 * (40 + 1)});
}

TEST_CASE("momentum and Nesterov follow their recurrences") {
  for (const bool nesterov : {false, true}) {
    Tensor x = leaf({1, 2});
    Sgd sgd({x}, {.learning_rate = 0.01, .momentum = 0.9, .nesterov = nesterov});
    descend(sgd, x, 5);
    const double c[] = {1, 10}, target[] = {3, -2};
    std::vector<double> expected = {1, 2};
    for (int k = 0; k < 2; ++k) {
      double v = 0;
      for (int i = 0; i < 5; ++i) {
        const double g = c[k] * (expected[k] - target[k]);
        v = 0.9 * v + g;
        expected[k] -= 0.01 * (nesterov ? g + 0.9 * v : v);
      }
    }
    check_values(x, expected);
  }
}

TEST_CASE("Nesterov without momentum is refused") {
  Tensor x = leaf({1, 2});
  Sgd sgd({x}, {.nesterov = true});
  CHECK_THROWS_AS(sgd.step(), NumericError);
}

TEST_CASE("the first step of Adam is the learning rate against the sign of the gradient") {
  Tensor x = leaf({1, 2});
  Adam adam({x}, {.learning_rate = 0.1, .epsilon = 0});
  descend(adam, x, 1);
  check_values(x, {1.1, 1.9});
}

TEST_CASE("Adam follows algorithm 1 of its paper, with both kinds of decay") {
  for (const bool decoupled : {false, true}) {
    Tensor x = leaf({1, 2});
    Adam adam({x}, {.learning_rate = 0.05, .weight_decay = 0.1, .decoupled_weight_decay = decoupled});
    descend(adam, x, 7);
    const double c[] = {1, 10}, target[] = {3, -2};
    std::vector<double> expected = {1, 2};
    for (int k = 0; k < 2; ++k) {
      double m = 0, v = 0;
      for (int t = 1; t <= 7; ++t) {
        double g = c[k] * (expected[k] - target[k]);
        if (decoupled)
          expected[k] *= 1 - 0.05 * 0.1;
        else
          g += 0.1 * expected[k];
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        expected[k] -= 0.05 * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
      }
    }
    check_values(x, expected, 1e-12);
  }
}

TEST_CASE("AdamW is Adam whose decay shrinks the parameters themselves") {
  Tensor x = leaf({1, 2}), y = leaf({1, 2});
  Adam adam({x}, {.learning_rate = 0.05, .weight_decay = 0.1, .decoupled_weight_decay = true});
  AdamW adam_w({y}, {.learning_rate = 0.05, .weight_decay = 0.1});
  descend(adam, x, 5);
  descend(adam_w, y, 5);
  CHECK(x.values() == y.values());
}

TEST_CASE("RMSprop follows its recurrences, with momentum, decay and centred") {
  for (const bool centered : {false, true})
    for (const double momentum : {0.0, 0.5}) {
      Tensor x = leaf({1, 2});
      RmsProp rms(
          {x}, {.learning_rate = 0.02, .memory = 0.9, .momentum = momentum, .weight_decay = 0.1, .centered = centered});
      descend(rms, x, 6);
      const double c[] = {1, 10}, target[] = {3, -2};
      std::vector<double> expected = {1, 2};
      for (int k = 0; k < 2; ++k) {
        double s = 0, m = 0, v = 0;
        for (int t = 0; t < 6; ++t) {
          const double g = c[k] * (expected[k] - target[k]) + 0.1 * expected[k];
          s = 0.9 * s + 0.1 * g * g;
          m = 0.9 * m + 0.1 * g;
          v = momentum * v + g / (std::sqrt(centered ? s - m * m : s) + 1e-8);
          expected[k] -= 0.02 * v;
        }
      }
      check_values(x, expected, 1e-12);
    }
}

TEST_CASE("Adam and momentum reach the bottom of a bowl") {
  Tensor x = leaf({1, 2}), y = leaf({1, 2});
  Adam adam({x}, {.learning_rate = 0.1});
  Sgd sgd({y}, {.learning_rate = 0.02, .momentum = 0.9, .nesterov = true});
  descend(adam, x, 600);
  descend(sgd, y, 600);
  check_values(x, {3, -2}, 1e-3);
  check_values(y, {3, -2}, 1e-9);
}

TEST_CASE("a parameter without a gradient stays, and its moments with it") {
  Tensor x = leaf({1, 2}), unused = leaf({5});
  Adam adam({x, unused}, {.learning_rate = 0.1});
  descend(adam, x, 3);
  CHECK(unused.item() == 5);
  CHECK(adam.state().at("steps").values() == std::vector<double>{3, 0});
}

TEST_CASE("single precision parameters stay single precision") {
  Tensor x = Tensor::ones({2}).requires_grad();
  Adam adam({x}, {.learning_rate = 0.1});
  descend(adam, x, 3);
  CHECK(x.dtype() == DType::f32);
  CHECK(adam.state().at("mean.0").dtype() == DType::f32);
}

TEST_CASE_TEMPLATE("a run continues bit for bit from a state that went through a file", O, Sgd, Adam, RmsProp) {
  const auto make = [](const Tensor& x) {
    if constexpr (std::is_same_v<O, Sgd>)
      return std::make_unique<Sgd>(std::vector{x}, SgdOptions{.learning_rate = 0.01, .momentum = 0.9});
    else if constexpr (std::is_same_v<O, Adam>)
      return std::make_unique<Adam>(std::vector{x}, AdamOptions{.learning_rate = 0.05});
    else
      return std::make_unique<RmsProp>(std::vector{x}, RmsPropOptions{.momentum = 0.5, .centered = true});
  };
  Tensor x = leaf({1, 2});
  auto whole = make(x);
  descend(*whole, x, 4);
  const std::vector<std::byte> file = encode_safetensors(whole->state());
  Tensor y = x.detach().clone().requires_grad();
  descend(*whole, x, 5);

  auto resumed = make(y);
  resumed->load(load_safetensors(file));
  descend(*resumed, y, 5);
  CHECK(x.values() == y.values());
}

TEST_CASE("a state that does not fit is refused by name and changes nothing") {
  Tensor x = leaf({1, 2});
  Adam adam({x});
  descend(adam, x, 2);
  const std::vector<double> mean = adam.state().at("mean.0").values();
  State state = adam.state();
  for (auto& [name, tensor] : state) tensor = Tensor::zeros(tensor.shape(), tensor.dtype());
  SUBCASE("another shape") { state["square.0"] = Tensor::zeros({3}); }
  SUBCASE("missing") { state.erase("square.0"); }
  SUBCASE("unknown") { state["extra"] = Tensor::zeros({3}); }
  CHECK_THROWS_AS(adam.load(state), FormatError);
  CHECK(adam.state().at("mean.0").values() == mean);
  CHECK(adam.state().at("steps").item() == 2);
}

TEST_CASE("parameters must be leaves, each once") {
  Tensor x = leaf({1, 2});
  CHECK_THROWS_AS(Sgd({x * 2}), GraphError);
  CHECK_THROWS_AS(Sgd({Tensor::ones({2})}), GraphError);
  CHECK_THROWS_AS(Sgd({x, x}), GraphError);
}

TEST_CASE("a graph recorded before a step is not swept with the new values: the message names the step") {
  Tensor x = leaf({1, 2});
  Sgd sgd({x});
  bowl(x, {1, 10}, {3, -2}).backward();
  const Tensor late = sum(square(x));
  sgd.step();
  try {
    late.backward();
    FAIL("expected an error");
  } catch (const GraphError& error) {
    CHECK(std::string(error.what()).find("sgd.step") != std::string::npos);
  }
}

TEST_CASE("a step that runs out of memory at any allocation leaves parameters and moments as they were") {
  Tensor x = leaf({1, 2}), y = leaf({3, 4});
  Adam adam({x, y});
  (bowl(x, {1, 10}, {3, -2}) + bowl(y, {1, 1}, {0, 0})).backward();
  std::int64_t faults = 0;
  for (bool fired = true; fired;) {
    AllocationFault fault(++faults);
    try {
      adam.step();
    } catch (const ResourceError&) {
    }
    fired = fault.fired();
    if (!fired) break;
    CHECK(x.values() == std::vector<double>{1, 2});
    CHECK(y.values() == std::vector<double>{3, 4});
    CHECK(adam.state().at("steps").values() == std::vector<double>{0, 0});
    CHECK(adam.state().at("mean.0").values() == std::vector<double>{0, 0});
  }
  CHECK(faults > 10);
  CHECK(adam.state().at("steps").values() == std::vector<double>{1, 1});
}
