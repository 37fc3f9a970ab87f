// SPDX-License-Identifier: Apache-2.0
// Pairs too large to be held as planes: a small version of both, then tiles at full size.
#pragma once
#include <lumigrad/vision/registration/alignment.h>

#include <functional>

namespace lumigrad::registration {

/// Half-open, in pixels.
struct Box {
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

/// An image that is asked for in parts: `window` gives the grey levels of a box that lies within it. Any thread may
/// call it.
struct LargeImage {
  int height = 0, width = 0;
  std::function<Plane(Box)> window;
};

/// How often to halve two images until they are cheap to align as a whole; 0 for all but large ones.
int halvings_for(int fixed_height, int fixed_width, int moving_height, int moving_width);

/// What `halved` would make of the image when applied so often, a band of rows at a time.
Plane reduced(const LargeImage& image, int halvings);

/// Aligns the reduced images, then refines the motion on tiles of full size. `halvings` is at least one.
Alignment align_large(const LargeImage& fixed, const LargeImage& moving, Plane fixed_reduced, Plane moving_reduced,
                      int halvings, const AlignmentOptions& options);

}  // namespace lumigrad::registration
