// SPDX-License-Identifier: Apache-2.0
// The catalogue rows of this area.
#pragma once
#include <lumigrad/engine/catalogue.h>

namespace lumigrad {

const std::vector<Operator>& loss_operators();
/// The part of them that stands in similarity.h.
std::vector<Operator> similarity_rows();

}  // namespace lumigrad
