// SPDX-License-Identifier: Apache-2.0
// Random programs against finite differences: operators in every order and combination, values shared, shapes
// broadcast.
#include <doctest/doctest.h>
#include <lumigrad/engine/gradcheck.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>

using namespace lumigrad;

namespace {

// Numbers below n, one after the other, from a key.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : stream_(seed, operation_id("programs"), 0) {}
  std::size_t below(std::size_t n) { return stream_.below(n, next_++); }

 private:
  Stream stream_;
  std::uint64_t next_ = 0;
};

// A [2, 3] tensor from one or two others; every branch keeps values within a few units.
Tensor step(Dice& dice, const Tensor& a, const Tensor& b) {
  switch (dice.below(22)) {
    case 0:
      return 0.5 * (a + b);
    case 1:
      return a - 0.5 * b;
    case 2:
      return tanh(a * b);
    case 3:
      return a / (1 + square(b));
    case 4:
      return sin(a);
    case 5:
      return exp(-square(a));
    case 6:
      return log(1 + square(a) + square(b));
    case 7:
      return sqrt(1 + square(a));
    case 8:
      return sigmoid(a) * b;
    case 9:
      return atan2(a, 2 + square(b));
    case 10:
      return hypot(a, 1 + square(b));
    case 11:
      return pow(1 + square(a), sigmoid(b));
    case 12:
      return lerp(a, b, sigmoid(a));
    case 13:
      return softplus(a) - b * 0.25;
    case 14:
      return a - mean(b, {1}, true);
    case 15:
      return 0.3 * sum(a, {0}, true) + tanh(b);
    case 16:
      return 0.3 * matmul(a, matmul(transpose(b, 0, 1), a));
    case 17:
      return concat({slice(a, 1, 1), slice(b, 1, 0, 1)}, 1);
    case 18:
      return flip(a, std::array{1}) * cos(b);
    case 19:
      return reshape(transpose(reshape(a, {3, 2}), 0, 1), {2, 3}) + 0.1 * b;
    case 20:
      return expand(select(a, 0, 1), {2, 3}) * sigmoid(b);
    default:
      return matmul(inverse(matmul(a, transpose(a, 0, 1)) + 3 * Tensor::eye(2, a.dtype())), b);
  }
}

std::vector<Tensor> program(std::uint64_t seed, const std::vector<Tensor>& inputs) {
  Dice dice(seed);
  std::vector<Tensor> pool = inputs;
  const std::size_t steps = 4 + dice.below(9);
  for (std::size_t i = 0; i < steps; ++i) {
    const Tensor &a = pool[dice.below(pool.size())], &b = pool[dice.below(pool.size())];
    pool.push_back(step(dice, a, b));
  }
  return {pool.back() + 0.1 * pool[pool.size() - 2], mean(pool.back() * pool[dice.below(pool.size())])};
}

std::vector<Tensor> inputs_of(std::uint64_t seed) {
  const Generator generator{seed, operation_id("inputs")};
  return {uniform(generator.then(0), {2, 3}, -1.5, 1.5, DType::f64),
          uniform(generator.then(1), {2, 3}, -1.5, 1.5, DType::f64)};
}

void check(std::uint64_t seed, int order) {
  const GradcheckReport report = gradcheck([seed](const std::vector<Tensor>& inputs) { return program(seed, inputs); },
                                           inputs_of(seed), {.order = order});
  INFO("program " << seed << "\n" << report.text());
  CHECK(report.passed());
}

}  // namespace

TEST_CASE("500 random programs have the gradients that finite differences find") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) check(seed, 1);
}

TEST_CASE("50 random programs have the second derivatives that finite differences find") {
  for (std::uint64_t seed = 1000; seed < 1050; ++seed) check(seed, 2);
}
