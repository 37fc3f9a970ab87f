// SPDX-License-Identifier: Apache-2.0
// How an image is read between and beyond its pixels.
#pragma once
#include <cstdint>

namespace lumigrad {

/// How an image is read between its pixel centres.
enum class Interpolation : std::uint8_t {
  nearest,   ///< the closest pixel; half-way, the one with the even index
  bilinear,  ///< 2 x 2 pixels, continuous
  bicubic,   ///< 4 x 4 pixels (Keys), continuously differentiable
};

/// What lies outside an image.
enum class Border : std::uint8_t {
  zeros,       ///< nothing: zero, or the fill value       0 0 | a b c d | 0 0
  border,      ///< the outermost pixel goes on            a a | a b c d | d d
  reflection,  ///< mirrored about the outermost centres   c b | a b c d | c b
  symmetric,   ///< mirrored about the outer edges         b a | a b c d | d c
  circular,    ///< the image again                        c d | a b c d | a b
};

}  // namespace lumigrad
