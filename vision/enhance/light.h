// SPDX-License-Identifier: Apache-2.0
// Brightness, contrast and curves of single values, as formulas. `clip` limits results to [0, 1].
#pragma once
#include <lumigrad/engine/formula.h>

namespace lumigrad::enhance {

template <bool clip, class V>
LUMIGRAD_HD V shown(const V& x) {
  if constexpr (clip) {
    return clamp(x, V(0), V(1));
  } else {
    return x;
  }
}

/// x + p[0]
template <bool clip>
struct Shift {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 1> p) const {
    return shown<clip>(x + p[0]);
  }
};

/// p[0] x
template <bool clip>
struct Scale {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 1> p) const {
    return shown<clip>(x * p[0]);
  }
};

/// Away from (p[0] > 1) or towards the level p[1], limited to [0, 1].
struct ScaleAbout {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 2> p) const {
    return shown<true>(fma(x - p[1], p[0], p[1]));
  }
};

/// gain x^gamma limited to [0, 1]; p = gamma, gain.
struct Gamma {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 2> p) const {
    return shown<true>(pow(x, p[0]) * p[1]);
  }
};

/// p[0] log2(1 + x)
template <bool clip>
struct Logarithm {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 1> p) const {
    return shown<clip>(log(1 + x) * (p[0] * V(1.4426950408889634)));
  }
};

/// p[0] (2^x - 1)
template <bool clip>
struct Exponential {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 1> p) const {
    return shown<clip>((exp(x * V(0.6931471805599453)) - 1) * p[0]);
  }
};

/// The logistic curve 1 / (1 + e^(gain (cutoff - x))), or one minus it; p = cutoff, gain.
template <bool inverse>
struct Sigmoid {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 2> p) const {
    const V slope = inverse ? -p[1] : p[1];
    return 1 / (1 + exp(slope * (p[0] - x)));
  }
};

/// p[0] - x
struct Invert {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 1> p) const {
    return p[0] - x;
  }
};

/// Values from the threshold p[0] on become 1 - x.
struct Solarize {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 1> p) const {
    return select(x < p[0], x, 1 - x);
  }
};

/// The same after adding p[1] and limiting to [0, 1].
struct SolarizeAdd {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 2> p) const {
    const V y = shown<true>(x + p[1]);
    return select(y < p[0], y, 1 - y);
  }
};

/// floor(255 x) rounded down to a multiple of the step p[0] = 2^(8 - bits), over 255; a step of 1 keeps x as it is.
struct Posterize {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 1> p) const {
    return select(p[0] == V(1), x, floor(floor(255 * x) / p[0]) * p[0] * V(1.0 / 255));
  }
};

/// What becomes of values above the threshold p[0], and of the others; p[1] is the new level.
enum class ThresholdRule { binary, binary_inverse, truncate, to_zero, to_zero_inverse };
template <ThresholdRule rule>
struct Threshold {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 2> p) const {
    const auto above = x > p[0];
    if constexpr (rule == ThresholdRule::binary) return select(above, p[1], V(0));
    if constexpr (rule == ThresholdRule::binary_inverse) return select(above, V(0), p[1]);
    if constexpr (rule == ThresholdRule::truncate) return select(above, p[0], x);
    if constexpr (rule == ThresholdRule::to_zero) return select(above, x, V(0));
    if constexpr (rule == ThresholdRule::to_zero_inverse) return select(above, V(0), x);
  }
};

/// p[0] a + p[1] b + p[2]
struct AddWeighted {
  template <class V>
  LUMIGRAD_HD V operator()(V a, V b, Params<V, 3> p) const {
    return fma(a, p[0], fma(b, p[1], p[2]));
  }
};

/// (x - p[0]) p[1]
struct Normalize {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 2> p) const {
    return (x - p[0]) * p[1];
  }
};

/// x p[1] + p[0]
struct Denormalize {
  template <class V>
  LUMIGRAD_HD V operator()(V x, Params<V, 2> p) const {
    return fma(x, p[1], p[0]);
  }
};

/// One shift a channel, limited to [0, 1].
struct ShiftRgb {
  template <class V>
  LUMIGRAD_HD Pixel<V, 3> operator()(V r, V g, V b, Params<V, 3> p) const {
    return {{shown<true>(r + p[0]), shown<true>(g + p[1]), shown<true>(b + p[2])}};
  }
};

/// The operators made of these, compiled at every level (formulas.h).
using LightFormulas =
    FormulaList<Shift<true>, Shift<false>, Scale<true>, Scale<false>, ScaleAbout, Gamma, Logarithm<true>,
                Logarithm<false>, Exponential<true>, Exponential<false>, Sigmoid<false>, Sigmoid<true>, Invert,
                Solarize, SolarizeAdd, Posterize, Threshold<ThresholdRule::binary>,
                Threshold<ThresholdRule::binary_inverse>, Threshold<ThresholdRule::truncate>,
                Threshold<ThresholdRule::to_zero>, Threshold<ThresholdRule::to_zero_inverse>, AddWeighted, Normalize,
                Denormalize, ShiftRgb>;

}  // namespace lumigrad::enhance
