// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/patches.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/image_io/pixel_pass.h>
#include <lumigrad/vision/image_io/pixel_writer.h>

namespace lumigrad {

void image_to(const Tensor& image, std::span<const ImageStep> steps, void* pixels, std::int64_t row_bytes,
              PixelFormat format, Here here) {
  const NoGrad outside;
  require<ShapeError>(image.rank() == 3 || (image.rank() == 4 && image.size(0) == 1),
                      "image_to: expected shape [C, H, W] or [1, C, H, W], got ", image.shape());
  require<DeviceError>(image.device() == Device(), "image_to: expected an image on the CPU, got ", image.device());
  const Tensor picture = image.rank() == 4 ? select(image, 0, 0, here) : image;
  Patches patches(picture, steps, here);
  const PixelWriter writer(patches.channels(), patches.height(), patches.width(), pixels, row_bytes, format);
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
