// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/vision/image_io/pixel_rows.h>

namespace lumigrad {

namespace baseline {
extern const PixelRows pixel_rows;
}
#if defined(__x86_64__)
namespace v3 {
extern const PixelRows pixel_rows;
}
namespace v4 {
extern const PixelRows pixel_rows;
}
#endif

const PixelRows& pixel_rows() {
#if defined(__x86_64__)
  if (simd_level() == Level::v4) return v4::pixel_rows;
  if (simd_level() == Level::v3) return v3::pixel_rows;
#endif
  return baseline::pixel_rows;
}

}  // namespace lumigrad
