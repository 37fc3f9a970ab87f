// SPDX-License-Identifier: Apache-2.0
// Rows of numbers on their way into the memory of another program.
#pragma once
#include <lumigrad/vision/image_io/pixels.h>
#include <vector>

namespace lumigrad {

class PixelWriter {
 public:
  /// Throws ShapeError, in the name of image_to, unless an image of these extents fits that memory.
  PixelWriter(std::int64_t channels, std::int64_t height, std::int64_t width, void* pixels, std::int64_t row_bytes,
              PixelFormat format);
  /// Pixels (x ... x + count - 1, y), one pointer a channel.
  void put(std::int64_t y, std::int64_t x, std::int64_t count, const float* const* lines) const;

 private:
  std::int64_t channels_, row_bytes_;
  std::byte* pixels_;
  PixelFormat format_;
  std::vector<float> opaque_;
};

}  // namespace lumigrad
