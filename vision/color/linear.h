// SPDX-License-Identifier: Apache-2.0
// Light: the sRGB transfer curve and the CIE XYZ primaries, as formulas.
//
// The curve is a power with a straight start (IEC 61966-2-1):
//     linear = c / 12.92                        for c <= 0.04045
//              ((c + 0.055) / 1.055)^2.4        above
// The power of dark and negative values is never chosen, so it costs no NaN, forward or backward.
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad::color {

template <class V>
LUMIGRAD_HD V to_linear(const V& c) {
  const V power = positive_pow(fma(c, V(1 / 1.055), V(0.055 / 1.055)), 2.4);
  return select(c > V(0.04045), power, c * V(1 / 12.92));
}

template <class V>
LUMIGRAD_HD V from_linear(const V& c) {
  const V power = fma(positive_pow(c, 1 / 2.4), V(1.055), V(-0.055));
  return select(c > V(0.0031308), power, c * V(12.92));
}

/// a x + b y + c z
template <class V>
LUMIGRAD_HD V mix(double a, const V& x, double b, const V& y, double c, const V& z) {
  return fma(x, V(a), fma(y, V(b), z * V(c)));
}

/// Linear RGB with the sRGB primaries and white D65 to CIE XYZ.
template <class V>
LUMIGRAD_HD Pixel<V, 3> xyz_of(const V& r, const V& g, const V& b) {
  return {{mix(0.412453, r, 0.357580, g, 0.180423, b), mix(0.212671, r, 0.715160, g, 0.072169, b),
           mix(0.019334, r, 0.119193, g, 0.950227, b)}};
}
/// The inverse matrix.
template <class V>
LUMIGRAD_HD Pixel<V, 3> rgb_of(const V& x, const V& y, const V& z) {
  return {{mix(3.2404813432005266, x, -1.5371515162713185, y, -0.4985363261688878, z),
           mix(-0.9692549499965682, x, 1.8759900014898907, y, 0.0415559265582928, z),
           mix(0.0556466391351772, x, -0.2040413383665112, y, 1.0573110696453443, z)}};
}

/// The white all of these mean: D65, two degrees.
inline constexpr double white_x = 0.95047, white_z = 1.08883;

struct ToLinear {
  template <class V>
  LUMIGRAD_HD V operator()(V c) const {
    return to_linear(c);
  }
};

struct FromLinear {
  template <class V>
  LUMIGRAD_HD V operator()(V c) const {
    return from_linear(c);
  }
};

struct RgbToXyz {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b) const {
    return xyz_of(r, g, b);
  }
};

struct XyzToRgb {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V x, V y, V z) const {
    return rgb_of(x, y, z);
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using LinearFormulas = FormulaList<ToLinear, FromLinear, RgbToXyz, XyzToRgb>;

}  // namespace lumigrad::color
