// SPDX-License-Identifier: Apache-2.0
// Wide dual numbers leave the registers.
// says: at most 8 directions per dual number
#include <lumigrad/engine/dual.h>

#ifdef MISTAKE
constexpr int directions = 9;
#else
constexpr int directions = 8;
#endif

static_assert(sizeof(lumigrad::Dual<float, directions>) > sizeof(float));
