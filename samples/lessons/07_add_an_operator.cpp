// SPDX-License-Identifier: Apache-2.0
// Lesson 7: add an operator. Three ways, from the one that costs nothing to the one that needs thought.
//
// 1. Compose it of operators that exist: it is differentiable already.
// 2. Where it is arithmetic on each pixel, write the formula: kernels and all derivatives are made from it (lesson 4).
// 3. Where it is neither (an iteration, a call into another library), write forward and adjoint, and prove them.
//
// Break it: `lesson_07 --broken` differentiates the third operator the way one might at first sight.
#include <lumigrad/engine/formula_simd.h>
#include <lumigrad/engine/function.h>
#include <lumigrad/engine/gradcheck.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace lesson {
LUMIGRAD_WORDS;

// Way 2: a soft threshold, x (1 + tanh(s (x - c))) / 2 in terms of exp: dark pixels fade, bright ones stay.
struct Fade {
  template <class V>
  LUMIGRAD_HD V operator()(V x, lumigrad::Params<V, 2> p) const {
    return x / (1 + exp(-2 * p[1] * (x - p[0])));
  }
};
LUMIGRAD_USER_FORMULA(Fade);

}  // namespace lesson

namespace {

using namespace lumigrad;
bool broken = false;

void must(bool ok, const char* what) {
  if (ok) return;
  std::printf("WRONG: %s\n", what);
  std::exit(1);
}

// Way 1.
Tensor composed_fade(const Tensor& x, const Tensor& centre, const Tensor& steepness) {
  return x * sigmoid(2 * steepness * (x - centre));
}

Tensor fade(const Tensor& x, const Tensor& centre, const Tensor& steepness) {
  return pixel(lesson::Fade{}, {x}, {centre, steepness}, "fade");
}

// Way 3: the y that solves y^3 + y = x (a lens that compresses what is far from the middle). There is no formula with
// our words, only Newton's iteration, y -= (y^3 + y - x) / (3 y^2 + 1), until it stands still.
//
// Its slope needs no iteration: y^3 + y = x holds for every x, so both sides change alike, (3 y^2 + 1) dy = dx, and
//     dy/dx = 1 / (3 y^2 + 1).
// It is written with tensors, so it can itself be differentiated: second order comes for free.
const Function lens{.name = "lens",
                    .forward =
                        [](const std::vector<Tensor>& in) {
                          Tensor result = in[0].clone();
                          double* y = result.mutable_data<double>();
                          const std::vector<double> x = in[0].values();
                          for (std::size_t i = 0; i < x.size(); ++i)
                            for (int k = 0; k < 60; ++k)
                              y[i] -= (y[i] * y[i] * y[i] + y[i] - x[i]) / (3 * y[i] * y[i] + 1);
                          return result;
                        },
                    .adjoint =
                        [](const std::vector<Tensor>& in, const Tensor& y, const Tensor& w) {
                          // Tempting: the derivative of y^3 + y, but taken at x, where the function is known.
                          const Tensor at = broken ? in[0] : y;
                          return std::vector{w / (3 * square(at) + 1)};
                        }};

// A proof for any operator: differences in f64 against the sweep, for every argument, to second order.
void prove(const char* what, const Program& program, const std::vector<Tensor>& inputs) {
  const GradcheckReport report = gradcheck(program, inputs, {.order = 2});
  std::printf("%s:\n%s", what, report.text().c_str());
  must(report.passed(), what);
}

}  // namespace

int main(int, char** argv) {
  broken = argv[1] && std::string_view(argv[1]) == "--broken";
  const Tensor x = uniform(Generator{1}, {2, 3}, -1, 1, DType::f64), centre = Tensor::full({}, 0.2, DType::f64),
               steepness = Tensor::full({}, 3, DType::f64);

  prove("composed", [](const std::vector<Tensor>& in) { return std::vector{composed_fade(in[0], in[1], in[2])}; },
        {x, centre, steepness});
  prove("a formula", [](const std::vector<Tensor>& in) { return std::vector{fade(in[0], in[1], in[2])}; },
        {x, centre, steepness});
  const std::vector<double> a = composed_fade(x, centre, steepness).values(), b = fade(x, centre, steepness).values();
  for (std::size_t i = 0; i < a.size(); ++i) must(std::abs(a[i] - b[i]) < 1e-14, "the first two ways agree");

  prove("by hand", [](const std::vector<Tensor>& in) { return std::vector{lens({in[0]})}; }, {x});
  const double y = lens({Tensor::full({}, 2, DType::f64)}).item();
  std::printf("y^3 + y = 2 has the solution %.12f\n", y);
  must(std::abs(y - 1) < 1e-14, "one cubed and one is two");
  std::puts(
      "An operator for everybody has a row in the catalogue too; CONTRIBUTING.md says where its four files stand.");
}
