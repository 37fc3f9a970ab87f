// SPDX-License-Identifier: Apache-2.0
// The catalogue rows of this area.
#pragma once
#include <lumigrad/engine/catalogue.h>

namespace lumigrad {

const std::vector<Operator>& enhance_operators();
/// The part of them that adds, weighs and shifts.
std::vector<Operator> enhance_arithmetic_rows();

}  // namespace lumigrad
