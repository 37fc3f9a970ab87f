// SPDX-License-Identifier: Apache-2.0
// Two views of one scene whose relation is known exactly.
#pragma once
#include <lumigrad/engine/tensor.h>
#include <lumigrad/vision/matrix3.h>

#include <string>
#include <vector>

namespace lumigrad::demo {

/// A fixed and a moving view [3, H, W] of one scene, as 8-bit cameras see them, and the motion between them.
struct Views {
  std::string name;
  Tensor fixed, moving;
  Matrix3 truth;  ///< fixed -> moving pixels
};

/// Renders both views from a photograph [C, H, W], at least 128 pixels a side. Each pixel of either view is the mean of
/// the cubically interpolated photograph over the pixel's own area, so that the truth is exact and no view is a
/// resampled copy of the other. The moving view sees the scene through a homography (8 % of the side at the corners),
/// in other light (gain, bias) and with noise of its own.
Views views_of(const std::string& name, const Tensor& photograph, std::uint64_t seed);

/// A textured scene [3, 512, 512] for machines without photographs: tiles, discs and fine grain.
Tensor painted_scene();

/// The files below `folder` whose stem is astronaut, coffee or chelsea, in this order; those that are there.
std::vector<std::string> photographs(const std::string& folder);

}  // namespace lumigrad::demo
