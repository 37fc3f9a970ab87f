// SPDX-License-Identifier: Apache-2.0
// The operators of filters.h that are one small filter as steps from bytes to bytes (engine/families/image_step.h).
// Options, errors and values are those of the operator of the same name on f32 images.
#pragma once
#include <lumigrad/engine/families/image_step.h>
#include <lumigrad/vision/filters/filters.h>

namespace lumigrad::filters::steps {

LUMIGRAD_API ImageStep filter2d(const Tensor& kernel, const Filter2d& options = {}, Here here = {});
LUMIGRAD_API ImageStep filter2d_separable(const Tensor& row, const Tensor& column,
                                          const SeparableFilter2d& options = {}, Here here = {});
LUMIGRAD_API ImageStep gaussian_blur2d(const GaussianBlur& options = {}, Here here = {});
LUMIGRAD_API ImageStep box_blur(const BoxBlur& options = {}, Here here = {});

}  // namespace lumigrad::filters::steps
