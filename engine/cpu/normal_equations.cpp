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

#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

using V = native::F;
using I = native::FBits;
using D = native::D;
constexpr int lanes = vector_bytes / 4;
typedef float F4 __attribute__((vector_size(16)));
typedef V VU __attribute__((aligned(4), may_alias));
typedef F4 F4U __attribute__((aligned(4), may_alias));
#define INLINE LUMIGRAD_SIMD

static INLINE V load(const float* p) { return *reinterpret_cast<const VU*>(p); }
static INLINE void store(float* p, V v) { *reinterpret_cast<VU*>(p) = v; }
static INLINE V splat(float x) { return x - V{}; }
static INLINE V select(I mask, V a, V b) { return mask ? a : b; }
static INLINE V keep(I mask, V a) { return reinterpret_cast<V>(mask & reinterpret_cast<I>(a)); }
static INLINE V fused(V a, V b, V c) { return native::fma(a, b, c); }
static INLINE V root(V a) { return native::sqrt(a); }
/// Puts lane numbers into memory. The barrier keeps the compiler from taking them out of the register one by one.
static INLINE void spill(int (&at)[lanes], I v) {
  *reinterpret_cast<I*>(at) = v;
  __asm__("" : "+m"(at));
}
static INLINE void spill(float (&at)[lanes], V v) {
  *reinterpret_cast<V*>(at) = v;
  __asm__("" : "+m"(at));
}
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
#if LUMIGRAD_VECTOR_BYTES == 64
  D lo = {pair_at(p + at[0]), pair_at(p + at[1]), pair_at(p + at[2]), pair_at(p + at[3]),
          pair_at(p + at[4]), pair_at(p + at[5]), pair_at(p + at[6]), pair_at(p + at[7])};
  D hi = {pair_at(p + at[8]),  pair_at(p + at[9]),  pair_at(p + at[10]), pair_at(p + at[11]),
          pair_at(p + at[12]), pair_at(p + at[13]), pair_at(p + at[14]), pair_at(p + at[15])};
  V q = reinterpret_cast<V>(lo), r = reinterpret_cast<V>(hi);
  a = __builtin_shufflevector(q, r, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  b = __builtin_shufflevector(q, r, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif LUMIGRAD_VECTOR_BYTES == 32
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
static void sample_bilinear(const AlignmentPass& pass, int y, int count, float* row) {
  const AlignmentPass p = pass;  // a copy that stores into `row` cannot change
  const float v = (static_cast<float>(y) - p.center_y) * p.unit;
  V x = iota() + splat(static_cast<float>(p.x0 - 1) - p.center_x);
  for (int i = 0; i < count; i += lanes, x += splat(static_cast<float>(lanes))) {
    Place s = place(p, x * splat(p.unit), v, 0, 1);
    alignas(64) int at[lanes];
    spill(at, s.row * static_cast<int>(p.moving.stride) + s.column);
    V a, b, c, d;
    pairs(p.moving.data, at, a, b);
    pairs(p.moving.data + p.moving.stride, at, c, d);
    V top = fused(b - a, s.fx, a), bottom = fused(d - c, s.fx, c);
    store(row + i, select(s.inside, fused(bottom - top, s.fy, top), not_counted()));
  }
}

/// The same by Catmull-Rom: t -> weights of the four neighbours, each row read as one group of four.
static void sample_cubic(const AlignmentPass& pass, int y, int count, float* row) {
  const AlignmentPass p = pass;
  const float v = (static_cast<float>(y) - p.center_y) * p.unit;
  const std::ptrdiff_t stride = p.moving.stride;
  const F4 k1 = {-0.5f, 0.0f, 0.5f, 0.0f}, k2 = {1.0f, -2.5f, 2.0f, -0.5f}, k3 = {-0.5f, 1.5f, -1.5f, 0.5f},
           k0 = {0.0f, 1.0f, 0.0f, 0.0f};
  V x = iota() + splat(static_cast<float>(p.x0 - 1) - p.center_x);
  for (int i = 0; i < count; i += lanes, x += splat(static_cast<float>(lanes))) {
    Place s = place(p, x * splat(p.unit), v, 1, 2);
    alignas(64) int at[lanes];
    alignas(64) float fx[lanes], wy[4][lanes], value[4 * lanes];
    spill(at, (s.row - 1) * static_cast<int>(stride) + s.column - 1);
    spill(fx, s.fx);
    V t = s.fy, h = splat(0.5f) * t, tt = t * t, one = splat(1.0f);
    V w0 = h * (fused(splat(2.0f), t, -one) - tt), w3 = h * (tt - t);
    V w1 = fused(tt, fused(splat(1.5f), t, splat(-2.5f)), one), w2 = one - w0 - w1 - w3;
    spill(wy[0], w0);
    spill(wy[1], w1);
    spill(wy[2], w2);
    spill(wy[3], w3);
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

constexpr int padded_moments = (all_moments + 7) / 8 * 8;

/// Moments of all rows so far, times the powers of v: sums[p][m] = sum of moment m times v^p.
struct Folded {
  double sums[5][padded_moments];
};

static void fold(const float* moments, double v, Folded& f) {
  double power = 1;
  for (int p = 0; p < 5; ++p, power *= v)
    for (int m = 0; m < padded_moments; ++m) f.sums[p][m] += power * static_cast<double>(moments[m]);
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
  n.weight = f.sums[0][sum_w];
  n.pixels = f.sums[0][count_];
  if (gain_bias) {
    n.hessian[8][8] = f.sums[0][mm];
    n.hessian[8][9] = f.sums[0][m1];
    n.hessian[9][9] = f.sums[0][sum_w];
    n.gradient[8] = f.sums[0][mr];
    n.gradient[9] = f.sums[0][r1];
  }
  for (int i = 0; i < 10; ++i)
    for (int j = 0; j < i; ++j) n.hessian[i][j] = n.hessian[j][i];
}

/// Sums one row. up, mid, down: sampled rows y - 1, y, y + 1; their element 1 is column x0.
template <Robust loss, bool gain_bias>
static void sum_row(const AlignmentPass& pass, int y, const float* up, const float* mid, const float* down,
                    float* moments) {
  const AlignmentPass p = pass;
  const int first = p.x0 < 1 ? 1 : p.x0, last = p.x1 > p.fixed.width - 1 ? p.fixed.width - 1 : p.x1;
  const float* f = p.fixed.data + y * p.fixed.stride;
  const std::ptrdiff_t above = up - mid, below = down - mid, stride = p.fixed.stride;
  const V half = splat(0.25f / p.unit), half_gain = splat(0.25f / p.unit * p.gain * p.gradient_sign);
  const V u_step = splat(static_cast<float>(lanes) * p.unit), gain = splat(p.gain), bias = splat(p.bias);
  V u = (iota() + splat(static_cast<float>(first) - p.center_x)) * splat(p.unit);
  V left = splat(static_cast<float>(last - first)) - iota();  // pixels still to come, this lane's included
  V s[all_moments] = {};
  for (int x = first; x < last; x += lanes, u += u_step, left -= splat(static_cast<float>(lanes))) {
    const float* m = mid + (x - p.x0 + 1);
    const float* g = f + x;
    V value = load(m);
    V a = fused(load(m + 1) - load(m - 1), half_gain, (load(g + 1) - load(g - 1)) * half);
    V b = fused(load(m + below) - load(m + above), half_gain, (load(g + stride) - load(g - stride)) * half);
    V r = fused(gain, value, bias - load(g));
    V probe = a + b + r;
    const I counts = (probe == probe) & (left > V{});
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

/// The part of a pass that lies in columns x0 .. x1, narrow enough for its rows to stay in the first-level cache.
static void accumulate_strip(const AlignmentPass& p, int first, int last, Folded& folded) {
  const int count = p.x1 - p.x0 + 2, pitch = (count + 2 * lanes) / 16 * 16 + 16;
  float* ring[3] = {p.scratch, p.scratch + pitch, p.scratch + 2 * pitch};
  auto sample = p.sampling == Sampling::cubic ? sample_cubic : sample_bilinear;
  sample(p, first - 1, count, ring[0]);
  sample(p, first, count, ring[1]);
  alignas(64) float moments[padded_moments] = {};
  for (int y = first; y < last; ++y) {
    sample(p, y + 1, count, ring[2]);
    if (p.gain_bias)
      sum_row_by_loss<true>(p, y, ring[0], ring[1], ring[2], moments);
    else
      sum_row_by_loss<false>(p, y, ring[0], ring[1], ring[2], moments);
    fold(moments, (static_cast<double>(y) - static_cast<double>(p.center_y)) * static_cast<double>(p.unit), folded);
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
    accumulate_strip(strip, first, last, folded);
  }
  assemble(folded, p.gain_bias, n);
}

}  // namespace

const AlignmentKernels alignment_kernels = {accumulate};

}  // namespace lumigrad::LUMIGRAD_LEVEL
