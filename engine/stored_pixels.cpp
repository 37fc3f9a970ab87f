// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/stored_pixels.h>

#include <lumigrad/engine/copy.h>
#include <lumigrad/engine/cpu/pixel_rows.h>
#include <lumigrad/engine/parallel.h>
#include <algorithm>
#include <cstdlib>

namespace lumigrad {
namespace {

constexpr std::int64_t pixels_a_job = 65536;

void load_picture(const StoredPicture& p, float* to) {
  const std::int64_t area = p.height * p.width,
                     rows = std::max<std::int64_t>(1, pixels_a_job / std::max<std::int64_t>(p.width, 1));
  parallel_for((p.height + rows - 1) / rows,
               [&](std::int64_t job) {
                 for (std::int64_t y = job * rows; y < std::min(p.height, (job + 1) * rows); ++y) {
                   load_row(p, y, 0, p.width, [&](std::int64_t c) { return to + c * area + y * p.width; });
                 }
               },
               static_cast<double>(rows * p.width * p.channels) * 0.0002);
}

}  // namespace

StoredPicture stored_picture(const Tensor& image, std::int64_t offset) {
  StoredPicture p;
  const int rank = image.rank();
  const auto step = [&](int axis) { return image.strides()[static_cast<std::size_t>(axis)]; };
  p.dtype = image.dtype();
  p.data = image.bytes() + offset * static_cast<std::int64_t>(size_of(p.dtype));
  p.channels = rank >= 3 ? image.size(rank - 3) : 1;
  p.height = rank >= 2 ? image.size(rank - 2) : 1;
  p.width = rank >= 1 ? image.size(rank - 1) : 1;
  p.channel_step = rank >= 3 ? step(rank - 3) : 0;
  p.row_step = rank >= 2 ? step(rank - 2) : 0;
  p.column_step = rank >= 1 ? step(rank - 1) : 1;
  return p;
}

int interleaved_channels(DType dtype, std::int64_t channels, std::int64_t channel_step, std::int64_t column_step) {
  if (largest_of(dtype) == 1 || std::abs(channel_step) != 1 || (channels != 3 && channels != 4)) return 0;
  const bool fits = column_step == channels || (channels == 3 && column_step == 4);
  return fits ? static_cast<int>(column_step) : 0;
}

void load_pixels(const std::byte* first, DType dtype, int channels, std::int64_t channel_step, int column_step,
                 std::int64_t count, float* const* to) {
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  // Channels backwards in memory (BGR) only exchange where the planes go.
  const bool backwards = channel_step < 0, passed_over = column_step != channels;
  float* planes[4] = {};
  for (int c = 0; c < channels; ++c) planes[backwards ? channels - 1 - c : c] = to[c];
  const std::byte* from = first - (backwards ? (channels - 1) * size : 0);
  // Where a fourth number is passed over, that of the last pixel may not be there: it is left to the end.
  const std::int64_t many = passed_over && count > 0 ? count - 1 : count;
  const PixelRows& kernels = pixel_rows();
  if (dtype == DType::u8) {
    kernels.planes_from_bytes(reinterpret_cast<const std::uint8_t*>(from), column_step, planes,
                              static_cast<std::size_t>(many));
  } else {
    kernels.planes_from_words(reinterpret_cast<const std::uint16_t*>(from), column_step, planes,
                              static_cast<std::size_t>(many));
  }
  if (many == count) return;
  for (int c = 0; c < channels; ++c)
    load_channel(first + (many * column_step + c * channel_step) * size, dtype, column_step, 1, to[c] + many);
}

void load_channel(const std::byte* first, DType dtype, std::int64_t stride, std::int64_t count, float* to) {
  const PixelRows& kernels = pixel_rows();
  const auto n = static_cast<std::size_t>(count);
  if (stride == 1 && dtype == DType::u8) {
    kernels.planes_from_bytes(reinterpret_cast<const std::uint8_t*>(first), 1, &to, n);
  } else if (stride == 1 && dtype == DType::u16) {
    kernels.planes_from_words(reinterpret_cast<const std::uint16_t*>(first), 1, &to, n);
  } else {
    load_elements(first, dtype, stride, count, 1, to);
    const auto largest = static_cast<float>(largest_of(dtype));
    if (largest != 1)
      for (std::int64_t i = 0; i < count; ++i) to[i] /= largest;
  }
}

Tensor numbers_of_pixels(const Tensor& image) {
  Tensor result = Tensor::empty(image.shape(), DType::f32);
  if (result.numel() == 0) return result;
  const int outer_rank = std::max(image.rank() - 3, 0);
  std::int64_t pictures = 1;
  for (int i = 0; i < outer_rank; ++i) pictures *= image.size(i);
  const std::int64_t size = result.numel() / pictures;
  float* to = result.mutable_data<float>();
  for (std::int64_t n = 0; n < pictures; ++n) {
    std::int64_t offset = 0, index = n;
    for (int i = outer_rank - 1; i >= 0; --i) {
      offset += index % image.size(i) * image.strides()[static_cast<std::size_t>(i)];
      index /= image.size(i);
    }
    load_picture(stored_picture(image, offset), to + n * size);
  }
  return result;
}

}  // namespace lumigrad
