// SPDX-License-Identifier: Apache-2.0
// The double cone: hue, lightness (the middle between largest and smallest channel) and saturation of a colour.
// Hue as in hsv.h. G. H. Joblove, D. Greenberg, Color spaces for computer graphics, SIGGRAPH 1978.
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad::color {

/// Hue in radians, lightness, saturation = chroma / (the chroma that this lightness allows + p[0]).
struct RgbToHls {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b, Params<V, 1> p) const {
    const V top = largest(r, g, b), bottom = smallest(r, g, b);
    const V chroma = top - bottom, sum = top + bottom;
    const auto red = r == top, green = g == top, grey = chroma == V(0);
    const V difference = select(red, g - b, select(green, b - r, r - g));
    const V start = select(red, select(g < b, V(6), V(0)), select(green, V(2), V(4)));
    const V side = difference / (chroma + p[0]) + start;
    const V room = select(sum < V(1), sum, 2 - sum);
    return {{select(grey, V(0), side * V(pi / 3)), sum * V(0.5), select(grey, V(0), chroma / (room + p[0]))}};
  }
};

/// Each channel is l - s min(l, 1 - l) t, t the trapezoid clamp(min(k - 3, 9 - k), -1, 1) of k = start + 6 h / pi
/// mod 12.
struct HlsToRgb {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V h, V l, V s) const {
    const V turn = h * V(6 / pi), room = s * min(l, 1 - l);
    return {{l - room * trapezoid(turn), l - room * trapezoid(turn + V(8)), l - room * trapezoid(turn + V(4))}};
  }

 private:
  template <class V>
  static LUMIGRAD_HD V trapezoid(const V& turn) {
    const V k = fma(floor(turn * V(1.0 / 12)), V(-12), turn);
    return clamp(min(k - 3, 9 - k), V(-1), V(1));
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using HlsFormulas = FormulaList<RgbToHls, HlsToRgb>;

}  // namespace lumigrad::color
