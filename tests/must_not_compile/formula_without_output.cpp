// SPDX-License-Identifier: Apache-2.0
// A formula returns its results; it writes nowhere.
// says: a formula returns V or Pixel<V, M>
#include <lumigrad/engine/formula.h>

struct Square {
  template <class V>
#ifdef MISTAKE
  LUMIGRAD_HD void operator()(V x) const {
    x* x;
  }
#else
  LUMIGRAD_HD V operator()(V x) const {
    return x * x;
  }
#endif
};

static_assert(lumigrad::outputs_of<Square> == 1);
