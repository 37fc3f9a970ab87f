// SPDX-License-Identifier: Apache-2.0
// CIE L*a*b* and L*u*v* of sRGB colours, white D65: spaces in which equal distances look about equally large.
//
// Both start from light relative to white and bend it by a cube root with a straight start:
//     f(t) = t^(1/3)                for t > 0.008856,      7.787 t + 4/29     below,
//     L = 116 f(Y) - 16.
// CIE 15:2004, with the rounded constants of ITU-T T.42 that image libraries use.
#pragma once
#include <lumigrad/vision/color/linear.h>

namespace lumigrad::color {

struct RgbToLab {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b) const {
    const V R = to_linear(r), G = to_linear(g), B = to_linear(b);
    const V x = bend(mix(0.412453 / white_x, R, 0.357580 / white_x, G, 0.180423 / white_x, B));
    const V y = bend(mix(0.212671, R, 0.715160, G, 0.072169, B));
    const V z = bend(mix(0.019334 / white_z, R, 0.119193 / white_z, G, 0.950227 / white_z, B));
    return {{fma(y, V(116), V(-16)), 500 * (x - y), 200 * (y - z)}};
  }

 private:
  template <class V>
  static LUMIGRAD_HD V bend(const V& t) {
    return select(t > V(0.008856), cbrt(t), fma(t, V(7.787), V(4.0 / 29)));
  }
};

/// The way back; `clip` limits the result to [0, 1]. f(Z) is kept >= 0.
template <bool clip>
struct LabToRgb {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V L, V a, V b) const {
    const V fy = fma(L, V(1.0 / 116), V(16.0 / 116));
    const V fx = fma(a, V(1.0 / 500), fy), fz = max(fma(b, V(-1.0 / 200), fy), V(0));
    const Pixel<V, 3> c = rgb_of(unbend(fx) * V(white_x), unbend(fy), unbend(fz) * V(white_z));
    return {{shown(c[0]), shown(c[1]), shown(c[2])}};
  }

 private:
  template <class V>
  static LUMIGRAD_HD V unbend(const V& f) {
    return select(f > V(0.2068966), f * f * f, fma(f, V(1 / 7.787), V(-4.0 / 29 / 7.787)));
  }
  template <class V>
  static LUMIGRAD_HD V shown(const V& c) {
    const V coded = from_linear(c);
    if constexpr (clip) {
      return clamp(coded, V(0), V(1));
    } else {
      return coded;
    }
  }
};

/// Chromaticity of white: u' = 4 X / (X + 15 Y + 3 Z), v' = 9 Y / (X + 15 Y + 3 Z).
inline constexpr double white_u = 4 * white_x / (white_x + 15 + 3 * white_z);
inline constexpr double white_v = 9 / (white_x + 15 + 3 * white_z);

/// L, u = 13 L (u' - u'_white), v = 13 L (v' - v'_white); p[0] keeps the divisor of black from 0.
struct RgbToLuv {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b, Params<V, 1> p) const {
    const Pixel<V, 3> c = xyz_of(to_linear(r), to_linear(g), to_linear(b));
    const V L = select(c[1] > V(0.008856), fma(cbrt(c[1]), V(116), V(-16)), c[1] * V(903.3));
    const V scale = 1 / (fma(c[1], V(15), fma(c[2], V(3), c[0])) + p[0]);
    return {{L, 13 * L * fma(4 * c[0], scale, V(-white_u)), 13 * L * fma(9 * c[1], scale, V(-white_v))}};
  }
};

struct LuvToRgb {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V L, V u, V v, Params<V, 1> p) const {
    const V f = fma(L, V(1.0 / 116), V(16.0 / 116));
    const V y = select(L > V(7.999625), f * f * f, L * V(1 / 903.3));
    const V scale = 1 / fma(L, V(13), p[0]);
    const V a = fma(u, scale, V(white_u)), d = fma(v, scale, V(white_v));
    const V c = 3 * y * fma(d, V(5), V(-3));
    const V z = ((a - 4) * c - 15 * a * d * y) / fma(d, V(12), p[0]);
    const V x = -(c / (d + p[0]) + 3 * z);
    const Pixel<V, 3> rgb = rgb_of(x, y, z);
    return {{from_linear(rgb[0]), from_linear(rgb[1]), from_linear(rgb[2])}};
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using LabFormulas = FormulaList<RgbToLab, LabToRgb<true>, LabToRgb<false>, RgbToLuv, LuvToRgb>;

}  // namespace lumigrad::color
