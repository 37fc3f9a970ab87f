// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/copy.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/vision/image_io/pixel_rows.h>
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

// One picture of planes in memory of any layout, as to_float and image_to walk it.
struct Planes {
  const std::byte* data = nullptr;
  DType dtype = DType::f32;
  std::int64_t channels = 1, height = 0, width = 0;
  std::int64_t channel_step = 0, row_step = 0, column_step = 0;  // in elements

  const std::byte* row(std::int64_t c, std::int64_t y) const {
    return data + (c * channel_step + y * row_step) * static_cast<std::int64_t>(size_of(dtype));
  }
  double unit() const { return dtype == DType::u8 ? 255 : dtype == DType::u16 ? 65535 : 1; }
  void load_row(std::int64_t c, std::int64_t y, float* to) const {
    load_elements(row(c, y), dtype, column_step, width, 1, to);
    const auto whole = static_cast<float>(unit());
    if (whole != 1)
      for (std::int64_t x = 0; x < width; ++x) to[x] /= whole;
  }
};

// The last three axes of `image` from element `offset` on.
Planes planes_of(const Tensor& image, std::int64_t offset) {
  Planes p;
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

// How many numbers a pixel has in memory when its channels lie side by side there, or 0.
int interleaved(const Planes& p) {
  if (p.dtype != DType::u8 && p.dtype != DType::u16) return 0;
  if (std::abs(p.channel_step) != 1 || (p.channels != 3 && p.channels != 4)) return 0;
  const bool fits = p.column_step == p.channels || (p.channels == 3 && p.column_step == 4);
  return fits ? static_cast<int>(p.column_step) : 0;
}

void planes_from(const Planes& p, float* to) {
  const std::int64_t area = p.height * p.width;
  const PixelRows& kernels = pixel_rows();
  const int in_memory = interleaved(p);
  const bool lines = p.column_step == 1 && (p.dtype == DType::u8 || p.dtype == DType::u16);
  const std::int64_t rows = rows_at_once(p.width);
  const auto run = [&](std::int64_t chunk) {
    for (std::int64_t y = chunk * rows; y < std::min(p.height, (chunk + 1) * rows); ++y) {
      if (in_memory) {
        // Channels backwards in memory (BGR) only exchange where the planes go.
        const bool backwards = p.channel_step < 0;
        float* planes[4] = {};
        for (std::int64_t c = 0; c < p.channels; ++c)
          planes[backwards ? p.channels - 1 - c : c] = to + c * area + y * p.width;
        const std::byte* from = p.row(backwards ? p.channels - 1 : 0, y);
        // Where a fourth number is passed over, that of the last pixel may not be there: it is left to the end.
        const bool passed_over = in_memory != p.channels;
        const auto n = static_cast<std::size_t>(p.width - (passed_over && p.width > 0 ? 1 : 0));
        if (p.dtype == DType::u8)
          kernels.planes_from_bytes(reinterpret_cast<const std::uint8_t*>(from), in_memory, planes, n);
        else
          kernels.planes_from_words(reinterpret_cast<const std::uint16_t*>(from), in_memory, planes, n);
        if (!passed_over) continue;
        Planes last = p;
        last.data += static_cast<std::int64_t>(n) * p.column_step * static_cast<std::int64_t>(size_of(p.dtype));
        last.width = p.width - static_cast<std::int64_t>(n);
        for (std::int64_t c = 0; c < p.channels; ++c)
          last.load_row(c, y, to + c * area + y * p.width + static_cast<std::int64_t>(n));
        continue;
      }
      for (std::int64_t c = 0; c < p.channels; ++c) {
        float* line = to + c * area + y * p.width;
        const auto n = static_cast<std::size_t>(p.width);
        if (!lines)
          p.load_row(c, y, line);
        else if (p.dtype == DType::u8)
          kernels.planes_from_bytes(reinterpret_cast<const std::uint8_t*>(p.row(c, y)), 1, &line, n);
        else
          kernels.planes_from_words(reinterpret_cast<const std::uint16_t*>(p.row(c, y)), 1, &line, n);
      }
    }
  };
  parallel_for((p.height + rows - 1) / rows, run, static_cast<double>(rows * p.width * p.channels) * 0.0005);
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
  Tensor result = Tensor::empty(image.shape(), DType::f32);
  if (result.numel() == 0) return result;
  const int rank = image.rank(), outer_rank = std::max(rank - 3, 0);
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
    planes_from(planes_of(image, offset), to + n * size);
  }
  return result;
}

void image_to(const Tensor& image, void* pixels, std::int64_t row_bytes, PixelFormat format) {
  const int rank = image.rank();
  require<ShapeError>(rank == 2 || rank == 3 || (rank == 4 && image.size(0) == 1),
                      "image_to: expected shape [C, H, W], [1, C, H, W] or [H, W], got ", image.shape());
  const Planes p = planes_of(image, 0);
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
          p.load_row(c, y, line);
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
