// SPDX-License-Identifier: Apache-2.0
// Plane transformations as formulas of their parameters. Results are the six numbers of a 2x3 matrix, row by row.
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad::geometry {

/// Rotation by `angle` and scaling about a centre c: x -> R S (x - c) + c. With y pointing down, counter-clockwise as
/// displayed is R = [cos sin; -sin cos].
template <class V>
LUMIGRAD_HD Pixel<V, 6> rotation_about(const V& cx, const V& cy, const V& angle, const V& sx, const V& sy) {
  const V c = cos(angle), s = sin(angle);
  const V a = c * sx, b = s * sy, d = -(s * sx), e = c * sy;
  return {{a, b, cx - (a * cx + b * cy), d, e, cy - (d * cx + e * cy)}};
}

struct RotationMatrix {
  template <class V>
  LUMIGRAD_HD Pixel<V, 6> operator()(V cx, V cy, V angle, V sx, V sy) const {
    return rotation_about(cx, cy, angle, sx, sy);
  }
};

/// Shear about a centre by two angles: y first, x -> (x, y - tan(ky) x), then x, (x - tan(kx) y, y), centre fixed.
template <class V>
LUMIGRAD_HD Pixel<V, 6> shear_about(const V& cx, const V& cy, const V& kx, const V& ky) {
  const V p = sin(kx) / cos(kx), q = sin(ky) / cos(ky);
  return {{V(1), -p, p * cy, -q, 1 + p * q, q * (cx - p * cy)}};
}

struct ShearMatrix {
  template <class V>
  LUMIGRAD_HD Pixel<V, 6> operator()(V cx, V cy, V kx, V ky) const {
    return shear_about(cx, cy, kx, ky);
  }
};

/// Shear, then rotation and scale, all about c, then translation.
struct AffineMatrix {
  template <class V>
  LUMIGRAD_HD Pixel<V, 6> operator()(V tx, V ty, V cx, V cy, V sx, V sy, V angle, V kx, V ky) const {
    const Pixel<V, 6> r = rotation_about(cx, cy, angle, sx, sy), k = shear_about(cx, cy, kx, ky);
    return {{r[0] * k[0] + r[1] * k[3], r[0] * k[1] + r[1] * k[4], r[0] * k[2] + r[1] * k[5] + r[2] + tx,
             r[3] * k[0] + r[4] * k[3], r[3] * k[1] + r[4] * k[4], r[3] * k[2] + r[4] * k[5] + r[5] + ty}};
  }
};

/// The inverse of x -> A x + t: [A^-1, -A^-1 t], by cofactors. Exact for whole translations.
struct InvertAffine {
  template <class V>
  LUMIGRAD_HD Pixel<V, 6> operator()(V a, V b, V c, V d, V e, V f) const {
    const V r = 1 / (a * e - b * d);
    const V p = e * r, q = -(b * r), s = -(d * r), t = a * r;
    return {{p, q, -(p * c + q * f), s, t, -(s * c + t * f)}};
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using MatrixFormulas = FormulaList<RotationMatrix, ShearMatrix, AffineMatrix, InvertAffine>;

}  // namespace lumigrad::geometry
