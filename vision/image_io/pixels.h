// SPDX-License-Identifier: Apache-2.0
// Pictures in the memory of another program: interleaved rows, as cameras, OpenCV and window systems hold them.
//
// By convention an 8-bit image stands for value / 255 and a 16-bit one for value / 65535. image_from makes such memory
// a tensor without touching a pixel, and vision operators convert in their first kernel. pixel_pass.h goes from such
// memory through operators into such memory in one pass.
#pragma once
#include <lumigrad/engine/tensor.h>
#include <cstdint>
#include <memory>

namespace lumigrad {

/// Order and type of the numbers of one pixel. Floats are in [0, 1].
enum class PixelFormat : std::uint8_t {
  grey_u8,
  rgb_u8,
  bgr_u8,
  rgba_u8,
  bgra_u8,
  grey_u16,
  rgb_u16,
  bgr_u16,
  rgba_u16,
  bgra_u16,
  grey_f32,
  rgb_f32,
  bgr_f32,
  rgba_f32,
  bgra_f32,
};

/// Type and count of the numbers of one pixel.
constexpr DType pixel_dtype(PixelFormat format) {
  constexpr DType types[] = {DType::u8, DType::u16, DType::f32};
  return types[static_cast<int>(format) / 5];
}
constexpr int pixel_channels(PixelFormat format) {
  constexpr int counts[] = {1, 3, 3, 4, 4};
  return counts[static_cast<int>(format) % 5];
}
constexpr bool is_bgr(PixelFormat format) {
  return static_cast<int>(format) % 5 == 2 || static_cast<int>(format) % 5 == 4;
}

/// A planar view [C, H, W] of interleaved memory: nothing is copied, u8 stays u8. Channels come in the order R, G, B, A
/// (BGR through a negative channel stride); BGRA gives the three colours only, since no stride leads on to its alpha.
/// Rows lie `row_bytes` apart, negative when the picture stands upside down in memory. The memory must stay valid while
/// a view of it lives; `owner`, when given, is kept until then. Throws ShapeError for a negative size, or rows that are
/// too short or not a whole number of elements.
LUMIGRAD_API Tensor image_from(const void* pixels, std::int64_t height, std::int64_t width, std::int64_t row_bytes,
                               PixelFormat format, std::shared_ptr<void> owner = {});

/// Dense f32 values, the last three axes being [C, H, W]: u8 / 255, u16 / 65535 (correctly rounded), bool 0 or 1, other
/// types as they are. A contiguous f32 tensor is returned as it is; nothing is recorded.
LUMIGRAD_API Tensor to_float(const Tensor& image);

/// Writes an image ([C, H, W], [1, C, H, W] or [H, W]; f32, f64, u8 or u16, any strides) to interleaved memory, clamped
/// to [0, 1] (NaN becomes 0) and rounded to nearest, ties to even, for integer formats; f32 formats take the values as
/// they are. One channel is spread over colours, alpha is dropped or set to one as the format wants. Throws ShapeError
/// when the channels do not fit (three colours to a grey format) or the rows are too short.
LUMIGRAD_API void image_to(const Tensor& image, void* pixels, std::int64_t row_bytes, PixelFormat format);

}  // namespace lumigrad
