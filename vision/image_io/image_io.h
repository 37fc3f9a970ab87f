// SPDX-License-Identifier: Apache-2.0
// Pictures from files and into files. An image is planar, [C, H, W], RGB; as floats it is in [0, 1].
//
// Files are not trusted: sizes are compared with the limits before anything is unpacked, and every way in which a file
// can be wrong is an exception. A damaged or shortened file is refused, never half shown.
#pragma once
#include <lumigrad/engine/tensor.h>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lumigrad {

/// What a picture may ask for; beyond it: ResourceError.
struct ImageLimits {
  std::uint64_t pixels = std::uint64_t{1} << 28;      ///< height times width
  std::uint64_t file_bytes = std::uint64_t{1} << 30;  ///< length of the file
  /// What a decoder may hold at once; 0 stands for 32 bytes a pixel and 16 MiB.
  std::uint64_t decoder_bytes = 0;
};

/// Channels of a loaded image. Grey is 0.299 R + 0.587 G + 0.114 B of the values as they stand; alpha is dropped, not
/// blended; where a file has none, `rgba` sets it to one.
enum class Channels {
  keep,  ///< as in the file: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha
  grey,
  rgb,
  rgba,
};

struct LoadImageOptions {
  ImageLimits limits{};
  bool orient = true;  ///< turn the picture as its EXIF orientation says
  Channels channels = Channels::keep;
  /// f32: [0, 1] (beyond it only where a file holds floats); u8: 0..255; u16: 0..65535.
  DType dtype = DType::f32;
  bool as_stored = false;  ///< whatever the file holds, u8, u16 or f32, instead of dtype
};

/// Reads a picture: PNG, JPEG, BMP, TGA, PNM (PBM, PGM, PPM), Radiance HDR and, where libtiff is present, TIFF. The
/// content says which, not the name. Palettes, 1 to 16 bits, grey, alpha and CMYK come out as the channels above.
/// Returns [C, H, W], contiguous. Throws IoError (cannot be read), FormatError (not a picture, damaged, or a kind that
/// is not supported), ResourceError (beyond the limits), DTypeError (a dtype other than f32, u8, u16).
LUMIGRAD_API Tensor load_image(const std::string& path, const LoadImageOptions& options = {});
LUMIGRAD_API Tensor load_image(std::span<const std::byte> bytes, const LoadImageOptions& options = {});

struct SaveImageOptions {
  int bits = 8;      ///< 8; 16 for PNG and TIFF; 32 (floats as they are) for TIFF
  int quality = 95;  ///< of JPEG, 1 to 100; from 90 on colour keeps its full resolution
};

enum class ImageFormat { png, jpeg, tiff };

/// Writes [C, H, W], [1, C, H, W] or [H, W], with C = 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha (JPEG: 1 or 3).
/// Floats are taken in [0, 1], clamped and rounded to nearest; u8 stands for value / 255 and u16 for value / 65535. The
/// name says the format: .png, .jpg, .jpeg, .tif, .tiff. The file appears whole or not at all (IoError).
LUMIGRAD_API void save_image(const std::string& path, const Tensor& image, const SaveImageOptions& options = {});
/// The bytes that save_image writes.
LUMIGRAD_API std::vector<std::byte> encode_image(const Tensor& image, ImageFormat format,
                                                 const SaveImageOptions& options = {});

/// Which library reads which format in this build, in one line: "png: libspng 0.7.3, jpeg: libjpeg-turbo, ...".
LUMIGRAD_API std::string image_codecs();

}  // namespace lumigrad
