// SPDX-License-Identifier: Apache-2.0
// A branch on data has no vector form; select evaluates both sides and takes the tangent along.
// says: a formula may not branch on data; write select(condition, a, b)
#include <lumigrad/engine/recorded.h>

struct Positive {
  template <class V>
  LUMIGRAD_HD V operator()(V x) const {
#ifdef MISTAKE
    if (x < V(0)) return V(0);
    return x;
#else
    return select(x < V(0), V(0), x);
#endif
  }
};

static_assert(lumigrad::Recorded<Positive>::steps > 0);
