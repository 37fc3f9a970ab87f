// SPDX-License-Identifier: Apache-2.0
// The catalogue rows of the engine's own operators, "engine.add" and so on (see catalogue.h).
#pragma once
#include <lumigrad/engine/catalogue.h>

namespace lumigrad {

const std::vector<Operator>& engine_operators();

}  // namespace lumigrad
