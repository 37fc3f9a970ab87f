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

struct RgbToYuv {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b) const {
    return {{luma(r, g, b), mix(-0.147, r, -0.289, g, 0.436, b), mix(0.615, r, -0.515, g, -0.1, b)}};
  }
};

struct YuvToRgb {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V y, V u, V v) const {
    return {{fma(v, V(1.14), y), fma(u, V(-0.396), fma(v, V(-0.581), y)), fma(u, V(2.029), y)}};
  }
};

/// The mean of four neighbours: chroma at half the resolution.
struct Average4 {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b, V c, V d) const {
    return ((a + b) + (c + d)) * V(0.25);
  }
};

/// The mean of two neighbours.
struct Average2 {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b) const {
    return (a + b) * V(0.5);
  }
};

struct Sepia {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b) const {
    return {{mix(0.393, r, 0.769, g, 0.189, b), mix(0.349, r, 0.686, g, 0.168, b), mix(0.272, r, 0.534, g, 0.131, b)}};
  }
};

}  // namespace lumigrad::color
