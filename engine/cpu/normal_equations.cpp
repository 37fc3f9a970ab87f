// SPDX-License-Identifier: Apache-2.0
// The fused alignment pass, compiled once per instruction level (see normal_equations.h).
//
// With A, B the mean gradients in x and y and C = -(A u + B v), one pixel's derivative by the homography step
// P = [[p0 p1 p2] [p3 p4 p5] [p6 p7 0]] is J = (A u, A v, A, B u, B v, B, C u, C v). Summing its 36 products pixel by
// pixel would cost 36 accumulators. But v is constant along a row, so a row needs only the moments of wAA, wAB, wBB
// over powers of u (5, 4 and 3 of them), and every entry of J'J is a combination of those moments with powers of v: 12
// accumulators, which stay in registers.
//
// The moving image is sampled one row ahead into a ring of three rows, so the gradient of the warped image is the same
// central difference that the fixed image gets. Unequal gradient filters would bias the mean of the two.
#include <lumigrad/engine/cpu/normal_equations.h>

#if defined(__AVX512F__)
#define LUMIGRAD_LANES 16
#elif defined(__AVX__)
#define LUMIGRAD_LANES 8
#else
#define LUMIGRAD_LANES 4
#endif

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

constexpr int lanes = LUMIGRAD_LANES;
typedef float V __attribute__((vector_size(lanes * 4)));
typedef int I __attribute__((vector_size(lanes * 4)));
typedef double D __attribute__((vector_size(lanes * 4)));
typedef float F4 __attribute__((vector_size(16)));
typedef V VU __attribute__((aligned(4), may_alias));
typedef F4 F4U __attribute__((aligned(4), may_alias));
#define INLINE inline __attribute__((always_inline))

static INLINE V load(const float* p) { return *reinterpret_cast<const VU*>(p); }
static INLINE void store(float* p, V v) { *reinterpret_cast<VU*>(p) = v; }
static INLINE V splat(float x) { return x - V{}; }
static INLINE V select(I mask, V a, V b) { return mask ? a : b; }
static INLINE V keep(I mask, V a) { return reinterpret_cast<V>(mask & reinterpret_cast<I>(a)); }
static INLINE V fused(V a, V b, V c) {
#if LUMIGRAD_LANES == 16
  return reinterpret_cast<V>(__builtin_ia32_vfmaddps512_mask(a, b, c, -1, 4));
#elif LUMIGRAD_LANES == 8
  return __builtin_ia32_vfmaddps256(a, b, c);
#else
  return a * b + c;
#endif
}
static INLINE V root(V a) {
  V r;
  for (int k = 0; k < lanes; ++k) r[k] = __builtin_sqrtf(a[k]);
  return r;
}
/// Sum of the lanes as a balanced tree, the same at every level from four lanes on.
static INLINE float total(V v) {
#if LUMIGRAD_LANES == 16
  typedef float V8 __attribute__((vector_size(32)));
  V8 h = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
         __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  F4 q = __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);
#elif LUMIGRAD_LANES == 8
  F4 q = __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
#else
  F4 q = v;
#endif
  return (q[0] + q[2]) + (q[1] + q[3]);
}
static INLINE V iota() {
  V v;
  for (int k = 0; k < lanes; ++k) v[k] = static_cast<float>(k);
  return v;
}

/// Positions of one vector of pixels in the moving image: whole parts, fractions, and whether all taps exist.
struct Place {
  I column, row, inside;
  V fx, fy;
};

/// `low`/`high`: how many taps stand left of and right of the whole part.
static INLINE Place place(const AlignmentPass& p, V u, float v, int low, int high) {
  const float* m = p.map;
  V w = fused(splat(m[6]), u, splat(m[7] * v + m[8]));
  V r = splat(1.0f) / w;
  V x = fused(fused(splat(m[0]), u, splat(m[1] * v + m[2])), r, splat(p.moving_x));
  V y = fused(fused(splat(m[3]), u, splat(m[4] * v + m[5])), r, splat(p.moving_y));
  const int right = p.moving.width - 1 - high, bottom = p.moving.height - 1 - high;
  I inside = (w > splat(1e-6f)) & (x >= splat(static_cast<float>(low))) & (y >= splat(static_cast<float>(low))) &
             (x <= splat(static_cast<float>(right + 1))) & (y <= splat(static_cast<float>(bottom + 1)));
  x = keep(inside, x);
  y = keep(inside, y);
  Place s;
  s.inside = inside;
  I c = __builtin_convertvector(x, I), d = __builtin_convertvector(y, I);
  c = c > right ? I{} + right : c;  // a position exactly on the last pixel reads with fraction one
  d = d > bottom ? I{} + bottom : d;
  s.fx = x - __builtin_convertvector(c, V);
  s.fy = y - __builtin_convertvector(d, V);
  s.column = c < low ? I{} + low : c;  // lanes that are outside read something harmless
  s.row = d < low ? I{} + low : d;
  return s;
}

static INLINE double pair_at(const float* p) {
  double d;
  __builtin_memcpy(&d, p, 8);
  return d;
}

/// The two horizontal neighbours of every lane: a and b at p[at[k]] and p[at[k] + 1].
static INLINE void pairs(const float* p, const int* at, V& a, V& b) {
#if LUMIGRAD_LANES == 16
  D lo = {pair_at(p + at[0]), pair_at(p + at[1]), pair_at(p + at[2]), pair_at(p + at[3]),
          pair_at(p + at[4]), pair_at(p + at[5]), pair_at(p + at[6]), pair_at(p + at[7])};
  D hi = {pair_at(p + at[8]),  pair_at(p + at[9]),  pair_at(p + at[10]), pair_at(p + at[11]),
          pair_at(p + at[12]), pair_at(p + at[13]), pair_at(p + at[14]), pair_at(p + at[15])};
  V q = reinterpret_cast<V>(lo), r = reinterpret_cast<V>(hi);
  a = __builtin_shufflevector(q, r, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  b = __builtin_shufflevector(q, r, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif LUMIGRAD_LANES == 8
  D lo = {pair_at(p + at[0]), pair_at(p + at[1]), pair_at(p + at[4]), pair_at(p + at[5])};
  D hi = {pair_at(p + at[2]), pair_at(p + at[3]), pair_at(p + at[6]), pair_at(p + at[7])};
  V q = reinterpret_cast<V>(lo), r = reinterpret_cast<V>(hi);
  a = __builtin_shufflevector(q, r, 0, 2, 8, 10, 4, 6, 12, 14);
  b = __builtin_shufflevector(q, r, 1, 3, 9, 11, 5, 7, 13, 15);
#else
  D lo = {pair_at(p + at[0]), pair_at(p + at[1])}, hi = {pair_at(p + at[2]), pair_at(p + at[3])};
  V q = reinterpret_cast<V>(lo), r = reinterpret_cast<V>(hi);
  a = __builtin_shufflevector(q, r, 0, 2, 4, 6);
  b = __builtin_shufflevector(q, r, 1, 3, 5, 7);
#endif
}

static INLINE V not_counted() { return splat(__builtin_nanf("")); }

/// One row of moving(map x) for fixed columns x0 - 1 .. x1, `count` pixels rounded up to whole vectors.
static void sample_bilinear(const AlignmentPass& p, int y, int count, float* row) {
  const float v = (static_cast<float>(y) - p.center_y) * p.unit;
  V x = iota() + splat(static_cast<float>(p.x0 - 1) - p.center_x);
  for (int i = 0; i < count; i += lanes, x += splat(static_cast<float>(lanes))) {
    Place s = place(p, x * splat(p.unit), v, 0, 1);
    alignas(64) int at[lanes];
    *reinterpret_cast<I*>(at) = s.row * static_cast<int>(p.moving.stride) + s.column;
    V a, b, c, d;
    pairs(p.moving.data, at, a, b);
    pairs(p.moving.data + p.moving.stride, at, c, d);
    V top = fused(b - a, s.fx, a), bottom = fused(d - c, s.fx, c);
    store(row + i, select(s.inside, fused(bottom - top, s.fy, top), not_counted()));
  }
}

/// The same by Catmull-Rom: t -> weights of the four neighbours, each row read as one group of four.
static void sample_cubic(const AlignmentPass& p, int y, int count, float* row) {
  const float v = (static_cast<float>(y) - p.center_y) * p.unit;
  const std::ptrdiff_t stride = p.moving.stride;
  const F4 k1 = {-0.5f, 0.0f, 0.5f, 0.0f}, k2 = {1.0f, -2.5f, 2.0f, -0.5f}, k3 = {-0.5f, 1.5f, -1.5f, 0.5f},
           k0 = {0.0f, 1.0f, 0.0f, 0.0f};
  V x = iota() + splat(static_cast<float>(p.x0 - 1) - p.center_x);
  for (int i = 0; i < count; i += lanes, x += splat(static_cast<float>(lanes))) {
    Place s = place(p, x * splat(p.unit), v, 1, 2);
    alignas(64) int at[lanes];
    alignas(64) float fx[lanes], wy[4][lanes], value[4 * lanes];
    *reinterpret_cast<I*>(at) = (s.row - 1) * static_cast<int>(stride) + s.column - 1;
    *reinterpret_cast<V*>(fx) = s.fx;
    V t = s.fy, h = splat(0.5f) * t, tt = t * t, one = splat(1.0f);
    V w0 = h * (fused(splat(2.0f), t, -one) - tt), w3 = h * (tt - t);
    V w1 = fused(tt, fused(splat(1.5f), t, splat(-2.5f)), one), w2 = one - w0 - w1 - w3;
    *reinterpret_cast<V*>(wy[0]) = w0;
    *reinterpret_cast<V*>(wy[1]) = w1;
    *reinterpret_cast<V*>(wy[2]) = w2;
    *reinterpret_cast<V*>(wy[3]) = w3;
    for (int k = 0; k < lanes; ++k) {
      const float* q = p.moving.data + at[k];
      F4 column = *reinterpret_cast<const F4U*>(q) * wy[0][k] + *reinterpret_cast<const F4U*>(q + stride) * wy[1][k] +
                  (*reinterpret_cast<const F4U*>(q + 2 * stride) * wy[2][k] +
                   *reinterpret_cast<const F4U*>(q + 3 * stride) * wy[3][k]);
      F4 wx = ((k3 * fx[k] + k2) * fx[k] + k1) * fx[k] + k0;
      *reinterpret_cast<F4*>(value + 4 * k) = column * wx;
    }
    V sum = V{};
    for (int k = 0; k < lanes; ++k) sum[k] = (value[4 * k] + value[4 * k + 1]) + (value[4 * k + 2] + value[4 * k + 3]);
    store(row + i, select(s.inside, sum, not_counted()));
  }
}

/// Weight rho' and value rho of the robust function at t = (r / scale)^2.
template <Robust loss>
static INLINE void robust(V t, V& weight, V& value) {
  const V one = splat(1.0f);
  if constexpr (loss == Robust::l2) {
    weight = one;
    value = t;
  } else if constexpr (loss == Robust::huber) {
    V s = root(t);
    I small = t <= one;
    weight = select(small, one, one / s);
    value = select(small, t, s + s - one);
  } else if constexpr (loss == Robust::charbonnier) {
    V s = root(one + t);
    weight = one / s;
    value = (s - one) + (s - one);
  } else if constexpr (loss == Robust::tukey) {
    V q = keep(t < one, one - t);
    weight = q * q;
    value = (one - weight * q) * splat(1.0f / 3.0f);
  } else {
    V q = one / (one + t);
    weight = q * q;
    value = t * q;
  }
}

// Moments along one row. `s_ab[k]` is the sum of w a b u^k.
enum Moment {
  aa = 0,
  ab = 5,
  bb = 9,
  ar = 12,
  br = 15,
  rho = 17,
  sum_w,
  count_,
  am,
  bm = am + 3,
  a1 = bm + 2,
  b1 = a1 + 3,
  mm = b1 + 2,
  m1,
  mr,
  r1,
  plain_moments = am,
  all_moments = r1 + 1
};

/// Adds one row's moments, times powers of v, to the normal equations.
static void fold(const float* s, double v, bool gain_bias, NormalEquations& n) {
  // J_i = coefficient * (a or b) * u^pu * v^pv, the last two with two terms each.
  struct Term {
    signed char gradient, pu, pv, sign;
  };
  static constexpr Term terms[8][2] = {{{0, 1, 0, 1}, {0, 0, 0, 0}},   {{0, 0, 1, 1}, {0, 0, 0, 0}},
                                       {{0, 0, 0, 1}, {0, 0, 0, 0}},   {{1, 1, 0, 1}, {0, 0, 0, 0}},
                                       {{1, 0, 1, 1}, {0, 0, 0, 0}},   {{1, 0, 0, 1}, {0, 0, 0, 0}},
                                       {{0, 2, 0, -1}, {1, 1, 1, -1}}, {{0, 1, 1, -1}, {1, 0, 2, -1}}};
  const int product[2][2] = {{aa, ab}, {ab, bb}};
  double power[5] = {1, v, v * v, v * v * v, v * v * v * v};
  for (int i = 0; i < 8; ++i)
    for (const Term& f : terms[i]) {
      if (!f.sign) continue;
      n.gradient[i] += f.sign * power[f.pv] * static_cast<double>(s[(f.gradient ? br : ar) + f.pu]);
      if (gain_bias) {
        n.hessian[i][8] += f.sign * power[f.pv] * static_cast<double>(s[(f.gradient ? bm : am) + f.pu]);
        n.hessian[i][9] += f.sign * power[f.pv] * static_cast<double>(s[(f.gradient ? b1 : a1) + f.pu]);
      }
      for (int j = i; j < 8; ++j)
        for (const Term& g : terms[j])
          if (g.sign)
            n.hessian[i][j] += f.sign * g.sign * power[f.pv + g.pv] *
                               static_cast<double>(s[product[f.gradient][g.gradient] + f.pu + g.pu]);
    }
  n.loss += static_cast<double>(s[rho]);
  n.weight += static_cast<double>(s[sum_w]);
  n.pixels += static_cast<double>(s[count_]);
  if (gain_bias) {
    n.hessian[8][8] += static_cast<double>(s[mm]);
    n.hessian[8][9] += static_cast<double>(s[m1]);
    n.hessian[9][9] += static_cast<double>(s[sum_w]);
    n.gradient[8] += static_cast<double>(s[mr]);
    n.gradient[9] += static_cast<double>(s[r1]);
  }
}

/// Sums one row. up, mid, down: sampled rows y - 1, y, y + 1; their element 1 is column x0.
template <Robust loss, bool gain_bias>
static void sum_row(const AlignmentPass& p, int y, const float* up, const float* mid, const float* down,
                    float* moments) {
  const int first = p.x0 < 1 ? 1 : p.x0, last = p.x1 > p.fixed.width - 1 ? p.fixed.width - 1 : p.x1;
  const float* f = p.fixed.data + y * p.fixed.stride;
  const V half = splat(0.25f / p.unit), half_gain = splat(0.25f / p.unit * p.gain * p.gradient_sign);
  const V u_step = splat(static_cast<float>(lanes) * p.unit), ramp = iota();
  V u = (ramp + splat(static_cast<float>(first) - p.center_x)) * splat(p.unit);
  V s[all_moments] = {};
  for (int x = first; x < last; x += lanes, u += u_step) {
    const float* m = mid + (x - p.x0 + 1);
    const std::ptrdiff_t above = up - mid, below = down - mid, row = p.fixed.stride;
    alignas(64) float rest[5 * lanes];
    const float* g = f + x;
    std::ptrdiff_t g_up = -row, g_down = row;
    V f_left, f_right, f_up, f_down, f_mid;
    if (x + lanes < p.fixed.width) {
      f_left = load(g - 1), f_right = load(g + 1), f_up = load(g + g_up), f_down = load(g + g_down), f_mid = load(g);
    } else {  // the last pixels of a row, padded so that no read leaves the image
      for (int k = 0; k < lanes; ++k) {
        int in = x + k < p.fixed.width - 1 ? k : 0;
        rest[k] = g[in - 1], rest[lanes + k] = g[in + 1], rest[2 * lanes + k] = g[in - row];
        rest[3 * lanes + k] = g[in + row], rest[4 * lanes + k] = g[in];
      }
      f_left = load(rest), f_right = load(rest + lanes), f_up = load(rest + 2 * lanes);
      f_down = load(rest + 3 * lanes), f_mid = load(rest + 4 * lanes);
    }
    V value = load(m);
    V a = fused(load(m + 1) - load(m - 1), half_gain, (f_right - f_left) * half);
    V b = fused(load(m + below) - load(m + above), half_gain, (f_down - f_up) * half);
    V r = fused(splat(p.gain), value, splat(p.bias) - f_mid);
    V probe = a + b + r;
    I counts = probe == probe;
    if (x + lanes > last) counts &= ramp < splat(static_cast<float>(last - x));
    a = keep(counts, a);
    b = keep(counts, b);
    r = keep(counts, r);
    V w, cost, t = r * splat(p.inverse_scale);
    robust<loss>(t * t, w, cost);
    w = keep(counts, w);
    V u2 = u * u, wa = w * a, wb = w * b, q = wa * a;
    s[aa] += q, s[aa + 1] = fused(q, u, s[aa + 1]), s[aa + 2] = fused(q, u2, s[aa + 2]);
    V u3 = u2 * u;
    s[aa + 3] = fused(q, u3, s[aa + 3]), s[aa + 4] = fused(q, u2 * u2, s[aa + 4]);
    q = wa * b;
    s[ab] += q, s[ab + 1] = fused(q, u, s[ab + 1]), s[ab + 2] = fused(q, u2, s[ab + 2]),
                       s[ab + 3] = fused(q, u3, s[ab + 3]);
    q = wb * b;
    s[bb] += q, s[bb + 1] = fused(q, u, s[bb + 1]), s[bb + 2] = fused(q, u2, s[bb + 2]);
    q = wa * r;
    s[ar] += q, s[ar + 1] = fused(q, u, s[ar + 1]), s[ar + 2] = fused(q, u2, s[ar + 2]);
    q = wb * r;
    s[br] += q, s[br + 1] = fused(q, u, s[br + 1]);
    s[rho] += cost;  // rho(0) = 0, so lanes that do not count add nothing
    s[count_] += keep(counts, splat(1.0f));
    if constexpr (loss != Robust::l2) s[sum_w] += w;
    if constexpr (gain_bias) {
      value = keep(counts, value);
      q = wa * value;
      s[am] += q, s[am + 1] = fused(q, u, s[am + 1]), s[am + 2] = fused(q, u2, s[am + 2]);
      q = wb * value;
      s[bm] += q, s[bm + 1] = fused(q, u, s[bm + 1]);
      s[a1] += wa, s[a1 + 1] = fused(wa, u, s[a1 + 1]), s[a1 + 2] = fused(wa, u2, s[a1 + 2]);
      s[b1] += wb, s[b1 + 1] = fused(wb, u, s[b1 + 1]);
      V wm = w * value;
      s[mm] = fused(wm, value, s[mm]), s[m1] += wm, s[mr] = fused(wm, r, s[mr]), s[r1] = fused(w, r, s[r1]);
    }
  }
  if constexpr (loss == Robust::l2) s[sum_w] = s[count_];
  for (int k = 0; k < (gain_bias ? all_moments : plain_moments); ++k) moments[k] = total(s[k]);
}

template <bool gain_bias>
static void sum_row_by_loss(const AlignmentPass& p, int y, const float* up, const float* mid, const float* down,
                            float* s) {
  switch (p.loss) {
    case Robust::l2:
      return sum_row<Robust::l2, gain_bias>(p, y, up, mid, down, s);
    case Robust::huber:
      return sum_row<Robust::huber, gain_bias>(p, y, up, mid, down, s);
    case Robust::charbonnier:
      return sum_row<Robust::charbonnier, gain_bias>(p, y, up, mid, down, s);
    case Robust::tukey:
      return sum_row<Robust::tukey, gain_bias>(p, y, up, mid, down, s);
    case Robust::geman_mcclure:
      return sum_row<Robust::geman_mcclure, gain_bias>(p, y, up, mid, down, s);
  }
}

static void accumulate(const AlignmentPass& p, NormalEquations& n) {
  __builtin_memset(&n, 0, sizeof n);
  const int first = p.y0 < 1 ? 1 : p.y0, last = p.y1 > p.fixed.height - 1 ? p.fixed.height - 1 : p.y1;
  if (first >= last || p.fixed.width < 3 || p.moving.width < 4 || p.moving.height < 4) return;
  const int count = p.x1 - p.x0 + 2, pitch = (count + 2 * lanes) / 16 * 16 + 16;
  float* ring[3] = {p.scratch, p.scratch + pitch, p.scratch + 2 * pitch};
  auto sample = p.sampling == Sampling::cubic ? sample_cubic : sample_bilinear;
  sample(p, first - 1, count, ring[0]);
  sample(p, first, count, ring[1]);
  alignas(64) float moments[all_moments];
  for (int y = first; y < last; ++y) {
    sample(p, y + 1, count, ring[2]);
    if (p.gain_bias)
      sum_row_by_loss<true>(p, y, ring[0], ring[1], ring[2], moments);
    else
      sum_row_by_loss<false>(p, y, ring[0], ring[1], ring[2], moments);
    fold(moments, (static_cast<double>(y) - static_cast<double>(p.center_y)) * static_cast<double>(p.unit), p.gain_bias,
         n);
    float* oldest = ring[0];
    ring[0] = ring[1], ring[1] = ring[2], ring[2] = oldest;
  }
  for (int i = 0; i < 10; ++i)
    for (int j = 0; j < i; ++j) n.hessian[i][j] = n.hessian[j][i];
}

}  // namespace

const AlignmentKernels alignment_kernels = {accumulate};

}  // namespace lumigrad::LUMIGRAD_LEVEL
