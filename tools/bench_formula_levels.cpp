// SPDX-License-Identifier: Apache-2.0
// The benchmark's kernels at one instruction level: formulas, a hand-written adjoint, and pure streams.
#include "bench_formula.h"

#include <lumigrad/engine/cpu/pixel_kernels.h>
#include <lumigrad/vision/color/gray.h>
#include <lumigrad/vision/color/hsv.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

/// Brightness added, contrast multiplied, saturation as a blend with grey, hue as a rotation about the grey axis; after
/// each step a clamp to [0, 1]. Parameters: brightness, contrast, saturation, cos hue, sin hue.
struct Jitter {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b, Params<V, 5> p) const {
    V a[3] = {r, g, b};
    for (int k = 0; k < 3; ++k) a[k] = clamp(clamp(a[k] + p[0], 0, 1) * p[1], 0, 1);
    const V grey = color::luma(a[0], a[1], a[2]);
    for (int k = 0; k < 3; ++k) a[k] = clamp(fma(a[k] - grey, p[2], grey), 0, 1);
    const V mean = (a[0] + a[1] + a[2]) * ((1 - p[3]) * V(1.0 / 3)), s = p[4] * V(0.57735026918962576);
    return {{clamp(fma(a[0], p[3], fma(a[2] - a[1], s, mean)), 0, 1),
             clamp(fma(a[1], p[3], fma(a[0] - a[2], s, mean)), 0, 1),
             clamp(fma(a[2], p[3], fma(a[1] - a[0], s, mean)), 0, 1)}};
  }
};

using V = Vec<float>;

LUMIGRAD_SIMD V unit(const V& x) { return clamp(x, V(0), V(1)); }
LUMIGRAD_SIMD V inside(const V& x, const V& g) { return select((x >= V(0)) & (x <= V(1)), g, V(0)); }

// The chain rule through Jitter, step by step backwards, as a careful person writes it.
void jitter_by_hand(const float* const* x, const float* p, const float* const* w, float* const* gx, double* gp,
                    std::size_t n, unsigned) {
  const V p0(p[0]), p1(p[1]), p2(p[2]), c(p[3]);
  const V third(1.0 / 3), root(0.57735026918962576), q = (V(1) - c) * third, s = V(p[4]) * root;
  const V luma[3] = {V(0.299), V(0.587), V(0.114)};
  const float *x0 = x[0], *x1 = x[1], *x2 = x[2], *w0 = w[0], *w1 = w[1], *w2 = w[2];
  float *g0 = gx[0], *g1 = gx[1], *g2 = gx[2];
  for (std::size_t begin = 0; begin < n; begin += sum_block) {
    V s0(0), s1(0), s2(0), s3(0), s4(0);
    for (std::size_t i = begin; i < begin + sum_block && i + V::width <= n; i += V::width) {
      const V in[3] = {V::load(x0 + i), V::load(x1 + i), V::load(x2 + i)};
      V g[3] = {V::load(w0 + i), V::load(w1 + i), V::load(w2 + i)};
      V t0[3], t1[3], t2[3], a0[3], a1[3], a2[3];
      for (int k = 0; k < 3; ++k) {
        t0[k] = in[k] + p0;
        a0[k] = unit(t0[k]);
        t1[k] = a0[k] * p1;
        a1[k] = unit(t1[k]);
      }
      const V grey = fma(a1[0], luma[0], fma(a1[1], luma[1], a1[2] * luma[2]));
      for (int k = 0; k < 3; ++k) {
        t2[k] = fma(a1[k] - grey, p2, grey);
        a2[k] = unit(t2[k]);
      }
      const V sum = a2[0] + a2[1] + a2[2], mean = sum * q;
      const V d0 = a2[2] - a2[1], d1 = a2[0] - a2[2], d2 = a2[1] - a2[0];
      g[0] = inside(fma(a2[0], c, fma(d0, s, mean)), g[0]);
      g[1] = inside(fma(a2[1], c, fma(d1, s, mean)), g[1]);
      g[2] = inside(fma(a2[2], c, fma(d2, s, mean)), g[2]);
      const V total = g[0] + g[1] + g[2], even = total * q;
      s3 = s3 + fma(g[0], a2[0], fma(g[1], a2[1], fma(g[2], a2[2], -(total * sum * third))));
      s4 = fma(fma(g[0], d0, fma(g[1], d1, g[2] * d2)), root, s4);
      V h[3] = {fma(g[0], c, fma(g[1] - g[2], s, even)), fma(g[1], c, fma(g[2] - g[0], s, even)),
                fma(g[2], c, fma(g[0] - g[1], s, even))};
      V to_grey(0);
      for (int k = 0; k < 3; ++k) {
        h[k] = inside(t2[k], h[k]);
        to_grey = to_grey + h[k];
        s2 = fma(h[k], a1[k] - grey, s2);
      }
      to_grey = to_grey * (V(1) - p2);
      for (int k = 0; k < 3; ++k) {
        h[k] = inside(t1[k], fma(h[k], p2, to_grey * luma[k]));
        s1 = fma(h[k], a0[k], s1);
        h[k] = inside(t0[k], h[k] * p1);
        s0 = s0 + h[k];
      }
      h[0].store(g0 + i);
      h[1].store(g1 + i);
      h[2].store(g2 + i);
    }
    gp[0] += sum_lanes(s0);
    gp[1] += sum_lanes(s1);
    gp[2] += sum_lanes(s2);
    gp[3] += sum_lanes(s3);
    gp[4] += sum_lanes(s4);
  }
}

template <int In, int Out, bool PastCaches>
void stream(const float* const* x, float* const* y, std::size_t n) {
  const float* from[In];
  float* to[Out];
  for (int k = 0; k < In; ++k) from[k] = x[k];
  for (int k = 0; k < Out; ++k) to[k] = y[k];
  for (std::size_t i = 0; i + V::width <= n; i += V::width) {
    V v[Out];
    for (int k = 0; k < Out; ++k) v[k] = V::load(from[k % In] + i);
    for (int k = Out; k < In; ++k) v[k % Out] = v[k % Out] + V::load(from[k] + i);
    for (int k = 0; k < Out; ++k) {
      if constexpr (PastCaches) {
        v[k].stream(to[k] + i);
      } else {
        v[k].store(to[k] + i);
      }
    }
  }
  if (PastCaches) fence();
}

constexpr bench::Level make_level() {
  constexpr Kernels which = Kernels::first_order_f32;
  return {kernels<color::Grayscale, which>(),
          kernels<color::RgbToHsv, which>(),
          kernels<Jitter, which>(),
          jitter_by_hand,
          stream<3, 1, false>,
          stream<1, 3, false>,
          stream<3, 3, false>,
          stream<6, 3, false>,
          stream<3, 1, true>,
          stream<1, 3, true>,
          stream<3, 3, true>,
          stream<6, 3, true>};
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL

namespace lumigrad::bench {
constinit const Level LUMIGRAD_TABLE_NAME(formula, LUMIGRAD_LEVEL) = LUMIGRAD_LEVEL::make_level();
}  // namespace lumigrad::bench
