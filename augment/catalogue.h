// SPDX-License-Identifier: Apache-2.0
// The catalogue rows of this room: every augmentation of the registry applied under given numbers, "augment.rotate" and
// so on. Each row is made from its registry entry alone.
#pragma once
#include <lumigrad/engine/catalogue.h>

namespace lumigrad {

const std::vector<Operator>& augment_operators();

}  // namespace lumigrad
