// SPDX-License-Identifier: Apache-2.0
// The tape that the compiler runs: what it records, what it leaves out, and that all derivative engines agree.
#include <doctest/doctest.h>

#include <lumigrad/engine/derivatives.h>
#include <lumigrad/engine/formula_simd.h>

#include <cmath>
#include <random>
#include <vector>

namespace mine {
LUMIGRAD_WORDS;
using lumigrad::Params;
using lumigrad::Pixel;

struct Jitter {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b, Params<V, 5> p) const {
    V a[3] = {r, g, b};
    for (int k = 0; k < 3; ++k) a[k] = clamp(clamp(a[k] + p[0], 0, 1) * p[1], 0, 1);
    const V grey = V(0.299) * a[0] + V(0.587) * a[1] + V(0.114) * a[2];
    for (int k = 0; k < 3; ++k) a[k] = clamp(fma(a[k] - grey, p[2], grey), 0, 1);
    const V mean = (a[0] + a[1] + a[2]) * ((1 - p[3]) / 3), s = p[4] * V(0.57735026918962576);
    return {{fma(a[0], p[3], fma(a[2] - a[1], s, mean)), fma(a[1], p[3], fma(a[0] - a[2], s, mean)),
             fma(a[2], p[3], fma(a[1] - a[0], s, mean))}};
  }
};
struct Everything {  // every word at least once, operands shared, one output twice
  template <class V>
  LUMIGRAD_HD Pixel<V, 4> operator()(V x, V y, Params<V, 2> p) const {
    const V t = exp(-x * x) + log(1 + y * y) * sin(x) - cos(y) / (2 + x);
    const V u =
        pow(1 + x * x, p[0]) + cbrt(y + 3) * sqrt(1 + x * x) + atan2(y, x + p[1]) - positive_pow(2 + y * y, 0.4);
    const V v = select((x > y) & !(t == u), t * u, min(t, u) + max(x, y)) + abs(t - 1) + floor(x);
    const V between = largest(x, t, u) * smallest(y, t, p[0]) + hypot(x, u);
    const V w = select((x < p[1]) | (y >= p[0]), fma(t, u, v), clamp(t, -1, 1) * p[1]) + between;
    return {{v, w, v, x + x * y}};
  }
};
struct Folded {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 1> p) const {
    const V two = V(6) / 3, zero = V(1) - 1;
    V y = select(two > 1, x * 1 + zero, exp(x));  // the condition is known: exp is never recorded
    for (int i = 0; i < 2; ++i) y = (y * two) / 1;
    return y * p[0] + (x - x * x) - (x - x * x);  // x - x x is recorded once
  }
};
struct Constant {
  template <class V>
  LUMIGRAD_HD Pixel<V, 2> operator()(V x) const {
    return {{V(4), floor(x)}};
  }
};
LUMIGRAD_USER_FORMULA(Jitter);
LUMIGRAD_USER_FORMULA(Everything);
}  // namespace mine

using namespace lumigrad;

namespace {

template <class F>
constexpr int count(Word word) {
  int found = 0;
  for (int i = 0; i < Recorded<F>::steps; ++i) found += Recorded<F>::recording.step[i].word == word;
  return found;
}
static_assert(count<mine::Folded>(Word::exp) == 0 && count<mine::Folded>(Word::div) == 0);
static_assert(count<mine::Folded>(Word::mul) == 4);                    // two doublings, x x, y p
static_assert(Planned<mine::Jitter, false>::plan.wanted[3] == false);  // parameters are not differentiated by

template <class F>
double objective(const std::vector<double>& x, const std::vector<double>& p, const std::vector<double>& w) {
  const auto y = forward<F>(x.data(), p.data());
  double sum = 0;
  for (int m = 0; m < outputs_of<F>; ++m) sum += w[m] * y[m];
  return sum;
}

template <class F>
void engines_agree(unsigned seed) {
  constexpr int n = inputs_of<F>, k = params_of<F>, outputs = outputs_of<F>;
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> unit(0.15, 0.85);
  const auto draw = [&](int count) {
    std::vector<double> v(count + 1);
    for (double& one : v) one = unit(random);
    return v;
  };
  const auto x = draw(n), p = draw(k), w = draw(outputs), u = draw(n), up = draw(k);
  auto gx = draw(n), gp = draw(k), hx = draw(n), hp = draw(k);
  recorded_vjp<F, (k > 0)>(x.data(), p.data(), w.data(), gx.data(), gp.data());
  dual_vjp<F, (k > 0)>(x.data(), p.data(), w.data(), hx.data(), hp.data());
  double along = 0;
  for (int i = 0; i < n; ++i) {
    CHECK(gx[i] == doctest::Approx(hx[i]).epsilon(1e-12));
    along += gx[i] * u[i];
  }
  for (int i = 0; i < k; ++i) {
    CHECK(gp[i] == doctest::Approx(hp[i]).epsilon(1e-12));
    along += gp[i] * up[i];
  }
  // <w, J u> = <J'w, u>, and both are the slope of w'f along (u, up)
  const auto dy = jvp<F>(x.data(), p.data(), u.data(), up.data());
  double forwards = 0;
  for (int m = 0; m < outputs; ++m) forwards += w[m] * dy[m].tangent[0];
  CHECK(forwards == doctest::Approx(along).epsilon(1e-12));
  const double h = 1e-6;
  auto xa = x, xb = x, pa = p, pb = p;
  for (int i = 0; i < n; ++i) xa[i] += h * u[i], xb[i] -= h * u[i];
  for (int i = 0; i < k; ++i) pa[i] += h * up[i], pb[i] -= h * up[i];
  CHECK(along == doctest::Approx((objective<F>(xa, pa, w) - objective<F>(xb, pb, w)) / (2 * h)).epsilon(1e-6));
  // second order: the difference of two gradients along the same direction
  auto sx = draw(n), sp = draw(k), sw = draw(outputs), ax = draw(n), ap = draw(k), bx = draw(n), bp = draw(k);
  second<F>(x.data(), p.data(), u.data(), up.data(), w.data(), sx.data(), sp.data(), sw.data());
  recorded_vjp<F, (k > 0)>(xa.data(), pa.data(), w.data(), ax.data(), ap.data());
  recorded_vjp<F, (k > 0)>(xb.data(), pb.data(), w.data(), bx.data(), bp.data());
  for (int i = 0; i < n; ++i) CHECK(sx[i] == doctest::Approx((ax[i] - bx[i]) / (2 * h)).epsilon(1e-5));
  for (int i = 0; i < k; ++i) CHECK(sp[i] == doctest::Approx((ap[i] - bp[i]) / (2 * h)).epsilon(1e-5));
  for (int m = 0; m < outputs; ++m) CHECK(sw[m] == doctest::Approx(dy[m].tangent[0]).epsilon(1e-12));
}

}  // namespace

TEST_CASE("recorded reverse, dual numbers, directional derivatives and finite differences agree") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    engines_agree<mine::Jitter>(seed);
    engines_agree<mine::Everything>(100 + seed);
  }
}

TEST_CASE("constants are folded and outputs may be constant") {
  const double x[1] = {3}, p[1] = {5}, w[2] = {1, 1};
  double gx[1], gp[1];
  CHECK(forward<mine::Folded>(x, p)[0] == 60);
  recorded_vjp<mine::Folded, true>(x, p, w, gx, gp);
  CHECK(gx[0] == 20);
  CHECK(gp[0] == 12);
  recorded_vjp<mine::Constant, false>(x, p, w, gx, gp);
  CHECK(gx[0] == 0);
}

TEST_CASE("parameters are run-time numbers") {
  for (double p0 : {0.5, 2.0, -1.0}) {
    const double x[1] = {3}, w[1] = {1};
    double gx[1], gp[1];
    recorded_vjp<mine::Folded, true>(x, &p0, w, gx, gp);
    CHECK(gx[0] == 4 * p0);
  }
}

TEST_CASE("kernels of a program's own formula: tails, null lanes and sums over blocks") {
  const PixelKernels& k = kernels_of(mine::Jitter{});
  std::mt19937 random(5);
  std::uniform_real_distribution<double> unit(0, 1);
  for (std::size_t n : {1, 2, 7, 31, 64, 1023, 1024, 1025, 2500}) {
    CAPTURE(n);
    std::vector<std::vector<double>> lanes(12, std::vector<double>(n, -7));
    for (int lane = 0; lane < 6; ++lane) {
      for (double& v : lanes[lane]) v = unit(random);
    }
    const double* x[3] = {lanes[0].data(), lanes[1].data(), lanes[2].data()};
    const double* w[3] = {lanes[3].data(), lanes[4].data(), lanes[5].data()};
    double *y[3] = {lanes[6].data(), lanes[7].data(), lanes[8].data()},
           *gx[3] = {lanes[9].data(), nullptr, lanes[11].data()};
    const double p[5] = {0.05, 1.1, 0.9, 0.98, 0.2};
    double gp[5] = {}, expected[5] = {};
    k.f64.forward(x, p, y, n, stream_outputs);
    k.f64.vjp_params(x, p, w, gx, gp, n, stream_outputs);
    for (std::size_t i = 0; i < n; ++i) {
      const double xi[3] = {x[0][i], x[1][i], x[2][i]}, wi[3] = {w[0][i], w[1][i], w[2][i]};
      double gi[3], gpi[5];
      dual_vjp<mine::Jitter, true>(xi, p, wi, gi, gpi);
      CHECK(y[1][i] == doctest::Approx(forward<mine::Jitter>(xi, p)[1]).epsilon(1e-13));
      CHECK(gx[2][i] == doctest::Approx(gi[2]).epsilon(1e-12));
      for (int j = 0; j < 5; ++j) expected[j] += gpi[j];
    }
    CHECK(lanes[10] == std::vector<double>(n, -7));
    for (int j = 0; j < 5; ++j) CHECK(gp[j] == doctest::Approx(expected[j]).epsilon(1e-10));
  }
}
