// SPDX-License-Identifier: Apache-2.0
// A gamma that the formula carries would be invisible to the gradients.
// says: a formula has no data members; run-time numbers are parameters
#include <lumigrad/engine/formula.h>

struct Gamma {
  template <class V>
  LUMIGRAD_HD V operator()(V x, lumigrad::Params<V, 1> p) const {
    return pow(x, p[0]);
  }
#ifdef MISTAKE
  float gamma = 2.2f;
#endif
};

static_assert(lumigrad::params_of<Gamma> == 1);
