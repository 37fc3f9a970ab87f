// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/pixel_rows.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/stored_pixels.h>
#include <lumigrad/vision/image_io/pixel_writer.h>

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

PixelWriter::PixelWriter(std::int64_t channels, std::int64_t height, std::int64_t width, void* pixels,
                         std::int64_t row_bytes, PixelFormat format)
    : channels_(channels), row_bytes_(row_bytes), pixels_(static_cast<std::byte*>(pixels)), format_(format) {
  const int count = pixel_channels(format);
  const DType dtype = pixel_dtype(format);
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  require<ShapeError>(channels >= 1 && channels <= 4 && (count != 1 || channels <= 2), "image_to: expected ",
                      count == 1 ? "1 or 2" : "1 to 4", " channels, got ", channels);
  require<ShapeError>(row_bytes % size == 0, "image_to: expected rows of whole elements, got ", row_bytes, " bytes of ",
                      dtype);
  require<ShapeError>(height <= 1 || std::abs(row_bytes) >= width * count * size,
                      "image_to: expected rows of at least ", width * count * size, " bytes, got ", row_bytes);
  require<ShapeError>(channels * height * width == 0 || pixels != nullptr, "image_to: expected memory, got null");
  if (count == 4 && channels % 2 == 1) opaque_.assign(static_cast<std::size_t>(width), 1.0f);
}

void PixelWriter::put(std::int64_t y, std::int64_t x, std::int64_t count, const float* const* lines) const {
  const int channels = pixel_channels(format_);
  const float* alpha = channels_ % 2 == 0 ? lines[channels_ - 1] : opaque_.data();
  const bool grey = channels_ <= 2;
  const float* order[4] = {lines[0], grey ? lines[0] : lines[1], grey ? lines[0] : lines[2], alpha};
  if (is_bgr(format_)) std::swap(order[0], order[2]);
  const DType dtype = pixel_dtype(format_);
  std::byte* to = pixels_ + y * row_bytes_ + x * channels * static_cast<std::int64_t>(size_of(dtype));
  const auto n = static_cast<std::size_t>(count);
  if (dtype == DType::u8) {
    pixel_rows().bytes_from_planes(order, channels, reinterpret_cast<std::uint8_t*>(to), n);
  } else if (dtype == DType::u16) {
    pixel_rows().words_from_planes(order, channels, reinterpret_cast<std::uint16_t*>(to), n);
  } else {
    auto* out = reinterpret_cast<float*>(to);
    for (std::size_t i = 0; i < n; ++i)
      for (int c = 0; c < channels; ++c) *out++ = order[c][i];
  }
}

void image_to(const Tensor& image, void* pixels, std::int64_t row_bytes, PixelFormat format) {
  const int rank = image.rank();
  require<ShapeError>(rank == 2 || rank == 3 || (rank == 4 && image.size(0) == 1),
                      "image_to: expected shape [C, H, W], [1, C, H, W] or [H, W], got ", image.shape());
  const StoredPicture p = stored_picture(image, 0);
  const PixelWriter writer(p.channels, p.height, p.width, pixels, row_bytes, format);
  if (image.numel() == 0) return;

  const bool in_place = p.dtype == DType::f32 && p.column_step == 1;
  const auto width = static_cast<std::size_t>(p.width);
  const std::int64_t rows = rows_at_once(p.width);
  const auto run = [&](std::int64_t chunk) {
    std::vector<float> staged(in_place ? 0 : static_cast<std::size_t>(p.channels) * width);
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
      writer.put(y, 0, p.width, lines);
    }
  };
  parallel_for((p.height + rows - 1) / rows, run,
               static_cast<double>(rows * p.width * pixel_channels(format)) * 0.0005);
}

}  // namespace lumigrad
