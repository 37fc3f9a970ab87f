// SPDX-License-Identifier: Apache-2.0
// Lesson 5: a stencil and its adjoint. What flows back through a blur?
//
// A filter moves a small window over a signal and adds up what it sees, each place times its weight. Written out it is
// a large matrix with few entries, y = A x, and the gradient goes back through the transposed one. Nobody stores A;
// this lesson finds the loop for its transpose, and the one for the weights, which can be learned too.
//
// Break it: `lesson_05 --broken` sends gradients back without turning the window round, a famous mistake that goes
// unnoticed as long as windows are symmetric. The check at the end of by_hand() then fails.
#include <lumigrad/engine/families/filter.h>
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/function.h>
#include <lumigrad/engine/gradcheck.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/optim.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/views.h>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace lumigrad;

namespace {

bool broken = false;

void must(bool ok, const char* what) {
  if (ok) return;
  std::printf("WRONG: %s\n", what);
  std::exit(1);
}

// The one loop there is. It visits every pair (output i, tap t) once; j = i + t - 1 is the input that the pair reads.
// Three things meet there: y[i], k[t] and x[j]. The filter adds k x to y. In <w, y> = sum w k x each factor is linear,
// so its slope is the product of the other two: w k belongs to x[j], and w x to k[t].
template <class Meet>
void for_each_pair(std::int64_t n, std::int64_t taps, Meet meet) {
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t t = 0; t < taps; ++t)
      if (const std::int64_t j = i + t - taps / 2; j >= 0 && j < n) meet(i, t, j);  // beyond the ends there is nothing
}

Tensor zeros_like(const Tensor& x) { return Tensor::zeros(x.shape(), x.dtype()); }
const Function blur{.name = "blur",
                    .forward =
                        [](const std::vector<Tensor>& in) {
                          Tensor result = zeros_like(in[0]);
                          const double *x = in[0].data<double>(), *k = in[1].data<double>();
                          double* y = result.mutable_data<double>();
                          for_each_pair(in[0].numel(), in[1].numel(),
                                        [&](auto i, auto t, auto j) { y[i] += k[t] * x[j]; });
                          return result;
                        },
                    .adjoint =
                        [](const std::vector<Tensor>& in, const Tensor&, const Tensor& cotangent) {
                          std::vector<Tensor> gradients = {zeros_like(in[0]), zeros_like(in[1])};
                          const Tensor dense = cotangent.contiguous();
                          const double *x = in[0].data<double>(), *k = in[1].data<double>(), *w = dense.data<double>();
                          double *gx = gradients[0].mutable_data<double>(), *gk = gradients[1].mutable_data<double>();
                          for_each_pair(in[0].numel(), in[1].numel(), [&](auto i, auto t, auto j) {
                            if (broken)
                              gx[i] += k[t] * w[j];  // the same filter again: right only if k[t] = k[-t]
                            else
                              gx[j] += k[t] * w[i];  // what read from j gives back to j
                            gk[t] += w[i] * x[j];
                          });
                          return gradients;
                        }};

std::vector<Tensor> blurred(const std::vector<Tensor>& in) { return {blur(in)}; }

void by_hand() {
  const Tensor x = normal(Generator{1}, {12}, 0, 1, DType::f64);
  const Tensor k = Tensor::from(std::vector<double>{0.1, 0.3, 0.9}, {3});
  const DotTest test = dot_test(blurred, {x, k});
  std::printf("<w, A x> = %.6f, <A'w, x> = %.6f\n", test.forward, test.adjoint);
  must(test.deviation < 1e-14, "the way back is the transpose of the way there");
  const GradcheckReport report = gradcheck(blurred, {x, k});
  std::printf("against differences, for signal and weights:\n%s", report.text().c_str());
  must(report.passed(), "both slopes are right");
}

// The library's filter does the same in two and three dimensions, and its three loops are each other's gradients.
void in_the_library() {
  const Tensor x = normal(Generator{1}, {12}, 0, 1, DType::f64),
               k = Tensor::from(std::vector<double>{0.1, 0.3, 0.9}, {3});
  const Tensor there = filter(reshape(x, {1, 1, 1, 12}), reshape(k, {1, 3}), 2, {.border = Border::zeros});
  const std::vector<double> ours = blur({x, k}).values(), theirs = there.values();
  double apart = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) apart = std::fmax(apart, std::abs(ours[i] - theirs[i]));
  must(apart < 1e-14, "the library's filter is this one");
}

// Weights have gradients, so they can be learned: which window turns this picture into that one?
void learned() {
  const Tensor picture = uniform(Generator{2}, {1, 1, 24, 32}, 0, 1, DType::f64);
  const Tensor secret = Tensor::from(std::vector<double>{0, -1, 0, -1, 5, -1, 0, -1, 0}, {3, 3});  // sharpens
  const Tensor seen = filter(picture, secret, 2);
  Tensor guess = Tensor::zeros({3, 3}, DType::f64).requires_grad();
  LevenbergMarquardt fit({guess});
  const auto report = fit.minimize(
      [&](const std::vector<Tensor>& p) { return slice(reshape(filter(picture, p[0], 2) - seen, {-1}), 0, 0, 64); });
  std::printf("learned in %d steps:", report.iterations);
  for (const double v : guess.values()) std::printf(" %.3f", v);
  std::puts("");
  must(sum(square(guess.detach() - secret)).item() < 1e-12, "the window is found");
}

}  // namespace

int main(int, char** argv) {
  broken = argv[1] && std::string_view(argv[1]) == "--broken";
  by_hand();
  in_the_library();
  learned();
  std::puts("A filter reads at whole places. Lesson 6 reads between them.");
}
