// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/small_matrices.h>

namespace lumigrad {

LUMIGRAD_SMALL_MATRICES(, float)
LUMIGRAD_SMALL_MATRICES(, double)

}  // namespace lumigrad
