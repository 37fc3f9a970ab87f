// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <lumigrad/engine/error.h>

namespace lumigrad {

/// The version of the library that is linked, "major.minor.patch".
LUMIGRAD_API const char* version() noexcept;

}  // namespace lumigrad
