// SPDX-License-Identifier: Apache-2.0
// The strong guarantee: whichever allocation of an operator or a sweep fails, tensors and tape are as before.
#include <doctest/doctest.h>
#include <lumigrad/engine/allocator.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/tape.h>
#include <cmath>
#include <functional>

using namespace lumigrad;

namespace {

// Fails the first, second, ... allocation of `work` in turn until it gets through; returns how many failed.
int fail_each_allocation(const std::function<void()>& work, const std::function<void()>& unchanged) {
  for (int n = 1; n < 1000; ++n) {
    AllocationFault fault(n);
    bool thrown = false;
    try {
      work();
    } catch (const ResourceError&) {
      thrown = true;
    }
    if (!fault.fired()) return n - 1;
    CHECK(thrown);
    unchanged();
  }
  return -1;
}

}  // namespace

TEST_CASE("an operator that runs out of memory leaves nothing behind") {
  Tensor x = Tensor::full({3, 4}, 2, DType::f64).requires_grad(), row = Tensor::ones({4}, DType::f64);
  const Tensor before = x * x;
  const std::vector<double> values = before.values();
  const std::function<void()> operators[] = {[&] { x* row; },
                                             [&] { exp(before); },
                                             [&] { sum(before, {0}); },
                                             [&] { mean(before); },
                                             [&] { matmul(before, transpose(before, 0, 1)); },
                                             [&] {
                                               concat({before, x}, 0);
                                             },
                                             [&] { reshape(transpose(x, 0, 1), {12}); },
                                             [&] { clamp(x, -1, 1); },
                                             [&] { slice(before, 1, 0, 2); },
                                             [&] { before.to(DType::f32); }};
  for (const auto& call : operators) {
    const int failures = fail_each_allocation(call, [&] {
      CHECK(before.values() == values);
      CHECK(Tape({before}).size() == 2);
      CHECK(!x.grad().defined());
    });
    CHECK(failures > 0);
  }
}

TEST_CASE("a sweep that runs out of memory leaves the gradients as they were, and a kept graph can be swept again") {
  Tensor x = Tensor::full({3}, 2, DType::f64).requires_grad(), z = Tensor::full({3}, 5, DType::f64).requires_grad();
  sum(x + z).backward();
  const Tensor y = sum(exp(x) * z + x * z);
  const int failures = fail_each_allocation([&] { y.backward({}, {.retain_graph = true}); },
                                            [&] {
                                              CHECK(x.grad().values() == std::vector<double>(3, 1.0));
                                              CHECK(z.grad().values() == std::vector<double>(3, 1.0));
                                              for (Node* node : Tape({y})) CHECK(node->cotangents.empty());
                                            });
  CHECK(failures > 0);
  CHECK(z.grad().values()[0] == doctest::Approx(1 + std::exp(2.0) + 2));
}

TEST_CASE("an operator that refuses its input does not record") {
  Tensor x = Tensor::ones({2, 3}, DType::f64).requires_grad();
  const Tensor y = x * x;
  CHECK_THROWS_AS(y + Tensor::ones({4}, DType::f64), ShapeError);
  CHECK_THROWS_AS(matmul(y, y), ShapeError);
  CHECK_THROWS_AS(slice(y, 5, 0), ShapeError);
  CHECK(Tape({y}).size() == 2);
  sum(y).backward();
  CHECK(x.grad().values() == std::vector<double>(6, 2.0));
}

TEST_CASE("a request beyond the budget is an error, and memory in use stays valid") {
  const Tensor kept = Tensor::full({1000}, 3, DType::f32);
  set_memory_budget(memory_stats().in_use + (std::size_t{64} << 20));
  CHECK_THROWS_AS(Tensor::zeros({1 << 14, 1 << 14}, DType::f64), ResourceError);
  CHECK(kept.values()[999] == 3);
  CHECK(Tensor::zeros({1024}).numel() == 1024);
  set_memory_budget(0);
}
