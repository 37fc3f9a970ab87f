// SPDX-License-Identifier: Apache-2.0
// Lesson 6: a warp and its gradient. How does a picture change when the camera moves a little?
//
// A warp reads a picture at places that do not fall on pixels and mixes the neighbours. Two things go in, the picture
// and the places, and both can be asked for their gradient. To the picture, what was gathered is scattered. To the
// places, the answer is the slope of the picture: an edge tells a lot about motion across it, a plain wall nothing.
//
// Break it: `lesson_06 --broken` mixes up which neighbour had which share when it scatters. All sums are still right,
// pictures look plausible, and only the check sees it.
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/families/sample.h>
#include <lumigrad/engine/function.h>
#include <lumigrad/engine/gradcheck.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/trace.h>
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

Tensor zeros_like(const Tensor& x) { return Tensor::zeros(x.shape(), x.dtype()); }

// One line of a picture, read at places p: between pixel j and j + 1 the value runs straight from one to the other,
//     y = (1 - t) x[j] + t x[j + 1],      j = floor p,  t = p - j
// so dy/dx[j] = 1 - t and dy/dx[j + 1] = t (the same shares), and dy/dp = x[j + 1] - x[j] (the slope of that piece).
const Function read_at{
    .name = "read_at",
    .forward =
        [](const std::vector<Tensor>& in) {
          Tensor result = zeros_like(in[1]);
          const double *x = in[0].data<double>(), *p = in[1].data<double>();
          double* y = result.mutable_data<double>();
          for (std::int64_t i = 0; i < in[1].numel(); ++i) {
            const auto j = static_cast<std::int64_t>(std::floor(p[i]));
            const double t = p[i] - static_cast<double>(j);
            y[i] = (1 - t) * x[j] + t * x[j + 1];
          }
          return result;
        },
    .adjoint =
        [](const std::vector<Tensor>& in, const Tensor&, const Tensor& cotangent) {
          std::vector<Tensor> gradients = {zeros_like(in[0]), zeros_like(in[1])};
          const Tensor dense = cotangent.contiguous();
          const double *x = in[0].data<double>(), *p = in[1].data<double>(), *w = dense.data<double>();
          double *gx = gradients[0].mutable_data<double>(), *gp = gradients[1].mutable_data<double>();
          for (std::int64_t i = 0; i < in[1].numel(); ++i) {
            const auto j = static_cast<std::int64_t>(std::floor(p[i]));
            const double t = p[i] - static_cast<double>(j);
            gx[j] += (broken ? t : 1 - t) * w[i];
            gx[j + 1] += (broken ? 1 - t : t) * w[i];
            gp[i] = (x[j + 1] - x[j]) * w[i];
          }
          return gradients;
        }};

void by_hand() {
  const Tensor x = uniform(Generator{1}, {9}, 0, 1, DType::f64);
  const Tensor p = Tensor::from(std::vector<double>{0.3, 2.5, 2.9, 6.1, 7.75}, {5});
  const GradcheckReport report =
      gradcheck([](const std::vector<Tensor>& in) { return std::vector{read_at(in)}; }, {x, p});
  std::printf("a line, read at five places, against differences:\n%s", report.text().c_str());
  must(report.passed(), "gathered forward, scattered back");
}

// The library's sample does this along both axes, for any map; its slopes are sample_slopes.
void in_the_plane() {
  const Tensor picture = uniform(Generator{2}, {1, 1, 6, 7}, 0, 1, DType::f64);
  const Tensor grid = uniform(Generator{3}, {1, 4, 4, 2}, 0.6, 4.4, DType::f64);
  const auto warp = [](const std::vector<Tensor>& in) { return std::vector{sample(in[0], in[1])}; };
  must(gradcheck(warp, {picture, grid}, {.order = 2}).passed(), "sample, to second order");
  const DotTest test = dot_test(warp, {picture, grid});
  std::printf("<w, warp(x)> = %.9f, <splat(w), x> = %.9f\n", test.forward, test.adjoint);
  must(test.deviation < 1e-14, "the splat is the transpose of the warp");
}

// What a place hears: move everything by (1, 0) and the picture changes by its slope along x. A ramp along x says
// nothing about motion along y, which is why a wall without texture cannot be registered.
void what_motion_tells() {
  const Tensor ramp = expand(reshape(Tensor::arange(8, DType::f64), {1, 1, 1, 8}), {1, 1, 8, 8}).contiguous();
  Tensor shift = Tensor::zeros({2}, DType::f64).requires_grad().named("shift");
  const Tensor corner = Tensor::from(std::vector<double>{2.5, 2.5}, {2});
  Trace trace;  // lumigrad trace build/samples/lesson_06 --out page.html shows this sweep
  const Tensor value = sum(sample(ramp, reshape(corner + shift, {1, 1, 1, 2}))).named("value");
  trace.backward({value});
  write_if_asked(trace);
  std::printf("a ramp along x moved: d/dx = %.1f, d/dy = %.1f\n", shift.grad().values()[0], shift.grad().values()[1]);
  must(shift.grad().values()[0] == 1 && shift.grad().values()[1] == 0, "only motion along the slope is seen");
}

}  // namespace

int main(int, char** argv) {
  broken = argv[1] && std::string_view(argv[1]) == "--broken";
  by_hand();
  in_the_plane();
  what_motion_tells();
  std::puts(
      "Lesson 7 makes an operator that the library does not have; lesson 8 lets gradients move a picture into place.");
}
