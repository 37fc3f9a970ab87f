// SPDX-License-Identifier: Apache-2.0
// A formula maps pixels: it has at least one input.
// says: a formula takes 1 to 12 inputs of type V
#include <lumigrad/engine/formula.h>

struct Constant {
  template <class V>
#ifdef MISTAKE
  LUMIGRAD_HD V operator()(lumigrad::Params<V, 1> p) const {
    return p[0];
  }
#else
  LUMIGRAD_HD V operator()(V x, lumigrad::Params<V, 1> p) const {
    return x + p[0];
  }
#endif
};

static_assert(lumigrad::inputs_of<Constant> == 1);
