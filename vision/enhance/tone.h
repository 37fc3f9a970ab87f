// SPDX-License-Identifier: Apache-2.0
// Saturation and hue, and both with brightness and contrast in one pass, as formulas.
//
// In the hexagonal cone (vision/color/hsv.h) a channel c lies (v - c) below the largest channel v. Saturation is chroma
// over v, so scaling saturation scales every (v - c) by the same factor: no hue is needed. Turning the hue keeps v and
// the chroma and moves the colour around the hexagon, piecewise linearly. Turning about the grey axis of the RGB cube
// is its smooth relative: the same for a third of a turn, and linear in the colour.
#pragma once
#include <lumigrad/vision/color/gray.h>
#include <lumigrad/vision/color/hsv.h>
#include <lumigrad/vision/enhance/light.h>

namespace lumigrad::enhance {

/// Keeps the quotient of saturation defined for black.
inline constexpr double saturation_eps = 1e-8;

/// Saturation of the hexagonal cone times p[0], limited to [0, 1]. For grey the slope is the limit: p[0] (v - c).
struct Saturate {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b, Params<V, 1> p) const {
    const V v = largest(r, g, b), chroma = v - smallest(r, g, b);
    const auto grey = chroma == V(0);
    const V s = clamp(chroma / (v + V(saturation_eps)) * p[0], V(0), V(1));
    const V factor = select(grey, p[0] + V(0), v * s / select(grey, V(1), chroma));
    return {{fma(r - v, factor, v), fma(g - v, factor, v), fma(b - v, factor, v)}};
  }
};

/// Away from (p[0] > 1) or towards the pixel's own grey level, limited to [0, 1].
struct SaturateAboutGray {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b, Params<V, 1> p) const {
    const V y = color::luma(r, g, b);
    return {{shown<true>(fma(r - y, p[0], y)), shown<true>(fma(g - y, p[0], y)), shown<true>(fma(b - y, p[0], y))}};
  }
};

/// The hue of the hexagonal cone turned by `sides` of the hexagon, chroma times `keep`.
template <class V>
LUMIGRAD_HD Pixel<V, 3> turned(const V& r, const V& g, const V& b, const V& sides, const V& eps) {
  const color::Hexagon<V> c = color::hexagon(r, g, b);
  const Pixel<V, 3> down = color::below(c.side + sides);
  const V chroma = c.largest * (c.chroma / (c.largest + eps));
  return {{c.largest - chroma * down[0], c.largest - chroma * down[1], c.largest - chroma * down[2]}};
}

/// Hue plus p[0] radians.
struct TurnHue {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b, Params<V, 1> p) const {
    return turned(r, g, b, p[0] * V(3 / pi), V(saturation_eps));
  }
};

/// A colour already in the hexagonal cone: hue plus p[0], kept in (-2 pi, 2 pi) with its sign. In f64 at the baseline
/// level, which fuses no product, some sums next to whole turns become 0 where fmod makes them nearly +-2 pi.
struct TurnHueRaw {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V h, V s, V v, Params<V, 1> p) const {
    const V turn = h + p[0], back = select(turn < V(0), V(2 * pi), V(-2 * pi));
    const V rest = fma(floor(abs(turn * V(0.5 / pi))), back, turn);
    // Where rounding made a turn of a little less than one, that was one too many: the sign tells.
    return {{select(rest * back > V(0), rest - back, rest), s + V(0), v + V(0)}};
  }
};

/// The same for saturation: s p[0] limited to [0, 1].
struct SaturateRaw {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V h, V s, V v, Params<V, 1> p) const {
    return {{h + V(0), shown<true>(s * p[0]), v + V(0)}};
  }
};

/// How a colour jitter turns hues.
enum class HueTurn {
  hexagon,  ///< exactly the hue of rgb_to_hsv: value and saturation stay, kinks at the six edges
  axis      ///< a rotation of the RGB cube about its grey axis: smooth, keeps R + G + B, then limited to [0, 1]
};

/// `factor` times x, when x is limited to [0, 1] before and the product after: the product's limits say both at once.
template <class V>
LUMIGRAD_HD V brightened(const V& x, const V& factor) {
  return min(max(x * factor, V(0)), clamp(factor, V(0), V(1)));
}

/// The grey level of a pixel of brightness p[0]: its mean is what the contrast of a jitter turns about.
struct BrightenedGrayscale {
  template <class V>
  LUMIGRAD_HD V operator()(V r, V g, V b, Params<V, 1> p) const {
    return color::luma(brightened(r, p[0]), brightened(g, p[0]), brightened(b, p[0]));
  }
};

/// Brightness p[0], contrast p[1] about the level p[2], saturation p[3] about the pixel's grey level, hue + p[4]
/// radians, in this order; the image and each result are limited to [0, 1].
template <HueTurn turn>
struct ColorJitter {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b, Params<V, 5> p) const {
    r = toned(r, p), g = toned(g, p), b = toned(b, p);
    const V grey = color::luma(r, g, b) * (1 - p[3]);
    r = shown<true>(fma(r, p[3], grey));
    g = shown<true>(fma(g, p[3], grey));
    b = shown<true>(fma(b, p[3], grey));
    if constexpr (turn == HueTurn::hexagon) {
      const color::Hexagon<V> c = color::hexagon(r, g, b);
      const Pixel<V, 3> down = color::below(c.side + p[4] * V(3 / pi));
      return {{c.largest - c.chroma * down[0], c.largest - c.chroma * down[1], c.largest - c.chroma * down[2]}};
    } else {
      // Rodrigues' formula about (1, 1, 1) / sqrt 3; its three numbers are the same for every pixel.
      const V cosine = cos(p[4]), across = sin(p[4]) * V(0.57735026918962576), mean = (1 - cosine) * V(1.0 / 3);
      const V own = cosine + mean, next = mean - across, last = mean + across;
      return {{shown<true>(fma(r, own, fma(g, next, b * last))), shown<true>(fma(g, own, fma(b, next, r * last))),
               shown<true>(fma(b, own, fma(r, next, g * last)))}};
    }
  }

 private:
  template <class V>
  static LUMIGRAD_HD V toned(const V& x, const Params<V, 5>& p) {
    return shown<true>(fma(brightened(x, p[0]), p[1], p[2] * (1 - p[1])));
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using ToneFormulas = FormulaList<Saturate, SaturateAboutGray, TurnHue, TurnHueRaw, SaturateRaw, BrightenedGrayscale,
                                 ColorJitter<HueTurn::hexagon>, ColorJitter<HueTurn::axis>>;

}  // namespace lumigrad::enhance
