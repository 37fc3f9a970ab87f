// SPDX-License-Identifier: Apache-2.0
// What a blob looks like: its main directions, and histograms of gradients around it.
#pragma once
#include <lumigrad/vision/features/extrema.h>

namespace lumigrad::features {

/// A direction in an octave's pixels, x right and y down.
struct Direction {
  double cosine = 1, sine = 0;
};

/// The strongest gradient direction around a blob and any others of at least 0.8 of its weight, three at most.
std::vector<Direction> main_directions(const Plane& gaussian, const Blob& blob);

/// descriptor_length numbers of length 1.
void describe(const Plane& gaussian, const Blob& blob, const Direction& direction, float* to);

}  // namespace lumigrad::features
