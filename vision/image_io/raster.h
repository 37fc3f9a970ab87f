// SPDX-License-Identifier: Apache-2.0
// What lies between a codec and a tensor: interleaved rows of bytes, 16-bit words or floats.
#pragma once
#include <lumigrad/engine/tensor.h>
#include <lumigrad/vision/image_io/image_io.h>

#include <algorithm>
#include <memory>

namespace lumigrad {

/// An unpacked picture as its file has it.
struct Raster {
  Tensor pixels;        ///< [H, W, C], contiguous, u8, u16 or f32; C = 1 grey, 2 with alpha, 3 RGB, 4 with alpha
  int orientation = 1;  ///< EXIF: 1 upright ... 8
};

/// The limits of one call, and what a decoder may hold under them.
struct DecodeBudget {
  ImageLimits limits;

  /// Throws unless the picture is within the limits and has at least one pixel.
  void check(const char* format, std::uint64_t height, std::uint64_t width) const {
    require<FormatError>(height > 0 && width > 0, format, ": a picture of ", width, " x ", height, " pixels");
    require<ResourceError>(height <= limits.pixels && width <= limits.pixels / height, format, ": a picture of ", width,
                           " x ", height, " pixels, at most ", limits.pixels, " are allowed");
  }
  /// Bytes a decoder may hold for this picture beside the raster.
  std::uint64_t decoder_bytes(std::uint64_t height, std::uint64_t width) const {
    return limits.decoder_bytes ? limits.decoder_bytes : 32 * height * width + (std::uint64_t{16} << 20);
  }
  /// An empty raster, after check().
  Raster raster(std::uint64_t height, std::uint64_t width, int channels, DType dtype) const {
    const std::uint64_t bytes = height * width * static_cast<std::uint64_t>(channels) * size_of(dtype);
    require<ResourceError>(bytes <= decoder_bytes(height, width), "image: ", bytes, " bytes of pixels, at most ",
                           decoder_bytes(height, width), " are allowed");
    return {Tensor::empty({static_cast<std::int64_t>(height), static_cast<std::int64_t>(width), channels}, dtype)};
  }
};

// One reader a format; each throws as load_image does.
Raster read_png(std::span<const std::byte> bytes, const DecodeBudget& budget);
Raster read_jpeg(std::span<const std::byte> bytes, const DecodeBudget& budget);
Raster read_tiff(std::span<const std::byte> bytes, const DecodeBudget& budget);
Raster read_pnm(std::span<const std::byte> bytes, const DecodeBudget& budget);
/// BMP, TGA and HDR; PNG and JPEG where no system codec is present.
Raster read_with_stb(const char* format, std::span<const std::byte> bytes, const DecodeBudget& budget);

// One writer a format, from [H, W, C] u8 or u16 (TIFF: f32 too).
std::vector<std::byte> write_png(const Tensor& pixels);
std::vector<std::byte> write_jpeg(const Tensor& pixels, int quality);
std::vector<std::byte> write_tiff(const Tensor& pixels);

/// Names and versions of what reads PNG, JPEG and TIFF here.
std::string png_codec();
std::string jpeg_codec();
std::string tiff_codec();

}  // namespace lumigrad
