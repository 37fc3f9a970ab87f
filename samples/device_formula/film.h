// SPDX-License-Identifier: Apache-2.0
// A formula of this program: the response of film. Light x, exposed by e, darkens as x e / (x e + k).
#pragma once
#include <lumigrad/engine/formula.h>

namespace sample {

LUMIGRAD_WORDS;

/// Parameters: the exposure e, and the knee k where the response bends.
struct Film {
  template <class V>
  LUMIGRAD_HD V operator()(V x, lumigrad::Params<V, 2> p) const {
    const V light = max(x, V(0)) * p[0];
    return light / (light + p[1]);
  }
};

}  // namespace sample
