// SPDX-License-Identifier: Apache-2.0
// The extents of a stencil, as plain numbers.
#pragma once
#include <cstdint>

namespace lumigrad {

/// One axis of a stencil: result p meets the image at stride p - before + dilation k.
struct StencilAxis {
  std::int64_t in = 1, taps = 1, out = 1, stride = 1, before = 0, dilation = 1;
};
/// The extents of F(x, w, y): x [images, in, ..], w [out, in / groups, ..], y [images, out, ..]. Fewer than three axes
/// stand last.
struct Stencil {
  std::int64_t images = 1, in = 1, out = 1, groups = 1;
  StencilAxis axis[3];
};

}  // namespace lumigrad
