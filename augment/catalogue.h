// SPDX-License-Identifier: Apache-2.0
// The catalogue rows of this room: every augmentation of the registry applied under given numbers, "augment.rotate" and
// so on, each row made from its registry entry alone; and what annotations go through.
#pragma once
#include <lumigrad/engine/catalogue.h>

namespace lumigrad {

const std::vector<Operator>& augment_operators();

namespace augment {
/// Points, boxes and masks: catalogue_annotations.cpp.
std::vector<Operator> annotation_rows();
}  // namespace augment

}  // namespace lumigrad
