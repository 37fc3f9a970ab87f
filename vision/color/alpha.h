// SPDX-License-Identifier: Apache-2.0
// Opacity, and numbers coded for display, as formulas.
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad::color {

/// One opacity p[0] for a whole image.
struct AppendAlpha {
  template <class V>
  LUMIGRAD_HD Pixel<V, 4> operator()(V r, V g, V b, Params<V, 1> p) const {
    return {{r, g, b, p[0] + V(0)}};
  }
};

/// An opacity for each pixel.
struct AppendAlphaPlane {
  template <class V>
  LUMIGRAD_HD Pixel<V, 4> operator()(V r, V g, V b, V a) const {
    return {{r, g, b, a}};
  }
};

/// What shows in front of a plain background p: a c + (1 - a) p.
struct OverColor {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b, V a, Params<V, 3> p) const {
    return {{fma(a, r - p[0], p[0]), fma(a, g - p[1], p[1]), fma(a, b - p[2], p[2])}};
  }
};

/// What shows in front of another image.
struct OverImage {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b, V a, V behind_r, V behind_g, V behind_b) const {
    return {{fma(a, r - behind_r, behind_r), fma(a, g - behind_g, behind_g), fma(a, b - behind_b, behind_b)}};
  }
};

/// 255 x, limited to [0, 255].
struct ToRgb255 {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return clamp(255 * x, V(0), V(255));
  }
};

struct FromRgb255 {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return x * V(1.0 / 255);
  }
};

/// Components of a unit vector, in [-1, 1], coded in 0 ... 255.
struct NormalsToRgb255 {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return 255 * clamp(fma(x, V(0.5), V(0.5)), V(0), V(1));
  }
};

/// The way back, made a unit vector again. A code without direction (all 127.5) becomes 0, slope 0.
struct Rgb255ToNormals {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b) const {
    const V middle(127.5), unit(2.0 / 255);  // exactly 0 at the middle, with and without fused arithmetic
    const V x = (r - middle) * unit, y = (g - middle) * unit, z = (b - middle) * unit;
    const V square = fma(x, x, fma(y, y, z * z));
    const V scale = select(square == V(0), V(0), 1 / sqrt(select(square == V(0), V(1), square)));
    return {{x * scale, y * scale, z * scale}};
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using AlphaFormulas = FormulaList<AppendAlpha, AppendAlphaPlane, OverColor, OverImage, ToRgb255, FromRgb255,
                                  NormalsToRgb255, Rgb255ToNormals>;

}  // namespace lumigrad::color
