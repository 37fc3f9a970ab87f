// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/patches.h>
#include <lumigrad/engine/stored_pixels.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/image_io/pixel_pass.h>
#include <lumigrad/vision/image_io/pixel_writer.h>
#include <algorithm>
#include <cstdlib>

namespace lumigrad {
namespace {

// Rows of memory: [first, first + bytes) of the lowest one, and so on.
struct Rows {
  std::intptr_t first;
  std::int64_t bytes, count, step;
  std::intptr_t end() const { return first + (count - 1) * step + bytes; }
};

bool overlap(const Rows& a, const Rows& b) {
  if (a.end() <= b.first || b.end() <= a.first) return false;
  if (a.step != b.step || a.step == 0) return true;
  const std::int64_t ahead = ((b.first - a.first) % a.step + a.step) % a.step;  // side by side in rows of one picture?
  return ahead < a.bytes || ahead + b.bytes > a.step;
}

// Where steps read the image while the memory is written, both must lie apart.
void require_apart(const StoredPicture& p, std::int64_t height, std::int64_t width, const void* pixels,
                   std::int64_t row_bytes, PixelFormat format) {
  if (p.channels * p.height * p.width == 0 || height * width == 0) return;
  const auto size = static_cast<std::int64_t>(size_of(p.dtype));
  const std::int64_t channels = (p.channels - 1) * p.channel_step, columns = (p.width - 1) * p.column_step;
  const auto lowest = [](std::int64_t reach) { return std::min<std::int64_t>(reach, 0); };
  const Rows from{reinterpret_cast<std::intptr_t>(p.data) +
                      (lowest(channels) + lowest(columns) + lowest((p.height - 1) * p.row_step)) * size,
                  (std::abs(channels) + std::abs(columns) + 1) * size, p.height, std::abs(p.row_step) * size};
  const Rows to{reinterpret_cast<std::intptr_t>(pixels) + lowest((height - 1) * row_bytes),
                width * pixel_channels(format) * static_cast<std::int64_t>(size_of(pixel_dtype(format))), height,
                std::abs(row_bytes)};
  require<ShapeError>(!overlap(from, to), "image_to: expected memory of its own to write, got the image's");
}

}  // namespace

void image_to(const Tensor& image, std::span<const ImageStep> steps, void* pixels, std::int64_t row_bytes,
              PixelFormat format, Here here) {
  const NoGrad outside;
  require<ShapeError>(image.rank() == 3 || (image.rank() == 4 && image.size(0) == 1),
                      "image_to: expected shape [C, H, W] or [1, C, H, W], got ", image.shape());
  require<DeviceError>(image.device() == Device(), "image_to: expected an image on the CPU, got ", image.device());
  const Tensor picture = image.rank() == 4 ? select(image, 0, 0, here) : image;
  Patches patches(picture, steps, here);
  const PixelWriter writer(patches.channels(), patches.height(), patches.width(), pixels, row_bytes, format);
  require_apart(stored_picture(picture, 0), patches.height(), patches.width(), pixels, row_bytes, format);
  if (pixel_dtype(format) == DType::u8 &&
      patches.run_bytes({static_cast<std::uint8_t*>(pixels), row_bytes, pixel_channels(format), is_bgr(format)}))
    return;
  patches.run([&](std::int64_t y, std::int64_t x, std::int64_t count, const float* const* lines) {
    writer.put(y, x, count, lines);
  });
}

void image_to(const Tensor& image, std::initializer_list<ImageStep> steps, void* pixels, std::int64_t row_bytes,
              PixelFormat format, Here here) {
  image_to(image, std::span(steps.begin(), steps.size()), pixels, row_bytes, format, here);
}

}  // namespace lumigrad
