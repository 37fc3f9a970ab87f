// SPDX-License-Identifier: Apache-2.0
// Images as they are stored: bytes and 16-bit words, planes or channels side by side, and the numbers they stand for.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// What stored values of this type are shares of: 255, 65535, or 1 where they stand for themselves.
constexpr int largest_of(DType dtype) { return dtype == DType::u8 ? 255 : dtype == DType::u16 ? 65535 : 1; }

/// One picture in memory of any layout.
struct StoredPicture {
  const std::byte* data = nullptr;
  DType dtype = DType::f32;
  std::int64_t channels = 1, height = 0, width = 0;
  std::int64_t channel_step = 0, row_step = 0, column_step = 0;  ///< in elements

  const std::byte* row(std::int64_t c, std::int64_t y) const {
    return data + (c * channel_step + y * row_step) * static_cast<std::int64_t>(size_of(dtype));
  }
};

/// The last three axes of `image` (fewer: the others are 1) from element `offset` on.
StoredPicture stored_picture(const Tensor& image, std::int64_t offset);

/// How many elements lie from pixel to pixel where the channels of bytes or words are neighbours in memory, in either
/// order (R, G, B or B, G, R; a fourth may be passed over), else 0.
int interleaved_channels(DType dtype, std::int64_t channels, std::int64_t channel_step, std::int64_t column_step);
inline int interleaved_channels(const StoredPicture& p) {
  return interleaved_channels(p.dtype, p.channels, p.channel_step, p.column_step);
}

/// `count` pixels whose channels are neighbours: `first` is that of channel 0. to[c][i] = element / largest, correctly
/// rounded. Reads no byte behind the last pixel.
void load_pixels(const std::byte* first, DType dtype, int channels, std::int64_t channel_step, int column_step,
                 std::int64_t count, float* const* to);
/// One channel: `count` elements `stride` apart, over their largest value.
void load_channel(const std::byte* first, DType dtype, std::int64_t stride, std::int64_t count, float* to);

/// Pixels x ... x + count - 1 of row y: to(c) is where those of channel c go.
template <class To>
void load_row(const StoredPicture& p, std::int64_t y, std::int64_t x, std::int64_t count, const To& to) {
  const std::int64_t offset = x * p.column_step * static_cast<std::int64_t>(size_of(p.dtype));
  const int step = interleaved_channels(p);
  if (step == 0) {
    for (std::int64_t c = 0; c < p.channels; ++c)
      load_channel(p.row(c, y) + offset, p.dtype, p.column_step, count, to(c));
    return;
  }
  float* planes[4] = {};
  for (std::int64_t c = 0; c < p.channels; ++c) planes[c] = to(c);
  load_pixels(p.row(0, y) + offset, p.dtype, static_cast<int>(p.channels), p.channel_step, step, count, planes);
}

/// A dense f32 copy of what `image` (any dtype and layout) stands for; nothing is recorded.
Tensor numbers_of_pixels(const Tensor& image);

}  // namespace lumigrad
