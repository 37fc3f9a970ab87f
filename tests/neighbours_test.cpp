// SPDX-License-Identifier: Apache-2.0
// Sums over neighbours, which run on bands of rows, against the slices they are made of.
#include <doctest/doctest.h>
#include <lumigrad/lumigrad.h>

using namespace lumigrad;

namespace {

Tensor noise(const Shape& shape, std::uint32_t k) {
  return uniform({.seed = 4, .operation = k}, shape, 0.1, 0.9, DType::f64).requires_grad();
}

// What stands along an axis from the second place on, and up to the last but one.
Tensor next(const Tensor& x, int axis) { return slice(x, axis, 1); }
Tensor before(const Tensor& x, int axis) { return slice(x, axis, 0, x.size(axis) - 1); }

double distance(const Tensor& a, const Tensor& b) { return max(abs(sub(a, b))).item(); }

}  // namespace

TEST_CASE("sums over neighbours and their gradients are those of slices, in every band of rows") {
  for (const std::int64_t height : {2, 15, 16, 17, 53}) {
    CAPTURE(height);
    const Tensor image = noise({2, 3, height, 21}, 0), depth = noise({2, 1, height, 21}, 1);
    const Tensor weights = noise({2, 3}, 2).detach();
    const Tensor variation = losses::total_variation(image, Reduction::mean);
    Tensor steps, smoothness;
    for (const int axis : {2, 3}) {
      const Tensor part = mean(abs(sub(next(image, axis), before(image, axis))), {2, 3});
      const Tensor edges = mean(abs(sub(before(image, axis), next(image, axis))), {1}, true);
      const Tensor term = mean(mul(abs(sub(before(depth, axis), next(depth, axis))), exp(neg(edges))));
      steps = steps.defined() ? add(steps, part) : part;
      smoothness = smoothness.defined() ? add(smoothness, term) : term;
    }
    CHECK(distance(variation, steps) < 1e-14);
    CHECK(distance(grad({variation}, {image}, {.seeds = {weights}})[0],
                   grad({steps}, {image}, {.seeds = {weights}})[0]) < 1e-15);
    const Tensor loss = losses::inverse_depth_smoothness_loss(depth, image);
    CHECK(distance(loss, smoothness) < 1e-14);
    const auto found = grad({loss}, {depth, image}), wanted = grad({smoothness}, {depth, image});
    for (std::size_t i = 0; i < 2; ++i) CHECK(distance(found[i], wanted[i]) < 1e-15);
  }
}
