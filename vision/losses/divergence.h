// SPDX-License-Identifier: Apache-2.0
// Terms of losses on probabilities, as formulas. 0 log 0 is 0, with slope 0.
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad::losses {

/// p (log p - log q)
template <class V>
LUMIGRAD_HD V relative_entropy(const V& p, const V& q) {
  const auto some = p > V(0);
  return select(some, p * (log(select(some, p, V(1))) - log(select(some, q, V(1)))), V(0));
}

/// Kullback and Leibler: target (log target - log prediction).
struct KullbackLeibler {
  template <class V>
  LUMIGRAD_HD V operator()(V prediction, V target) const {
    return relative_entropy(target, prediction);
  }
};

/// Jensen and Shannon: half the divergence of each from their mean.
struct JensenShannon {
  template <class V>
  LUMIGRAD_HD V operator()(V prediction, V target) const {
    const V middle = (prediction + target) * V(0.5);
    return (relative_entropy(target, middle) + relative_entropy(prediction, middle)) * V(0.5);
  }
};

/// |a - b| e^-c: a step in inverse depth counts less where the image has one too.
struct EdgeAware {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b, V c) const {
    return abs(a - b) * exp(-c);
  }
};

/// The same beside an image of three colours at the two pixels: c is the mean of their differences.
struct EdgeAwareColors {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b, V red_a, V green_a, V blue_a, V red_b, V green_b, V blue_b) const {
    return EdgeAware()(a, b, (abs(red_a - red_b) + abs(green_a - green_b) + abs(blue_a - blue_b)) * V(1.0 / 3));
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using DivergenceFormulas = FormulaList<KullbackLeibler, JensenShannon, EdgeAware, EdgeAwareColors>;

}  // namespace lumigrad::losses
