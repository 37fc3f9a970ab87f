// SPDX-License-Identifier: Apache-2.0
// Linear filters of images: correlations with given kernels, blurs, sharpening.
//
// Images are [.., C, H, W] with any leading axes, f32 or f64; every channel is filtered alike. Results have the shape
// of the image. Gradients flow to the image and to every tensor among the options, to every order. What lies outside
// follows `border` (engine/families/border.h): `reflection` is what OpenCV calls REFLECT_101 and Kornia reflect,
// `border` their replicate, `zeros` their constant. Windows may be larger than the image, and of even extents, whose
// anchor is (extent - 1) / 2, rounded down.
#pragma once
#include <lumigrad/engine/families/filter.h>
#include <lumigrad/engine/families/sample.h>

namespace lumigrad::filters {

struct Filter2d {
  Border border = Border::reflection;
  bool valid = false;       ///< only results whose window lies within the image
  bool normalized = false;  ///< divide the kernel by the sum of its magnitudes
  bool convolve = false;    ///< turn the kernel round first
};
/// Correlation with a kernel [rows, columns], [1, rows, columns] or one an image [N, rows, columns] (N the first axis
/// of the image).
LUMIGRAD_API Tensor filter2d(const Tensor& image, const Tensor& kernel, const Filter2d& options = {}, Here here = {});

struct SeparableFilter2d {
  Border border = Border::reflection;
  bool valid = false;
  bool normalized = false;
};
/// Correlation with row[j] along x and column[r] along y, each [taps], [1, taps] or one an image [N, taps], in one
/// pass over the image.
LUMIGRAD_API Tensor filter2d_separable(const Tensor& image, const Tensor& row, const Tensor& column,
                                       const SeparableFilter2d& options = {}, Here here = {});

struct Filter3d {
  Border border = Border::border;
  bool normalized = false;
  bool convolve = false;
};
/// Volumes [.., C, D, H, W], kernels [depth, rows, columns] or one a volume.
LUMIGRAD_API Tensor filter3d(const Tensor& volume, const Tensor& kernel, const Filter3d& options = {}, Here here = {});

struct GaussianBlur {
  Size kernel = {5, 5};       ///< extents of the window, beyond which the Gaussian is cut and the rest made to sum to 1
  Tensor sigma = {1.5, 1.5};  ///< standard deviations (y, x) in pixels, one pair an image [N, 2], or one number
  Border border = Border::reflection;
};
/// A Gaussian average. Differentiable in sigma too. Throws NumericError unless sigma > 0.
LUMIGRAD_API Tensor gaussian_blur2d(const Tensor& image, const GaussianBlur& options = {}, Here here = {});

struct BoxBlur {
  Size kernel = {3, 3};
  Border border = Border::reflection;
};
/// The mean of a window.
LUMIGRAD_API Tensor box_blur(const Tensor& image, const BoxBlur& options = {}, Here here = {});

struct MedianBlur {
  Size kernel = {3, 3};
  Border border = Border::reflection;  ///< that of Kornia up to 0.8 is zeros
};
/// The median of a window, the lower one of an even number of places. The gradient goes to the pixel that it is, the
/// first in row-major order where several are equal.
LUMIGRAD_API Tensor median_blur(const Tensor& image, const MedianBlur& options = {}, Here here = {});

/// The image where every channel lies in [lower, upper], and 0 elsewhere; with `mask` 1 and 0 instead, [.., 1, H, W].
/// Bounds are one number, one a channel [C], or [N, C, 1, 1]. The mask has no gradient; the image has where it is kept.
LUMIGRAD_API Tensor in_range(const Tensor& image, const Tensor& lower, const Tensor& upper, bool mask = false,
                             Here here = {});

/// 2 image - blur: what the blur takes away is added once more.
LUMIGRAD_API Tensor unsharp_mask(const Tensor& image, const GaussianBlur& options = {}, Here here = {});

}  // namespace lumigrad::filters
