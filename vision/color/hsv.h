// SPDX-License-Identifier: Apache-2.0
// The hexagonal cone: hue, saturation and value of a colour, and back.
//
// Seen along its grey diagonal the RGB cube is a hexagon. Value is the largest channel, chroma how far the smallest
// lies below it, and hue runs around the hexagon, one unit a side, starting at red:
//
//     largest R:  (G - B) / chroma          largest G:  (B - R) / chroma + 2          largest B:  (R - G) / chroma + 4
//
// A grey pixel has no hue; it gets 0, and slope 0, so that nothing is divided by a vanishing chroma. Where two channels
// are largest together, hue is read from the first of them in the order R, G, B (it is the same from either), and the
// slopes of value and chroma are shared out between them.
// A. R. Smith, Color gamut transform pairs, SIGGRAPH 1978.
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad::color {

/// A colour around the hexagon: hue in units of its sides, in [0, 6].
template <class V>
struct Hexagon {
  V side, chroma, largest;
};

template <class V>
LUMIGRAD_HD Hexagon<V> hexagon(const V& r, const V& g, const V& b) {
  const V top = largest(r, g, b), chroma = top - smallest(r, g, b);
  const auto red = r == top, green = g == top, grey = chroma == V(0);
  const V difference = select(red, g - b, select(green, b - r, r - g));
  const V start = select(red, select(g < b, V(6), V(0)), select(green, V(2), V(4)));
  const V side = difference / select(grey, V(1), chroma) + start;
  return {select(grey, V(0), side), chroma, top};
}

/// How far R, G and B lie below the largest channel, in units of the chroma, always in [0, 1], at a place around the
/// hexagon, which may be any number: it is taken modulo 6. Slopes at a corner are those of the side that begins there.
/// (Bytes have hues such as 2/5 of a side, which a turn by 3/5 takes to a corner: all three channels must agree on
/// which side that is.)
///
/// Just under a multiple of 6 the quotient is rounded up to a whole number, and s is a rounding below 0: the two limits
/// take it for the corner (slope 0), and keep in [0, 1] what is left of a place whose neighbours are sides away.
template <class V>
LUMIGRAD_HD Pixel<V, 3> below(const V& side) {
  const V s = fma(floor(side * V(1.0 / 6)), V(-6), side), none(0), all(1);
  return {{select(s < V(1), none, select(s < V(2), s - 1, select(s < V(4), all, select(s >= V(5), none, 5 - s)))),
           select(s < V(1), min(1 - s, all), select(s < V(3), none, select(s >= V(4), all, s - 3))),
           select(s < V(2), all, select(s < V(3), 3 - s, select(s < V(5), none, min(s - 5, all))))}};
}

/// Hue in radians [0, 2 pi], saturation = chroma / (value + p[0]), value.
struct RgbToHsv {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b, Params<V, 1> p) const {
    const Hexagon<V> c = hexagon(r, g, b);
    return {{c.side * V(pi / 3), c.chroma / (c.largest + p[0]), c.largest}};
  }
};

struct HsvToRgb {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V h, V s, V v) const {
    const Pixel<V, 3> down = below(h * V(3 / pi));
    const V chroma = v * s;
    return {{v - chroma * down[0], v - chroma * down[1], v - chroma * down[2]}};
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using HsvFormulas = FormulaList<RgbToHsv, HsvToRgb>;

}  // namespace lumigrad::color
