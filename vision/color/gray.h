// SPDX-License-Identifier: Apache-2.0
// Grey levels of colours, as formulas.
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad::color {

/// The luma of ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B.
template <class V>
LUMIGRAD_HD V luma(const V& r, const V& g, const V& b) {
  return fma(r, V(0.299), fma(g, V(0.587), b * V(0.114)));
}

struct Grayscale {
  template <class V>
  LUMIGRAD_HD V operator()(V r, V g, V b) const {
    return luma(r, g, b);
  }
};

/// Weights chosen by the caller: p[0] R + p[1] G + p[2] B.
struct WeightedGrayscale {
  template <class V>
  LUMIGRAD_HD V operator()(V r, V g, V b, Params<V, 3> p) const {
    return fma(r, p[0], fma(g, p[1], b * p[2]));
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using GrayFormulas = FormulaList<Grayscale, WeightedGrayscale>;

}  // namespace lumigrad::color
