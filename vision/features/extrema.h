// SPDX-License-Identifier: Apache-2.0
// Blobs: extrema of differences of Gaussians in place and size.
#pragma once
#include <lumigrad/vision/features/scale_space.h>

namespace lumigrad::features {

/// A blob before it has a direction, in pixels of its octave.
struct Blob {
  std::size_t octave = 0, layer = 0;  ///< layer: the Gaussian closest in width
  double x = 0, y = 0, width = 1;
  float response = 0;
};

/// Blobs of one octave, in the order of layers and rows.
void find_blobs(const std::vector<Octave>& octaves, std::size_t octave, const SiftOptions& options,
                std::vector<Blob>& found);

}  // namespace lumigrad::features
