// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/version.h>

namespace lumigrad {

const char* version() noexcept { return LUMIGRAD_VERSION; }

}  // namespace lumigrad
