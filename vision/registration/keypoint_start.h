// SPDX-License-Identifier: Apache-2.0
// A start from matched keypoints: for little overlap and large changes of view.
#pragma once
#include <lumigrad/vision/registration/pyramid.h>

#include <optional>

namespace lumigrad::registration {

/// The full-size motion that matched keypoints agree on, within the model; none when too few do. `thorough` begins at
/// twice the size and keeps doubtful matches, at several times the cost.
std::optional<Matrix3> keypoint_start(const Pyramid& pyramid, Model model, bool thorough);

}  // namespace lumigrad::registration
