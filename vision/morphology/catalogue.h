// SPDX-License-Identifier: Apache-2.0
// The catalogue rows of this area.
#pragma once
#include <lumigrad/engine/catalogue.h>

namespace lumigrad {

const std::vector<Operator>& morphology_operators();

}  // namespace lumigrad
