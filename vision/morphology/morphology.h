// SPDX-License-Identifier: Apache-2.0
// Morphology: the greatest and the least of what a window sees, and what is made of them.
//
// Images are [.., C, H, W], f32 or f64; every channel is treated alike. `kernel` [rows, columns] marks the places of
// the window (not zero: belongs to it). With `structuring_element` b, of the same shape, the window is not flat:
//
//     dilation   y[i] = max over places t of  x[i - t] + b[t]          (the kernel turned round)
//     erosion    y[i] = min over places t of  x[i + t] - b[t]
//
// where places are counted from the origin; in this form erosion undoes dilation as far as it can: b <= a eroded
// exactly if b dilated <= a. Gradients flow to the image and to the structuring element; where several places are equal
// the first in row-major order of the window has all of it. Away from such ties second derivatives are zero.
//
// On a device, `kernel` may stay on the CPU; one that is on the device is fetched to be looked at, which waits for it.
//
// As in Kornia, an origin that is not in the middle is not turned round with the kernel, which breaks that relation.
// J. Serra, Image Analysis and Mathematical Morphology, 1982.
#pragma once
#include <lumigrad/engine/families/border.h>
#include <lumigrad/engine/tensor.h>

namespace lumigrad::morphology {

struct Morphology {
  Tensor structuring_element = {};  ///< heights [rows, columns], learnable; left out: 0
  /// What lies outside is not part of any window.
  bool geodesic = true;
  Border border = Border::zeros;              ///< where not geodesic: what lies outside,
  double border_value = 0;                    ///< and the value with Border::zeros
  std::int64_t origin_y = -1, origin_x = -1;  ///< the place that lies on the pixel; left out: extent / 2
  /// What stands for infinity. A window that sees nothing gives -infinity when dilated, +infinity when eroded. A finite
  /// one is by how much places that do not belong to the window fall short instead, as in Kornia, whose max_val is
  /// 10^4.
  double infinity = __builtin_inf();
};

LUMIGRAD_API Tensor dilation(const Tensor& image, const Tensor& kernel, const Morphology& options = {}, Here here = {});
LUMIGRAD_API Tensor erosion(const Tensor& image, const Tensor& kernel, const Morphology& options = {}, Here here = {});
/// Eroded, then dilated: what is smaller than the window and bright is gone.
LUMIGRAD_API Tensor opening(const Tensor& image, const Tensor& kernel, const Morphology& options = {}, Here here = {});
/// Dilated, then eroded: what is smaller than the window and dark is gone.
LUMIGRAD_API Tensor closing(const Tensor& image, const Tensor& kernel, const Morphology& options = {}, Here here = {});
/// Dilated less eroded.
LUMIGRAD_API Tensor gradient(const Tensor& image, const Tensor& kernel, const Morphology& options = {}, Here here = {});
/// The image less its opening, and its closing less the image.
LUMIGRAD_API Tensor top_hat(const Tensor& image, const Tensor& kernel, const Morphology& options = {}, Here here = {});
LUMIGRAD_API Tensor bottom_hat(const Tensor& image, const Tensor& kernel, const Morphology& options = {},
                               Here here = {});

}  // namespace lumigrad::morphology
