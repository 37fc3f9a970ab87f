// SPDX-License-Identifier: Apache-2.0
// Written for float alone, a formula has no vector form and no gradient.
// says: a formula needs  template <class V>
#include <lumigrad/engine/formula.h>

struct Twice {
#ifdef MISTAKE
  float operator()(float x) const { return 2 * x; }
#else
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
    return 2 * x;
  }
#endif
};

static_assert(lumigrad::inputs_of<Twice> == 1);
