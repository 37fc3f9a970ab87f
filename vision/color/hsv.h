// SPDX-License-Identifier: Apache-2.0
// The hexagonal cone: hue, saturation and value of a colour, and back.
//
// Seen along its grey diagonal the RGB cube is a hexagon. Value is the largest channel, chroma how far the smallest
// lies below it, and hue runs around the hexagon, one unit a side, starting at red:
//
//     largest R:  (G - B) / chroma          largest G:  (B - R) / chroma + 2          largest B:  (R - G) / chroma + 4
//
// A grey pixel has no hue; it gets 0, and slope 0, so that nothing is divided by a vanishing chroma. Where two channels
// are largest together the first in the order R, G, B counts as the largest.
// A. R. Smith, Color gamut transform pairs, SIGGRAPH 1978.
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad::color {

/// A colour around the hexagon: hue in units of its sides, in [0, 6).
template <class V>
struct Hexagon {
  V side, chroma, largest;
};

template <class V>
LUMIGRAD_HD Hexagon<V> hexagon(const V& r, const V& g, const V& b) {
  const V largest = max(max(r, g), b);
  const V chroma = largest - min(min(r, g), b);
  const auto red = r == largest, green = g == largest, grey = chroma == V(0);
  const V difference = select(red, g - b, select(green, b - r, r - g));
  const V start = select(red, select(g < b, V(6), V(0)), select(green, V(2), V(4)));
  const V side = difference / select(grey, V(1), chroma) + start;
  return {select(grey, V(0), side), chroma, largest};
}

/// How far a channel lies below the largest, in units of the chroma. `start` is 5 for R, 3 for G, 1 for B. The hue may
/// be any number; it is taken modulo 6.
template <class V>
LUMIGRAD_HD V below(const V& side, int start) {
  const V turn = side + V(start);
  const V k = fma(floor(turn * V(1.0 / 6)), V(-6), turn);
  return clamp(min(k, 4 - k), V(0), V(1));
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
    const V side = h * V(3 / pi), chroma = v * s;
    return {{v - chroma * below(side, 5), v - chroma * below(side, 3), v - chroma * below(side, 1)}};
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using HsvFormulas = FormulaList<RgbToHsv, HsvToRgb>;

}  // namespace lumigrad::color
