// SPDX-License-Identifier: Apache-2.0
// Learning rates over time, by hand.
#include <doctest/doctest.h>
#include <lumigrad/engine/files/safetensors.h>
#include <lumigrad/engine/schedule.h>
#include <cmath>
#include <limits>

using namespace lumigrad;

TEST_CASE("rates fall in steps, by a factor, along a cosine") {
  const Schedule steps = step_decay(0.4, 10, 0.5);
  CHECK(steps(0) == 0.4);
  CHECK(steps(9) == 0.4);
  CHECK(steps(10) == 0.2);
  CHECK(steps(35) == 0.05);

  const Schedule powers = exponential_decay(2, 0.5);
  CHECK(powers(0) == 2);
  CHECK(powers(3) == 0.25);

  const Schedule cosine = cosine_decay(1, 100, 0.2);
  CHECK(cosine(0) == 1);
  CHECK(cosine(50) == doctest::Approx(0.6));
  CHECK(cosine(25) == doctest::Approx(0.6 + 0.4 * std::sqrt(0.5)));
  CHECK(cosine(100) == doctest::Approx(0.2));
  CHECK(cosine(1000) == cosine(100));
  CHECK_THROWS_AS(step_decay(1, 0), NumericError);
  CHECK_THROWS_AS(cosine_decay(1, 0), NumericError);
}

TEST_CASE("a warm-up is a straight line to the first rate of what follows") {
  const Schedule rate = warm_up(4, step_decay(0.8, 2, 0.5), 0.25);
  CHECK(rate(0) == doctest::Approx(0.2));
  CHECK(rate(2) == doctest::Approx(0.5));
  CHECK(rate(4) == 0.8);
  CHECK(rate(6) == 0.4);
  CHECK(warm_up(0, exponential_decay(1, 0.5))(1) == 0.5);
  CHECK_THROWS_AS(warm_up(-1, exponential_decay(1, 0.5)), NumericError);
}

TEST_CASE("a plateau longer than patience reduces the rate, and a better loss starts the count again") {
  ReduceOnPlateau plateau(1, {.factor = 0.5, .patience = 2, .threshold = 0.1});
  CHECK(plateau(10) == 1);
  CHECK(plateau(9.5) == 1);  // not better by a tenth
  CHECK(plateau(9.5) == 1);
  CHECK(plateau(8.9) == 1);  // better
  CHECK(plateau(8.9) == 1);
  CHECK(plateau(8.9) == 1);
  CHECK(plateau(std::numeric_limits<double>::quiet_NaN()) == 0.5);
  CHECK(plateau(8.9) == 0.5);
  CHECK(plateau.rate() == 0.5);
}

TEST_CASE("losses right after a reduction do not count, and the rate has a floor") {
  ReduceOnPlateau plateau(1, {.factor = 0.1, .patience = 0, .cooldown = 2, .smallest = 0.05});
  plateau(1);
  CHECK(plateau(1) == 0.1);
  CHECK(plateau(1) == 0.1);
  CHECK(plateau(1) == 0.1);
  CHECK(plateau(1) == 0.05);
}

TEST_CASE("losses below zero become better by falling") {
  ReduceOnPlateau plateau(1, {.factor = 0.5, .patience = 0, .threshold = 0.1});
  plateau(-10);
  CHECK(plateau(-12) == 1);
  CHECK(plateau(-12.5) == 0.5);
}

TEST_CASE("a plateau continues from a state that went through a file") {
  const PlateauOptions options = {.factor = 0.5, .patience = 1};
  ReduceOnPlateau whole(1, options), resumed(7, options);
  whole(3);
  whole(3);
  resumed.load(load_safetensors(encode_safetensors(whole.state())));
  CHECK(resumed(3) == whole(3));
  CHECK(resumed.rate() == 0.5);
  CHECK_THROWS_AS(resumed.load({{"plateau", Tensor::zeros({3}, DType::f64)}}), FormatError);
}
