// SPDX-License-Identifier: Apache-2.0
// From pictures in the memory of another program, through operators, into such memory, in one pass.
//
//     image_to(image_from(frame, h, w, 3 * w, PixelFormat::bgr_u8),
//              {filters::steps::gaussian_blur2d({.kernel = {5, 5}}), color::steps::rgb_to_grayscale()},
//              grey, w, PixelFormat::grey_u8);
//
// The bytes are read once and the results written once; floats stand in the caches or in registers alone
// (engine/families/image_step.h).
//
// What is written is limited to the format's range like anything else: a hue in radians, or L of Lab, wants a step that
// scales it first (pixel_step makes one of any formula).
#pragma once
#include <lumigrad/engine/families/image_step.h>
#include <lumigrad/vision/image_io/pixels.h>

namespace lumigrad {

/// image_to(steps[n - 1](.. steps[0](to_float(image)))), bit for bit, without a tensor between them; but for one step
/// alone that filters with a column and a row, or halves the size, from interleaved bytes into bytes of the same order:
/// bytes need not become shares of 255 there, and the results are those of the bytes themselves, rounded once (what ends
/// in .5 goes to even, where through shares it goes either way). image: [C, H, W] or [1, C, H, W] of any dtype and
/// layout on the CPU; u8 and u16 stand for shares of 255 and 65535. Options of steps are numbers here: nothing is
/// recorded, and none of them is one an image. Errors are those of the operators and of image_to; ShapeError where the
/// memory written overlaps the image's (side by side in rows of one picture they may lie), DeviceError for tensors of a
/// device.
LUMIGRAD_API void image_to(const Tensor& image, std::span<const ImageStep> steps, void* pixels, std::int64_t row_bytes,
                           PixelFormat format, Here here = {});
LUMIGRAD_API void image_to(const Tensor& image, std::initializer_list<ImageStep> steps, void* pixels,
                           std::int64_t row_bytes, PixelFormat format, Here here = {});

}  // namespace lumigrad
