// SPDX-License-Identifier: Apache-2.0
// The arithmetic of warps: how pixels around a position are weighed, and where a homography puts a position.
//
// An interpolation is a list of weights w_k(t) for the K pixels around a position x, t being the fraction of x between
// two pixel centres. Slopes and curvatures of an interpolated image are sums with w_k'(t) and w_k''(t), which dual
// numbers supply; nobody writes them down.
#pragma once
#include <cstdint>

#include <lumigrad/engine/families/border.h>
#include <lumigrad/engine/formula.h>

namespace lumigrad {

/// Where a position comes from.
enum class MapKind : std::uint8_t { affine, homography, grid };

/// The index of the pixel that stands at index i of an axis with n pixels, or -1 where there is none. (On a device a
/// division of 64 bits costs several times one of 32.)
template <class Index>
LUMIGRAD_HD Index index_at_border(Index i, std::type_identity_t<Index> n, Border border) {
  if (i >= 0 && i < n) return i;
  if (n == 0 || border == Border::zeros) return -1;
  if (border == Border::border || n == 1) return i < 0 ? 0 : n - 1;
  const Index shared = border == Border::reflection ? 1 : 0;
  const Index period = border == Border::circular ? n : 2 * (n - shared);
  i %= period;
  if (i < 0) i += period;
  return i < n ? i : period - 1 + shared - i;
}

/// The one pixel itself.
struct NearestWeights {
  template <class V>
  LUMIGRAD_HD Pixel<V, 1> operator()(V) const {
    return {{V(1)}};
  }
};

/// The straight line between two pixels.
struct LinearWeights {
  template <class V>
  LUMIGRAD_HD Pixel<V, 2> operator()(V t) const {
    return {{1 - t, t}};
  }
};

/// Keys' cubic convolution over four pixels at -1, 0, 1, 2; p[0] is his a (-0.75 as in OpenCV and PyTorch, -0.5 for
/// third order accuracy). R. Keys, Cubic convolution interpolation for digital image processing, 1981, equation 4.
struct CubicWeights {
  template <class V>
  LUMIGRAD_HD Pixel<V, 4> operator()(V t, Params<V, 1> p) const {
    const V a = p[0], s = 1 - t;
    return {{a * t * s * s,  // a (u^3 - 5 u^2 + 8 u - 4) at u = 1 + t
             ((a + 2) * t - (a + 3)) * t * t + 1, ((a + 2) * s - (a + 3)) * s * s + 1, a * s * t * t}};
  }
};

template <class W>
inline constexpr int taps_of = outputs_of<W>;

/// The weights of W at t, or their first or second derivative.
template <class W, class V>
LUMIGRAD_HD void weights(const V& t, double cubic, int order, V (&w)[taps_of<W>]) {
  if (order == 0) {
    const V p[1] = {V(cubic)};
    const auto r = forward<W>(&t, p);
    for (int k = 0; k < taps_of<W>; ++k) w[k] = r[k];
  } else if (order == 1) {
    using D = Dual<V, 1>;
    const D x = D::variable(t, 0), p[1] = {D::constant(V(cubic))};
    const auto r = forward<W>(&x, p);
    for (int k = 0; k < taps_of<W>; ++k) w[k] = r[k].tangent[0];
  } else {
    using D = Dual<V, 1>;
    using DD = Dual<D, 1>;
    DD x, p[1] = {DD::constant(D::constant(V(cubic)))};
    x.value = D::variable(t, 0);
    x.tangent[0] = D::constant(V(1));
    const auto r = forward<W>(&x, p);
    for (int k = 0; k < taps_of<W>; ++k) w[k] = r[k].tangent[0].tangent[0];
  }
}

/// From homogeneous to plain coordinates: (a, b, w) -> (a / w, b / w).
struct Projection {
  template <class V>
  LUMIGRAD_HD Pixel<V, 2> operator()(V a, V b, V w) const {
    const V r = 1 / w;
    return {{a * r, b * r}};
  }
};

/// The same in space: (a, b, c, w) -> (a / w, b / w, c / w).
struct SpatialProjection {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V a, V b, V c, V w) const {
    const V r = 1 / w;
    return {{a * r, b * r, c * r}};
  }
};

}  // namespace lumigrad
