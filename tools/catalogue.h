// SPDX-License-Identifier: Apache-2.0
// All rows of the catalogue, joined. Only tools and tests do this; a program that links the library carries none.
#pragma once
#include <lumigrad/engine/catalogue.h>

namespace lumigrad {

/// Every row of every area, sorted by name.
const std::vector<const Operator*>& all_operators();

/// The row of that name, or null.
const Operator* find_operator(const std::string& name);

}  // namespace lumigrad
