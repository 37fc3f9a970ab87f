// SPDX-License-Identifier: Apache-2.0
// The checker itself: wrong gradients must be caught, right ones must pass, and the report must say where.
#include <doctest/doctest.h>
#include <lumigrad/engine/function.h>
#include <lumigrad/engine/gradcheck.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <functional>

using namespace lumigrad;

namespace {

Tensor point(const Shape& shape, std::uint64_t seed = 3) {
  return uniform({seed, operation_id("gradcheck_test")}, shape, 0.2, 1.5, DType::f64);
}

// sin with an adjoint of one's own.
Program sine(const std::function<Tensor(const Tensor& x, const Tensor& w)>& adjoint) {
  const Function f{.name = "sine",
                   .forward = [](const std::vector<Tensor>& in) { return sin(in[0]); },
                   .adjoint = [adjoint](const std::vector<Tensor>& in, const Tensor&,
                                        const Tensor& w) { return std::vector{adjoint(in[0], w)}; }};
  return [f](const std::vector<Tensor>& in) { return std::vector{f({in[0]})}; };
}

Tensor one_entry(const Shape& shape, std::int64_t at, double value) {
  Tensor x = Tensor::zeros(shape, DType::f64);
  x.mutable_data<double>()[at] = value;
  return x;
}

}  // namespace

TEST_CASE("right gradients pass, small and large, first and second order") {
  const Program f = sine([](const Tensor& x, const Tensor& w) { return w * cos(x); });
  for (const Shape& shape : {Shape{}, Shape{7}, Shape{2, 3}, Shape{20, 30}}) {
    const GradcheckReport report = gradcheck(f, {point(shape)}, {.order = 2});
    INFO(report.text());
    CHECK(report.passed());
    CHECK(report.blocks.size() == 3);
  }
}

TEST_CASE("wrong gradients are caught, whatever is wrong with them") {
  const std::function<Tensor(const Tensor&, const Tensor&)> mutants[] = {
      [](const Tensor& x, const Tensor& w) { return -1 * w * cos(x); },                  // sign
      [](const Tensor& x, const Tensor& w) { return 1.0001 * w * cos(x); },              // scale
      [](const Tensor& x, const Tensor& w) { return w * sin(x); },                       // another function
      [](const Tensor& x, const Tensor&) { return cos(x); },                             // cotangent forgotten
      [](const Tensor& x, const Tensor& w) { return 0 * w * x; },                        // nothing
      [](const Tensor& x, const Tensor& w) { return w * cos(x) + 1e-4; },                // offset
      [](const Tensor& x, const Tensor& w) { return flip(w * cos(x), std::array{0}); },  // order
      [](const Tensor& x, const Tensor& w) { return w * cos(x) / 0; },                   // not finite
  };
  for (const auto& mutant : mutants)
    for (const Shape& shape : {Shape{6}, Shape{150, 2}}) CHECK(!gradcheck(sine(mutant), {point(shape)}).passed());
}

TEST_CASE("a single wrong entry is found and named") {
  const Program f = sine([](const Tensor& x, const Tensor& w) { return w * cos(x) + w * one_entry({2, 5}, 7, 1e-3); });
  const GradcheckReport report = gradcheck(f, {point({2, 5})});
  REQUIRE(!report.passed());
  CHECK(report.worst()->input_element == 7);
  CHECK(report.worst()->output_element == 7);
  CHECK(report.worst()->absolute == doctest::Approx(1e-3).epsilon(0.01));
  CHECK(report.text().find("FAILED") != std::string::npos);
}

TEST_CASE("a second derivative that is wrong is caught where the first is right") {
  // The adjoint is cos(x) in value, but its derivative is that of 1 - x^2 / 2.
  const Program f = sine([](const Tensor& x, const Tensor& w) {
    const Tensor smooth = 1 - 0.5 * square(x);
    return w * (smooth + (cos(x) - smooth).detach());
  });
  CHECK(gradcheck(f, {point({4})}).passed());
  CHECK(!gradcheck(f, {point({4})}, {.order = 2}).passed());
}

TEST_CASE("several inputs and outputs are told apart") {
  const Program f = [](const std::vector<Tensor>& in) { return std::vector{in[0] * in[1], in[0].clone()}; };
  const GradcheckReport report = gradcheck(f, {point({3}), point({3}, 4)});
  REQUIRE(report.blocks.size() == 4);
  CHECK(report.passed());
  for (const GradcheckBlock& block : report.blocks) CHECK(block.compared == 9);
}

TEST_CASE("a kink that is close does not fail a right gradient") {
  const Program f = [](const std::vector<Tensor>& in) { return std::vector{abs(in[0])}; };
  CHECK(gradcheck(f, {Tensor::from(std::vector<double>{2e-5, -3e-6, 1}, {3})}).passed());
}

TEST_CASE("steep and large functions pass within the noise of their differences") {
  const Program steep = [](const std::vector<Tensor>& in) { return std::vector{exp(6 * in[0])}; };
  CHECK(gradcheck(steep, {point({5})}, {.order = 2}).passed());
  const Program large = [](const std::vector<Tensor>& in) { return std::vector{in[0] + 1e9}; };
  CHECK(gradcheck(large, {point({5})}, {.absolute = 1e-6, .step = 1}).passed());
}

TEST_CASE("inputs may be strided, empty or f32; integers are refused") {
  const Program f = [](const std::vector<Tensor>& in) { return std::vector{square(in[0])}; };
  CHECK(gradcheck(f, {transpose(point({2, 3}), 0, 1)}).passed());
  CHECK(gradcheck(f, {point({0, 3})}, {.order = 2}).passed());
  CHECK(gradcheck(f, {point({3}).to(DType::f32)}).passed());
  CHECK_THROWS_AS(gradcheck(f, {Tensor::ones({2}, DType::i64)}), DTypeError);
}

TEST_CASE("the dot test holds for linear operators and not for others") {
  const Program linear = [](const std::vector<Tensor>& in) { return std::vector{sum(3 * in[0], {0})}; };
  const DotTest good = dot_test(linear, {point({4, 3})});
  CHECK(good.deviation < 1e-14);
  CHECK(good.linearity < 1e-14);
  const Program bent = [](const std::vector<Tensor>& in) { return std::vector{square(in[0])}; };
  CHECK(dot_test(bent, {point({4, 3})}).linearity > 1e-3);
  const Function wrong{
      .name = "wrong",
      .forward = [](const std::vector<Tensor>& in) { return in[0] * 2; },
      .adjoint = [](const std::vector<Tensor>&, const Tensor&, const Tensor& w) { return std::vector{w * 2.001}; }};
  CHECK(dot_test([&](const std::vector<Tensor>& in) { return std::vector{wrong({in[0]})}; }, {point({5})}).deviation >
        1e-5);
}
