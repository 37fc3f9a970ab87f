// SPDX-License-Identifier: Apache-2.0
// Lesson 4: one formula, many kinds of number.
//
// A film responds to light along a curve. Below we write that curve down once, as arithmetic on "some number type V",
// and then feed it plain floats, eight floats at once, dual numbers, duals of duals, and finally whole pictures on the
// tape. Nobody writes a derivative, a vector loop or a backward pass. This is how every pixel operator here is made.
#include <lumigrad/engine/formula_simd.h>
#include <lumigrad/engine/ops.h>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace lesson {
LUMIGRAD_WORDS;

// The curve: light x in, density out; the exposure and the contrast are parameters, the same for all pixels.
// The rules: an empty type, only the words of engine/math.h, no `if` on data (select chooses), constants as V(...).
struct Film {
  template <class V>
  LUMIGRAD_HD V operator()(V x, lumigrad::Params<V, 2> p) const {
    const V exposed = p[0] * max(x, V(0));
    const V rise = pow(exposed, p[1]);
    return rise / (rise + V(0.5));
  }
};
LUMIGRAD_USER_FORMULA(Film);  // one line: compiled kernels, forward and all derivatives

}  // namespace lesson

namespace {

using lesson::Film;
using namespace lumigrad;

void must(bool ok, const char* what) {
  if (ok) return;
  std::printf("WRONG: %s\n", what);
  std::exit(1);
}
bool near(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance * (1 + std::abs(b)); }

// On paper, for comparison: y = r / (r + 1/2), r = (e x)^c.
double curve(double x, double e, double c) { return std::pow(e * x, c) / (std::pow(e * x, c) + 0.5); }

}  // namespace

int main() {
  const double x = 0.3, e = 2, c = 1.7;

  // 1. Plain numbers. The formula is an ordinary function object.
  const double y = Film{}(x, Params<double, 2>{{e, c}});
  const float yf = Film{}(0.3f, Params<float, 2>{{2, 1.7f}});
  std::printf("1. double %.9f, float %.9f\n", y, static_cast<double>(yf));
  must(near(y, curve(x, e, c), 1e-12) && near(static_cast<double>(yf), y, 1e-6), "plain numbers");

  // 2. Dual numbers: the slopes in x, in the exposure and in the contrast, in one run.
  using D = Dual<double, 3>;
  const D d = Film{}(D::variable(x, 0), Params<D, 2>{{D::variable(e, 1), D::variable(c, 2)}});
  const double h = 1e-6, slope = (curve(x + h, e, c) - curve(x - h, e, c)) / (2 * h);
  std::printf("2. slopes: in x %.6f (differences say %.6f), in exposure %.6f, in contrast %.6f\n", d.tangent[0], slope,
              d.tangent[1], d.tangent[2]);
  must(near(d.tangent[0], slope, 1e-8), "slope in x");

  // 3. Duals of duals: the second derivative.
  using D1 = Dual<double, 1>;
  using D2 = Dual<D1, 1>;
  D2 xx = D2::variable(D1::variable(x, 0), 0);
  const auto constant = [](double v) { return D2::constant(D1::constant(v)); };
  const double bend = Film{}(xx, Params<D2, 2>{{constant(e), constant(c)}}).tangent[0].tangent[0];
  const double k = 1e-4, bend_seen = (curve(x + k, e, c) - 2 * curve(x, e, c) + curve(x - k, e, c)) / (k * k);
  std::printf("3. second derivative %.6f (differences say %.6f)\n", bend, bend_seen);
  must(near(bend, bend_seen, 1e-5), "second derivative");

  // 4. Many floats at once. V is now a vector register; these kernels were compiled by the one line above.
  std::vector<float> in(1000), out(1000);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i) / 1000;
  const float parameters[] = {2, 1.7f};
  const float* lanes[] = {in.data()};
  float* results[] = {out.data()};
  kernels_of(Film{}).f32.forward(lanes, parameters, results, in.size(), 0);
  std::printf("4. a thousand floats through vector registers; number 300 is %.9f\n", static_cast<double>(out[300]));
  must(near(static_cast<double>(out[300]), y, 1e-6), "vector lanes");

  // 5. A tensor operator: shapes, threads and the tape around the same kernels. Picture and parameters are leaves.
  Tensor picture = Tensor::from(in, {1, 1, 20, 50}).requires_grad(), exposure = Tensor(2.0).requires_grad(),
         contrast = Tensor(1.7).requires_grad();
  const Tensor developed = pixel(Film{}, {picture}, {exposure, contrast}, "film");
  sum(developed).backward();
  const double in_x = picture.grad().values()[300];
  std::printf("5. on the tape: value %.6f, slope %.6f; summed over the picture, d/dexposure %.4f, d/dcontrast %.4f\n",
              developed.values()[300], in_x, exposure.grad().item(), contrast.grad().item());
  must(near(in_x, d.tangent[0], 1e-5), "the same slope on the tape");

  // The sums over the picture, from dual numbers one pixel at a time.
  double by_exposure = 0, by_contrast = 0;
  for (const float v : in) {
    const D at = Film{}(D::constant(static_cast<double>(v)), Params<D, 2>{{D::variable(e, 1), D::variable(c, 2)}});
    by_exposure += at.tangent[1];
    by_contrast += at.tangent[2];
  }
  must(near(exposure.grad().item(), by_exposure, 1e-5) && near(contrast.grad().item(), by_contrast, 1e-5),
       "the same sums");
  std::puts("One formula; five kinds of number; no derivative written by anyone.");
}
