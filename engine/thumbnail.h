// SPDX-License-Identifier: Apache-2.0
// A tensor in small, to look at: a picture of at most 48 x 48 points where its last two axes are an image, otherwise
// a few numbers.
#pragma once
#include <lumigrad/engine/tensor.h>
#include <vector>

namespace lumigrad {

struct Thumbnail {
  /// Of a picture, one byte a point and channel, rows from the top, channels innermost: `low` is 0 and `high` is 255.
  /// Of a batch the first image, of channels three or the first; a point is the mean of `block` x `block` elements.
  std::vector<std::uint8_t> pixels;
  std::int64_t width = 0, height = 0, channels = 0, block = 1;
  double low = 0, high = 1;
  /// Otherwise up to 48 numbers, each the mean of `block` elements in order.
  std::vector<double> numbers;
  /// False when an element of those shown is NaN or infinite.
  bool finite = true;
  bool is_picture() const { return channels > 0; }
};

/// Whether zero is in the middle of the scale.
enum class Scale { values, gradients };

/// Of an f32 or f64 tensor. Values in [0, 1] keep that scale, others take the one they need.
Thumbnail thumbnail(const Tensor& tensor, Scale scale);

}  // namespace lumigrad
