// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/pixel_rows.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/stored_pixels.h>
#include <lumigrad/vision/image_io/pixels.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace lumigrad {

namespace {

// Rows handled at once by one thread: a matter of the width alone.
std::int64_t rows_at_once(std::int64_t width) {
  return std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(width, 1));
}

}  // namespace

Tensor image_from(const void* pixels, std::int64_t height, std::int64_t width, std::int64_t row_bytes,
                  PixelFormat format, std::shared_ptr<void> owner) {
  const int channels = pixel_channels(format);
  const DType dtype = pixel_dtype(format);
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  const Shape shape{is_bgr(format) ? 3 : channels, height, width};  // refuses what is negative or too large
  require<ShapeError>(row_bytes % size == 0, "image_from: expected rows of whole elements, got ", row_bytes,
                      " bytes of ", dtype);
  require<ShapeError>(height <= 1 || shape.numel() == 0 || std::abs(row_bytes) >= width * channels * size,
                      "image_from: expected rows of at least ", width * channels * size, " bytes, got ", row_bytes);
  Strides strides{};
  strides[0] = is_bgr(format) ? -1 : 1;
  strides[1] = row_bytes / size;
  strides[2] = channels;
  const auto view = [&]<class T>(const T* first) {
    return Tensor::view(first && is_bgr(format) ? first + 2 : first, shape, strides, std::move(owner));
  };
  if (dtype == DType::u8) return view(static_cast<const std::uint8_t*>(pixels));
  if (dtype == DType::u16) return view(static_cast<const std::uint16_t*>(pixels));
  return view(static_cast<const float*>(pixels));
}

Tensor to_float(const Tensor& image) {
  if (image.dtype() == DType::f32 && image.is_contiguous()) return image.detach();
  return numbers_of_pixels(image);
}

void image_to(const Tensor& image, void* pixels, std::int64_t row_bytes, PixelFormat format) {
  const int rank = image.rank();
  require<ShapeError>(rank == 2 || rank == 3 || (rank == 4 && image.size(0) == 1),
                      "image_to: expected shape [C, H, W], [1, C, H, W] or [H, W], got ", image.shape());
  const StoredPicture p = stored_picture(image, 0);
  const int channels = pixel_channels(format);
  const DType dtype = pixel_dtype(format);
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  require<ShapeError>(p.channels >= 1 && p.channels <= 4 && (channels != 1 || p.channels <= 2), "image_to: expected ",
                      channels == 1 ? "1 or 2" : "1 to 4", " channels, got ", p.channels);
  require<ShapeError>(row_bytes % size == 0, "image_to: expected rows of whole elements, got ", row_bytes, " bytes of ",
                      dtype);
  require<ShapeError>(p.height <= 1 || std::abs(row_bytes) >= p.width * channels * size,
                      "image_to: expected rows of at least ", p.width * channels * size, " bytes, got ", row_bytes);
  if (image.numel() == 0) return;
  require<ShapeError>(pixels != nullptr, "image_to: expected memory, got null");

  const bool has_alpha = p.channels % 2 == 0, in_place = p.dtype == DType::f32 && p.column_step == 1;
  const auto width = static_cast<std::size_t>(p.width);
  const std::int64_t rows = rows_at_once(p.width);
  const PixelRows& kernels = pixel_rows();
  const auto run = [&](std::int64_t chunk) {
    std::vector<float> staged(in_place ? 0 : static_cast<std::size_t>(p.channels) * width);
    const std::vector<float> opaque(channels == 4 && !has_alpha ? width : 0, 1.0f);
    for (std::int64_t y = chunk * rows; y < std::min(p.height, (chunk + 1) * rows); ++y) {
      const float* lines[4] = {};
      for (std::int64_t c = 0; c < p.channels; ++c) {
        if (in_place) {
          lines[c] = reinterpret_cast<const float*>(p.row(c, y));
        } else {
          float* line = staged.data() + static_cast<std::size_t>(c) * width;
          load_channel(p.row(c, y), p.dtype, p.column_step, p.width, line);
          lines[c] = line;
        }
      }
      const float* alpha = has_alpha ? lines[p.channels - 1] : opaque.data();
      const bool grey = p.channels <= 2;
      const float* order[4] = {lines[0], grey ? lines[0] : lines[1], grey ? lines[0] : lines[2], alpha};
      if (is_bgr(format)) std::swap(order[0], order[2]);
      std::byte* to = static_cast<std::byte*>(pixels) + y * row_bytes;
      if (dtype == DType::u8) {
        kernels.bytes_from_planes(order, channels, reinterpret_cast<std::uint8_t*>(to), width);
      } else if (dtype == DType::u16) {
        kernels.words_from_planes(order, channels, reinterpret_cast<std::uint16_t*>(to), width);
      } else {
        auto* out = reinterpret_cast<float*>(to);
        for (std::size_t x = 0; x < width; ++x)
          for (int c = 0; c < channels; ++c) *out++ = order[c][x];
      }
    }
  };
  parallel_for((p.height + rows - 1) / rows, run, static_cast<double>(rows * p.width * channels) * 0.0005);
}

}  // namespace lumigrad
