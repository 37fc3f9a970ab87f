// SPDX-License-Identifier: Apache-2.0
// Luma and two colour differences, as television and JPEG code them (ITU-R BT.601), and other matrices of colour.
#pragma once
#include <lumigrad/vision/color/gray.h>
#include <lumigrad/vision/color/linear.h>

namespace lumigrad::color {

/// Y, and the differences B - Y and R - Y scaled to about [-0.5, 0.5] and centred on 0.5.
struct RgbToYcbcr {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b) const {
    const V y = luma(r, g, b);
    return {{y, fma(b - y, V(0.564), V(0.5)), fma(r - y, V(0.713), V(0.5))}};
  }
};

/// The inverse, limited to [0, 1].
struct YcbcrToRgb {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V y, V cb, V cr) const {
    const V u = cb - V(0.5), v = cr - V(0.5);
    return {{clamp(fma(v, V(1.403), y), V(0), V(1)), clamp(fma(v, V(-0.714), fma(u, V(-0.344), y)), V(0), V(1)),
             clamp(fma(u, V(1.773), y), V(0), V(1))}};
  }
};

/// The colour differences alone.
struct RgbToUv {
  template <class V>
  LUMIGRAD_HD Pixel<V, 2> operator()(V r, V g, V b) const {
    return {{mix(-0.147, r, -0.289, g, 0.436, b), mix(0.615, r, -0.515, g, -0.1, b)}};
  }
};

struct RgbToYuv {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b) const {
    const Pixel<V, 2> uv = RgbToUv()(r, g, b);
    return {{luma(r, g, b), uv[0], uv[1]}};
  }
};

struct YuvToRgb {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V y, V u, V v) const {
    return {{fma(v, V(1.14), y), fma(u, V(-0.396), fma(v, V(-0.581), y)), fma(u, V(2.029), y)}};
  }
};

struct Sepia {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b) const {
    return {{mix(0.393, r, 0.769, g, 0.189, b), mix(0.349, r, 0.686, g, 0.168, b), mix(0.272, r, 0.534, g, 0.131, b)}};
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using VideoFormulas = FormulaList<RgbToYcbcr, YcbcrToRgb, RgbToYuv, RgbToUv, YuvToRgb, Sepia>;

}  // namespace lumigrad::color
