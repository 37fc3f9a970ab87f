// SPDX-License-Identifier: Apache-2.0
// The fused alignment pass, compiled once per instruction level (see normal_equations.h).
//
// With A, B the mean gradients in x and y and C = -(A u + B v), one pixel's derivative by the homography step
// P = [[p0 p1 p2] [p3 p4 p5] [p6 p7 0]] is J = (A u, A v, A, B u, B v, B, C u, C v). Summing its 36 products pixel by
// pixel would cost 36 accumulators. But v is constant along a row, so a row needs only the moments of hAA, hAB, hBB
// over powers of u (5, 4 and 3 of them), and every entry of J'J is a combination of those moments with powers of v: 12
// accumulators, which stay in registers.
//
// The moving image is sampled one row ahead into a ring of three rows, so the gradient of the warped image is the same
// central difference that the fixed image gets. Unequal gradient filters would bias the mean of the two.
#include <lumigrad/engine/cpu/alignment_rows.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

/// Sum of the lanes as a balanced tree, the same at every level from four lanes on.
static INLINE float total(V v) {
#if LUMIGRAD_VECTOR_BYTES == 64
  typedef float V8 __attribute__((vector_size(32)));
  V8 h = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
         __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  F4 q = __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);
#elif LUMIGRAD_VECTOR_BYTES == 32
  F4 q = __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
#else
  F4 q = v;
#endif
  return (q[0] + q[2]) + (q[1] + q[3]);
}
/// Weight rho', value rho and slope rho' + 2 t rho'' (of weight times residual) of the robust function at
/// t = (r / scale)^2.
template <Robust loss>
static INLINE void robust(V t, V& weight, V& value, V& slope) {
  const V one = splat(1.0f);
  if constexpr (loss == Robust::l2) {
    weight = slope = one;
    value = t;
  } else if constexpr (loss == Robust::huber) {
    V s = root(t);
    I small = t <= one;
    weight = select(small, one, one / s);
    slope = keep(small, one);
    value = select(small, t, s + s - one);
  } else if constexpr (loss == Robust::charbonnier) {
    V s = root(one + t);
    weight = one / s;
    slope = weight * weight * weight;
    value = (s - one) + (s - one);
  } else if constexpr (loss == Robust::tukey) {
    V q = keep(t < one, one - t);
    weight = q * q;
    slope = fused(splat(-4.0f), t * q, weight);
    value = (one - weight * q) * splat(1.0f / 3.0f);
  } else {
    V q = one / (one + t);
    weight = q * q;
    value = t * q;
    slope = weight * fused(splat(-4.0f), value, one);
  }
}

// Moments along one row. `s_ab[k]` is the sum of h a b u^k.
enum Moment {
  aa = 0,
  ab = 5,
  bb = 9,
  ar = 12,
  br = 15,
  rho = 17,
  slope,
  count_,
  am,
  bm = am + 3,
  a1 = bm + 2,
  b1 = a1 + 3,
  mm = b1 + 2,
  m1,
  hh,
  mr,
  r1,
  plain_moments = am,
  all_moments = r1 + 1
};

constexpr int padded_moments = (all_moments + 7) / 8 * 8;

/// Moments of all rows so far, times the powers of v: sums[p][m] = sum of moment m times v^p.
struct Folded {
  double sums[5][padded_moments];
};

template <int count>
static void fold(const float* moments, double v, Folded& f) {
  double power = 1;
  for (int p = 0; p < 5; ++p, power *= v)
    for (int m = 0; m < count; ++m) f.sums[p][m] += power * static_cast<double>(moments[m]);
}

static void assemble(const Folded& f, bool gain_bias, NormalEquations& n) {
  // J_i = sign * (a or b) * u^pu * v^pv, the last two with two terms each.
  struct Term {
    signed char gradient, pu, pv, sign;
  };
  static constexpr Term terms[8][2] = {{{0, 1, 0, 1}, {0, 0, 0, 0}},   {{0, 0, 1, 1}, {0, 0, 0, 0}},
                                       {{0, 0, 0, 1}, {0, 0, 0, 0}},   {{1, 1, 0, 1}, {0, 0, 0, 0}},
                                       {{1, 0, 1, 1}, {0, 0, 0, 0}},   {{1, 0, 0, 1}, {0, 0, 0, 0}},
                                       {{0, 2, 0, -1}, {1, 1, 1, -1}}, {{0, 1, 1, -1}, {1, 0, 2, -1}}};
  const int product[2][2] = {{aa, ab}, {ab, bb}};
  for (int i = 0; i < 8; ++i)
    for (const Term& s : terms[i]) {
      if (!s.sign) continue;
      n.gradient[i] += s.sign * f.sums[s.pv][(s.gradient ? br : ar) + s.pu];
      if (gain_bias) {
        n.hessian[i][8] += s.sign * f.sums[s.pv][(s.gradient ? bm : am) + s.pu];
        n.hessian[i][9] += s.sign * f.sums[s.pv][(s.gradient ? b1 : a1) + s.pu];
      }
      for (int j = i; j < 8; ++j)
        for (const Term& t : terms[j])
          if (t.sign)
            n.hessian[i][j] += s.sign * t.sign * f.sums[s.pv + t.pv][product[s.gradient][t.gradient] + s.pu + t.pu];
    }
  n.loss = f.sums[0][rho];
  n.slope = f.sums[0][slope];
  n.pixels = f.sums[0][count_];
  if (gain_bias) {
    n.hessian[8][8] = f.sums[0][mm];
    n.hessian[8][9] = f.sums[0][m1];
    n.hessian[9][9] = f.sums[0][hh];
    n.gradient[8] = f.sums[0][mr];
    n.gradient[9] = f.sums[0][r1];
  }
  for (int i = 0; i < 10; ++i)
    for (int j = 0; j < i; ++j) n.hessian[i][j] = n.hessian[j][i];
}

/// What one vector of pixels adds: mean gradients a and b (already in units of u), residual r, robust weight w, h
/// for the Hessian. Zero where a pixel does not count, `slope` aside.
struct Slopes {
  I counts;
  V a, b, r, value, w, h, cost, slope;
};

/// The constants of a row and the distances between its neighbours.
struct RowConstants {
  explicit INLINE RowConstants(const AlignmentPass& p)
      : half(splat(0.25f / p.unit)),
        half_gain(splat(0.25f / p.unit * p.gain * p.gradient_sign)),
        gain(splat(p.gain)),
        bias(splat(p.bias)),
        inverse_scale(splat(p.inverse_scale)),
        least_slope(splat(p.least_slope)),
        stride(p.fixed.stride) {}
  V half, half_gain, gain, bias, inverse_scale, least_slope;
  std::ptrdiff_t stride, above = 0, below = 0;
};

/// `m`: sampled row at the first pixel, its neighbours `above` and `below` floats away; `f`: the fixed image there;
/// `left`: how many pixels of the row are still to come, this lane's included.
template <Robust loss>
static INLINE Slopes slopes(const RowConstants& k, const float* m, const float* f, V left) {
  Slopes s;
  s.value = load(m);
  s.a = fused(load(m + 1) - load(m - 1), k.half_gain, (load(f + 1) - load(f - 1)) * k.half);
  s.b = fused(load(m + k.below) - load(m + k.above), k.half_gain, (load(f + k.stride) - load(f - k.stride)) * k.half);
  s.r = fused(k.gain, s.value, k.bias - load(f));
  V probe = s.a + s.b + s.r;
  s.counts = (probe == probe) & (left > V{});
  s.a = keep(s.counts, s.a);
  s.b = keep(s.counts, s.b);
  s.r = keep(s.counts, s.r);
  const V t = s.r * k.inverse_scale;
  robust<loss>(t * t, s.w, s.cost, s.slope);
  s.w = keep(s.counts, s.w);
  s.h = native::max(s.slope, k.least_slope * s.w);
  s.h = keep(s.counts, s.h);
  return s;
}

/// Adds q times the first `count` powers of u to the sums from `moment` on.
template <int moment, int count>
static INLINE void add(V (&sums)[all_moments], V q, const V (&power)[5]) {
  sums[moment] += q;
  if constexpr (count > 1) sums[moment + 1] = fused(q, power[1], sums[moment + 1]);
  if constexpr (count > 2) sums[moment + 2] = fused(q, power[2], sums[moment + 2]);
  if constexpr (count > 3) sums[moment + 3] = fused(q, power[3], sums[moment + 3]);
  if constexpr (count > 4) sums[moment + 4] = fused(q, power[4], sums[moment + 4]);
}

/// Sums one row. up, mid, down: sampled rows y - 1, y, y + 1; their element 1 is column x0. `powers`: with the moments
/// of u, which translations do without.
template <Robust loss, bool gain_bias, bool powers>
static void sum_row(const AlignmentPass& pass, int y, const float* up, const float* mid, const float* down,
                    float* moments) {
  const AlignmentPass p = pass;
  const int first = p.x0 < 1 ? 1 : p.x0, last = p.x1 > p.fixed.width - 1 ? p.fixed.width - 1 : p.x1;
  const float* f = p.fixed.data + y * p.fixed.stride;
  RowConstants k(p);
  k.above = up - mid, k.below = down - mid;
  const V u_step = splat(static_cast<float>(lanes) * p.unit);
  V u = (iota() + splat(static_cast<float>(first) - p.center_x)) * splat(p.unit);
  V left = splat(static_cast<float>(last - first)) - iota();
  V s[all_moments] = {};
  for (int x = first; x < last; x += lanes, u += u_step, left -= splat(static_cast<float>(lanes))) {
    const Slopes at = slopes<loss>(k, mid + (x - p.x0 + 1), f + x, left);
    __builtin_prefetch(f + x + rows_ahead * p.fixed.stride);
    const V a = at.a, b = at.b, h = at.h, wr = at.w * at.r;
    const V ha = h * a, hb = h * b;
    const V power[5] = {splat(1.0f), u, u * u, u * u * u, (u * u) * (u * u)};
    add<aa, powers ? 5 : 1>(s, ha * a, power), add<ab, powers ? 4 : 1>(s, ha * b, power);
    add<bb, powers ? 3 : 1>(s, hb * b, power);
    add<ar, powers ? 3 : 1>(s, wr * a, power), add<br, powers ? 2 : 1>(s, wr * b, power);
    s[rho] += at.cost;  // rho(0) = 0, so lanes that do not count add nothing
    s[count_] += keep(at.counts, splat(1.0f));
    if constexpr (loss != Robust::l2) s[slope] = fused(at.slope, fused(a, a, b * b), s[slope]);
    if constexpr (gain_bias) {
      const V value = keep(at.counts, at.value), q = h * value;
      add<am, powers ? 3 : 1>(s, ha * value, power), add<bm, powers ? 2 : 1>(s, hb * value, power);
      add<a1, powers ? 3 : 1>(s, ha, power), add<b1, powers ? 2 : 1>(s, hb, power);
      s[mm] = fused(q, value, s[mm]), s[m1] += q, s[hh] += h, s[mr] = fused(wr, value, s[mr]), s[r1] += wr;
    }
  }
  if constexpr (loss == Robust::l2) s[slope] = s[aa] + s[bb];
  for (int m = 0; m < (gain_bias ? all_moments : plain_moments); ++m) moments[m] = total(s[m]);
}

/// Adds the gradients of the tiles in rows y0 .. y1, at most one tile high. rows: sampled rows from y0 - 1 on, `pitch`
/// apart; their element 1 is column x0.
template <Robust loss>
static void scatter_rows(const AlignmentPass& pass, int y0, int y1, const float* rows, std::ptrdiff_t pitch,
                         GradientScatter& sums) {
  const AlignmentPass p = pass;
  const int last = p.x1 > p.fixed.width - 1 ? p.fixed.width - 1 : p.x1;
  RowConstants k(p);
  k.above = -pitch, k.below = pitch;
  for (int x0 = p.x0; x0 < last; x0 += alignment_tile) {
    const int x1 = x0 + alignment_tile < last ? x0 + alignment_tile : last;
    V s[10] = {}, count = V{};
    for (int x = x0 < 1 ? 1 : x0; x < x1; x += lanes) {
      const V left = splat(static_cast<float>(x1 - x)) - iota();
      const V u = (iota() + splat(static_cast<float>(x) - p.center_x)) * splat(p.unit);
      V ar = V{}, avr = V{}, br = V{}, bvr = V{}, bvvr = V{};
      for (int y = y0; y < y1; ++y) {
        const Slopes at =
            slopes<loss>(k, rows + (y - y0 + 1) * pitch + (x - p.x0 + 1), p.fixed.data + y * p.fixed.stride + x, left);
        const V v = splat((static_cast<float>(y) - p.center_y) * p.unit), wr = at.w * at.r;
        const V qa = wr * at.a, qb = wr * at.b, qbv = qb * v;
        ar += qa, avr = fused(qa, v, avr), br += qb, bvr += qbv, bvvr = fused(qbv, v, bvvr);
        s[8] = fused(wr, keep(at.counts, at.value), s[8]), s[9] += wr;
        count += keep(at.counts, splat(1.0f));
      }
      s[0] = fused(ar, u, s[0]), s[1] += avr, s[2] += ar;
      s[3] = fused(br, u, s[3]), s[4] += bvr, s[5] += br;
      s[6] -= fused(ar * u, u, bvr * u), s[7] -= fused(avr, u, bvvr);  // C = -(A u + B v)
    }
    const float counted = total(count);
    if (counted == 0.0f) continue;
    double g[10];
    for (int i = 0; i < 10; ++i) g[i] = static_cast<double>(total(s[i]));
    for (int i = 0; i < 10; ++i)
      for (int j = 0; j < 10; ++j) sums.outer[i][j] += g[i] * g[j];
    sums.tiles += 1, sums.pixels += static_cast<double>(counted);
  }
}

/// Calls visit.template operator()<loss>() for the loss of a pass.
template <class Visit>
static INLINE void by_loss(Robust loss, Visit visit) {
  switch (loss) {
    case Robust::l2:
      return visit.template operator()<Robust::l2>();
    case Robust::huber:
      return visit.template operator()<Robust::huber>();
    case Robust::charbonnier:
      return visit.template operator()<Robust::charbonnier>();
    case Robust::tukey:
      return visit.template operator()<Robust::tukey>();
    case Robust::geman_mcclure:
      return visit.template operator()<Robust::geman_mcclure>();
  }
}

static void sample(const AlignmentPass& p, int y, int count, float* row) {
  p.sampling == Sampling::spline ? sample_spline(p, y, count, row) : sample_bilinear(p, y, count, row);
}

/// v of a row.
static double height_of(const AlignmentPass& p, int y) {
  return (static_cast<double>(y) - static_cast<double>(p.center_y)) * static_cast<double>(p.unit);
}

/// The part of a pass that lies in columns x0 .. x1, narrow enough for its rows to stay in the first-level cache.
static void accumulate_strip(const AlignmentPass& p, int first, int last, Folded& folded) {
  if (first >= last) return;
  const int count = p.x1 - p.x0 + 2, pitch = (count + 2 * lanes) / 16 * 16 + 16;
  float* ring[3] = {p.scratch, p.scratch + pitch, p.scratch + 2 * pitch};
  sample(p, first - 1, count, ring[0]);
  sample(p, first, count, ring[1]);
  alignas(64) float moments[padded_moments] = {};
  for (int y = first; y < last; ++y) {
    sample(p, y + 1, count, ring[2]);
    by_loss(p.loss, [&]<Robust loss>() {
      const auto row = [&]<bool powers>() {
        p.gain_bias ? sum_row<loss, true, powers>(p, y, ring[0], ring[1], ring[2], moments)
                    : sum_row<loss, false, powers>(p, y, ring[0], ring[1], ring[2], moments);
      };
      if constexpr (loss == Robust::geman_mcclure) {  // what nearly everybody uses: worth two functions more
        if (p.shifts) return row.template operator()<false>();
      }
      row.template operator()<true>();
    });
    const double v = height_of(p, y);
    p.gain_bias ? fold<padded_moments>(moments, v, folded) : fold<plain_moments>(moments, v, folded);
    float* oldest = ring[0];
    ring[0] = ring[1], ring[1] = ring[2], ring[2] = oldest;
  }
}

static void accumulate(const AlignmentPass& p, NormalEquations& n) {
  __builtin_memset(&n, 0, sizeof n);
  const int first = p.y0 < 1 ? 1 : p.y0, last = p.y1 > p.fixed.height - 1 ? p.fixed.height - 1 : p.y1;
  if (first >= last || p.x0 >= p.x1 || p.fixed.width < 3 || p.moving.width < 4 || p.moving.height < 4) return;
  constexpr int widest = 512;
  const int strips = (p.x1 - p.x0 + widest - 1) / widest, width = ((p.x1 - p.x0 + strips - 1) / strips + 15) / 16 * 16;
  Folded folded;
  __builtin_memset(&folded, 0, sizeof folded);
  for (int x = p.x0; x < p.x1; x += width) {
    AlignmentPass strip = p;
    strip.x0 = x;
    strip.x1 = x + width < p.x1 ? x + width : p.x1;
    for (int y = p.y0; y < last; y += p.band_distance)
      accumulate_strip(strip, y < 1 ? 1 : y, y + p.band < last ? y + p.band : last, folded);
  }
  assemble(folded, p.gain_bias, n);
}

static void scatter(const AlignmentPass& p, GradientScatter& sums, NormalEquations& noise) {
  __builtin_memset(&sums, 0, sizeof sums);
  __builtin_memset(&noise, 0, sizeof noise);
  const int last = p.y1 > p.fixed.height - 1 ? p.fixed.height - 1 : p.y1;
  if (p.x0 >= p.x1 || p.fixed.width < 3 || p.moving.width < 4 || p.moving.height < 4) return;
  const int count = p.x1 - p.x0 + 2, pitch = (count + 2 * lanes) / 16 * 16 + 16;
  AlignmentPass difference = p;
  difference.gradient_sign = -1;
  alignas(64) float moments[padded_moments] = {};
  Folded folded;
  __builtin_memset(&folded, 0, sizeof folded);
  for (int y = p.y0; y < last; y += p.thinning * alignment_tile) {
    const int first = y < 1 ? 1 : y, end = y + alignment_tile < last ? y + alignment_tile : last;
    for (int r = first - 1; r <= end; ++r) sample(p, r, count, p.scratch + (r - first + 1) * pitch);
    by_loss(p.loss, [&]<Robust loss>() {
      scatter_rows<loss>(p, first, end, p.scratch, pitch, sums);
      for (int r = first; r < end; r += noise_rows) {
        const float* row = p.scratch + (r - first + 1) * pitch;
        sum_row<loss, false, true>(difference, r, row - pitch, row, row + pitch, moments);
        fold<plain_moments>(moments, height_of(p, r), folded);
      }
    });
  }
  assemble(folded, false, noise);
}

}  // namespace

extern const AlignmentKernels alignment_table = {accumulate, scatter, sample};

}  // namespace lumigrad::LUMIGRAD_LEVEL
