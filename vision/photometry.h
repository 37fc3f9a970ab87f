// SPDX-License-Identifier: Apache-2.0
// What operators on images of any number of channels share: a formula at every value, and shapes.
#pragma once
#include <lumigrad/engine/families/pixel.h>

namespace lumigrad {

/// A formula of one result at every value of images [.., C, H, W] of the same shape. f32 and f64, or u8 and u16, which
/// stand for value / 255 and value / 65535. Parameters are one number, or one an image [N] (N the first axis of at
/// least four). Errors name `name`.
Tensor each_value(const char* name, const PixelKernels& kernels, std::span<const Tensor> images,
                  std::span<const Tensor> params, Here here);
template <class F>
Tensor each_value(const char* name, F formula, std::initializer_list<Tensor> images,
                  std::initializer_list<Tensor> params, Here here) {
  return each_value(name, kernels_of(formula), std::span(images.begin(), images.size()),
                    std::span(params.begin(), params.size()), here);
}

/// A formula across the channels of images [.., C, H, W].
template <class F>
Tensor each_pixel(const char* name, F formula, std::initializer_list<Tensor> images,
                  std::initializer_list<Tensor> params, Here here) {
  return pixel(name, kernels_of(formula), Lanes::planes, std::span(images.begin(), images.size()),
               std::span(params.begin(), params.size()), here);
}

/// Throws ShapeError unless x is an image [.., channels, H, W] (0: any number of channels).
void require_image(const char* name, const Tensor& x, std::int64_t channels = 0);
/// Throws NumericError unless every number of `x` is at least `least`.
void require_at_least(const char* name, const char* what, const Tensor& x, double least);
/// x with all leading axes in one: [.., a, b] (the last `kept` axes stay) as [N, a, b]; N is 1 where there are none.
Tensor leading_as_one(const Tensor& x, int kept, Here here);
/// A number, or one an image of the first axis, as one for each of `count` images; `images` is their shape before
/// leading_as_one(images, kept).
Tensor per_image(const char* name, const Tensor& x, const Shape& images, int kept, Here here);

}  // namespace lumigrad
