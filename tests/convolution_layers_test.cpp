// SPDX-License-Identifier: Apache-2.0
// A network of convolutions trains, and its state is what makes it.
#include <doctest/doctest.h>
#include <lumigrad/engine/convolution.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/optim.h>
#include <lumigrad/engine/pooling.h>
#include <lumigrad/engine/random.h>
#include <cmath>

using namespace lumigrad;

namespace {

// Is there a horizontal or a vertical stripe in the noise?
struct Stripes final : Module {
  explicit Stripes(std::uint64_t seed)
      : first(child("first", std::make_shared<Conv2d>(1, 6, 3, seed, ConvLayerOptions{.same = true}))),
        second(child("second", std::make_shared<Conv2d>(6, 4, Extents{3, 3}, seed + 1))),
        last(child("last", std::make_shared<Linear>(4, 1, seed + 2))) {}
  Tensor forward(const Tensor& x) override {
    const Tensor h = max_pool2d((*first)(x), 2).values;
    const Tensor y = adaptive_avg_pool2d(relu((*second)(relu(h))), 1);
    return (*last)(reshape(y, {x.size(0), 4}));
  }
  std::shared_ptr<Conv2d> first, second;
  std::shared_ptr<Linear> last;
};

std::pair<Tensor, Tensor> stripes(std::uint32_t n) {
  Tensor x = uniform({5, n}, {16, 1, 12, 12}, 0, 0.5);
  Tensor y = Tensor::zeros({16, 1});
  auto* pixels = x.mutable_data<float>();
  for (std::int64_t i = 0; i < 16; ++i) {
    const std::int64_t at = 2 + (i * 5 + n) % 9;
    for (std::int64_t k = 0; k < 12; ++k) pixels[i * 144 + (i % 2 ? at * 12 + k : k * 12 + at)] += 1;
    y.mutable_data<float>()[i] = i % 2 ? 1 : -1;
  }
  return {x, y};
}

}  // namespace

TEST_CASE("a small network of convolutions learns to tell stripes apart") {
  Stripes network(3);
  Adam adam(network.parameters(), {.learning_rate = 0.02});
  for (std::uint32_t step = 0; step < 60; ++step) {
    const auto [x, y] = stripes(step);
    network.clear_grad();
    mean(square(network(x) - y)).backward();
    adam.step();
  }
  const auto [x, y] = stripes(1000);
  const std::vector<double> said = network(x).values(), meant = y.values();
  for (std::size_t i = 0; i < said.size(); ++i) CHECK(said[i] * meant[i] > 0);

  Stripes other(77);
  CHECK(other(x).values() != said);
  other.load(network.state());
  CHECK(other(x).values() == said);
}

TEST_CASE("layers have weights of the right shape and spread, and refuse what cannot be") {
  const Conv3d conv(4, 6, {1, 2, 3}, 1, {.groups = 2, .bias = false}, DType::f64);
  REQUIRE(conv.parameters().size() == 1);
  const Tensor weight = conv.state().at("weight");
  CHECK(weight.shape() == Shape{6, 2, 1, 2, 3});
  double largest = 0;
  for (const double w : weight.values()) largest = std::max(largest, std::fabs(w));
  CHECK(largest <= 1 / std::sqrt(12.0));
  CHECK(largest > 0.8 / std::sqrt(12.0));

  ConvTranspose2d back(6, 4, 3, 2, {.stride = 2, .padding = 1, .output_padding = 1, .groups = 2});
  CHECK(back.state().at("weight").shape() == Shape{6, 2, 3, 3});
  CHECK(back(Tensor::ones({1, 6, 5, 7})).shape() == Shape{1, 4, 10, 14});
  CHECK_THROWS_AS(Conv2d(4, 6, 3, 1, {.groups = 3}), ShapeError);
  CHECK_THROWS_AS(Conv2d(4, 6, 0, 1), ShapeError);
  CHECK_THROWS_AS((Conv2d(4, 6, {3, 3, 3}, 1)), ShapeError);
}
