// SPDX-License-Identifier: Apache-2.0
// Rows of the moving image, sampled through a homography (see normal_equations.h). For level sources only.
//
// The neighbours of a pixel are read in pairs or fours by ordinary loads: on every processor measured this beats the
// gather instruction, which loads one float at a time.
#pragma once
#include <lumigrad/engine/cpu/normal_equations.h>

#include <lumigrad/engine/cpu/window.h>

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
  V r = splat(1.0f / m[8]);
  if (m[6] != 0.0f || m[7] != 0.0f) r = splat(1.0f) / w;
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

/// How many rows further down than the first a vector of pixels ends, nearly; none where that is too far for a window.
static INLINE int slant_of(const AlignmentPass& p) {
  const float drop = p.map[3] * p.unit * static_cast<float>(lanes - 1);
  return drop > -3.0f && drop < 3.0f ? static_cast<int>((drop < 0.0f ? -drop : drop) + 0.75f) : 0;
}

/// Linear weights of two neighbours, cubic B-splines' of four, at t in [0, 1] right of the middle.
static INLINE void weights_at(V t, V (&w)[2]) { w[0] = splat(1.0f) - t, w[1] = t; }
static INLINE void weights_at(V t, V (&w)[4]) {
  const V s = splat(1.0f) - t, tt = t * t, sixth = splat(1.0f / 6.0f);
  w[0] = sixth * s * s * s;
  w[1] = fused(tt, fused(splat(0.5f), t, splat(-1.0f)), splat(2.0f / 3.0f));
  w[3] = sixth * t * tt;
  w[2] = splat(1.0f) - w[0] - w[1] - w[3];
}

/// Where a map that moves all pixels alike reads the row `y`: every pixel K x K neighbours by the same weights.
template <int K>
class Shift {
 public:
  INLINE Shift(const AlignmentPass& p, int y) : image_(p.moving) {
    if (!p.shifts) return;
    // Differences of the centres are halves of whole numbers; m2 and m5 are rounded, and hold a tile's offset, too.
    const float x = p.map[2] + (p.moving_x - p.center_x), down = p.map[5] + (p.moving_y - p.center_y);
    const float left = __builtin_floorf(x), top = __builtin_floorf(down);
    column_ = p.x0 - K / 2 + static_cast<int>(left), row_ = y + 1 - K / 2 + static_cast<int>(top);
    known_ = row_ >= 0 && row_ + K <= image_.height;
    weights_at(splat(x - left), wx_), weights_at(splat(down - top), wy_);
  }
  /// Whether the pixels from the i-th of the row on, a vector of them, have all their neighbours.
  INLINE bool reads(int i) const { return known_ && column_ + i >= 0 && column_ + i + lanes + K - 1 <= image_.width; }
  INLINE V read(int i) const {
    const float* p = image_.data + row_ * image_.stride + column_ + i;
    V sum = V{};
    for (int j = 0; j < K; ++j, p += image_.stride) {
      V row = wx_[0] * load(p);
      for (int k = 1; k < K; ++k) row = fused(wx_[k], load(p + k), row);
      sum = fused(wy_[j], row, sum);
    }
    return sum;
  }

 private:
  PlaneView image_;
  std::ptrdiff_t column_ = 0, row_ = 0;  // of the first neighbour of the row's first pixel
  bool known_ = false;
  V wx_[K] = {}, wy_[K] = {};
};

/// One row of moving(map x) for fixed columns x0 - 1 .. x1, `count` pixels rounded up to whole vectors.
static void sample_bilinear(const AlignmentPass& pass, int y, int count, float* row) {
  const AlignmentPass p = pass;  // a copy that stores into `row` cannot change
  const float v = (static_cast<float>(y) - p.center_y) * p.unit;
  V x = iota() + splat(static_cast<float>(p.x0 - 1) - p.center_x);
  const Shift<2> shift(p, y);
  const WindowFrame frame(p.moving.data, 0, p.moving.width + 32, slant_of(p), p.moving.height - 2);
  for (int i = 0; i < count; i += lanes, x += splat(static_cast<float>(lanes))) {
    if (shift.reads(i)) {
      store(row + i, shift.read(i));
      continue;
    }
    Place s = place(p, x * splat(p.unit), v, 0, 1);
    V tap[2][2];
    const Window window(s.column, s.row, frame);
    if (window.holds) {
      const float* corner = p.moving.data + window.y * p.moving.stride + window.x;
      window.fetch(corner, p.moving.stride, tap);
      __builtin_prefetch(corner + (window.rows + rows_ahead) * p.moving.stride);
    } else {
      alignas(64) int at[lanes];
      spill(at, s.row * static_cast<int>(p.moving.stride) + s.column);
      pairs(p.moving.data, at, tap[0][0], tap[0][1]);
      pairs(p.moving.data + p.moving.stride, at, tap[1][0], tap[1][1]);
    }
    V top = fused(tap[0][1] - tap[0][0], s.fx, tap[0][0]), bottom = fused(tap[1][1] - tap[1][0], s.fx, tap[1][0]);
    store(row + i, select(s.inside, fused(bottom - top, s.fy, top), not_counted()));
  }
}

/// In every group of four lanes j: element e of {a[4 j .. 4 j + 3], b[4 j .. 4 j + 3]} for e0 .. e3.
template <int e0, int e1, int e2, int e3>
static INLINE V in_groups(V a, V b) {
#define AT(e, j) ((e) < 4 ? 4 * (j) + (e) : lanes + 4 * (j) + (e)-4)
#define GROUP(j) AT(e0, j), AT(e1, j), AT(e2, j), AT(e3, j)
#if LUMIGRAD_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, GROUP(0), GROUP(1), GROUP(2), GROUP(3));
#elif LUMIGRAD_VECTOR_BYTES == 32
  return __builtin_shufflevector(a, b, GROUP(0), GROUP(1));
#else
  return __builtin_shufflevector(a, b, GROUP(0));
#endif
#undef GROUP
#undef AT
}

/// Group j: the four floats at p[at[4 j]].
static INLINE V quads(const float* p, const int* at) {
  const F4 a = *reinterpret_cast<const F4U*>(p + at[0]);
#if LUMIGRAD_VECTOR_BYTES == 16
  return a;
#else
  const F4 b = *reinterpret_cast<const F4U*>(p + at[4]);
  const auto low = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
#if LUMIGRAD_VECTOR_BYTES == 32
  return low;
#else
  const F4 c = *reinterpret_cast<const F4U*>(p + at[8]), d = *reinterpret_cast<const F4U*>(p + at[12]);
  const auto high = __builtin_shufflevector(c, d, 0, 1, 2, 3, 4, 5, 6, 7);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
#endif
}

/// The taps of pixels g, g + 4, g + 8, ... in x, summed over y.
template <int g>
static INLINE V column_sums(const float* p, std::ptrdiff_t stride, const int* at, const V (&w)[4]) {
  auto each = [](V a) __attribute__((always_inline)) { return in_groups<g, g, g, g>(a, a); };
  V sum = quads(p, at + g) * each(w[0]);
  sum = fused(quads(p + stride, at + g), each(w[1]), sum);
  sum = fused(quads(p + 2 * stride, at + g), each(w[2]), sum);
  return fused(quads(p + 3 * stride, at + g), each(w[3]), sum);
}

/// Four taps in x at the corner `p` of a window, weighed by `w`.
static INLINE V row_sum(const float* p, I column, const V (&w)[4]) {
#if LUMIGRAD_VECTOR_BYTES == 64
  const __m512 low = _mm512_loadu_ps(p), high = _mm512_loadu_ps(p + 16);
  const auto tap = [&](int k) __attribute__((always_inline)) {
    return V(_mm512_permutex2var_ps(low, __m512i(column + k), high));
  };
  return fused(w[3], tap(3), fused(w[2], tap(2), fused(w[1], tap(1), w[0] * tap(0))));
#else
  return p[0] + w[0] + V(column);  // never called
#endif
}

/// The 4 x 4 taps of every lane, all of them in a window whose corner is `p`: sums along rows first, four of which are
/// each lane's own.
static INLINE V spline_in_window(const Window& window, const float* p, std::ptrdiff_t stride, const V (&wx)[4],
                                 const V (&wy)[4]) {
  V row[4], own[4];
  for (int k = 0; k < 4; ++k) own[k] = row[k] = row_sum(p + k * stride, window.column, wx);
  for (int r = 1; r <= window.rows; ++r) {
    row[0] = row[1], row[1] = row[2], row[2] = row[3], row[3] = row_sum(p + (r + 3) * stride, window.column, wx);
    const I here = window.row >= r;
    for (int k = 0; k < 4; ++k) own[k] = select(here, row[k], own[k]);
  }
  return fused(wy[3], own[3], fused(wy[2], own[2], fused(wy[1], own[1], wy[0] * own[0])));
}

/// The same by cubic B-splines. Where all taps of a vector lie in one window they are permuted out of its rows. Else
/// the four taps of a row are read at once, so a vector holds the taps of a quarter of the pixels; a transposition of
/// 4x4 blocks brings the pixels back in order.
static void sample_spline(const AlignmentPass& pass, int y, int count, float* row) {
  const AlignmentPass p = pass;
  const float v = (static_cast<float>(y) - p.center_y) * p.unit;
  const std::ptrdiff_t stride = p.moving.stride;
  V x = iota() + splat(static_cast<float>(p.x0 - 1) - p.center_x);
  const Shift<4> shift(p, y);
  const WindowFrame frame(p.moving.data, 0, p.moving.width + 32, slant_of(p), p.moving.height - 4, 4);
  for (int i = 0; i < count; i += lanes, x += splat(static_cast<float>(lanes))) {
    if (shift.reads(i)) {
      store(row + i, shift.read(i));
      continue;
    }
    Place s = place(p, x * splat(p.unit), v, 1, 2);
    if constexpr (vector_bytes == 64) {
      const Window window(s.column - 1, s.row - 1, frame);
      if (window.holds) {
        V wx[4], wy[4];
        weights_at(s.fx, wx), weights_at(s.fy, wy);
        const float* corner = p.moving.data + window.y * stride + window.x;
        store(row + i, select(s.inside, spline_in_window(window, corner, stride, wx, wy), not_counted()));
        __builtin_prefetch(corner + (window.rows + 2 + rows_ahead) * stride);
        continue;
      }
    }
    alignas(64) int at[lanes];
    spill(at, (s.row - 1) * static_cast<int>(stride) + s.column - 1);
    V w[4];
    weights_at(s.fy, w);
    const float* m = p.moving.data;
    const V a = column_sums<0>(m, stride, at, w), b = column_sums<1>(m, stride, at, w);
    const V c = column_sums<2>(m, stride, at, w), d = column_sums<3>(m, stride, at, w);
    const V ab = in_groups<0, 4, 1, 5>(a, b), cd = in_groups<0, 4, 1, 5>(c, d);  // a0 b0 a1 b1, c0 d0 c1 d1
    const V ef = in_groups<2, 6, 3, 7>(a, b), gh = in_groups<2, 6, 3, 7>(c, d);  // a2 b2 a3 b3, c2 d2 c3 d3
    weights_at(s.fx, w);
    V sum = fused(w[1], in_groups<2, 3, 6, 7>(ab, cd), w[0] * in_groups<0, 1, 4, 5>(ab, cd));
    sum += fused(w[3], in_groups<2, 3, 6, 7>(ef, gh), w[2] * in_groups<0, 1, 4, 5>(ef, gh));
    store(row + i, select(s.inside, sum, not_counted()));
  }
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
