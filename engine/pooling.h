// SPDX-License-Identifier: Apache-2.0
// Pooling: an image becomes smaller, and what a window covers becomes one number.
//
// A mean over a box is a mean along each axis, one after the other: pooling by averages is a band for each axis
// (families/resample.h), with the divisors that clipped windows have along it. The largest number of a window is found
// as an index, and then gathered (families/gather.h): its gradient goes where it came from. Both are closed under
// derivatives of every order for that reason; nothing here has an adjoint of its own.
#pragma once
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/families/stencil.h>

namespace lumigrad {

/// Windows of a mean. x is [N, C, ..] or [C, ..] throughout, f32 or f64, and `kernel` has an extent for each axis, or
/// one for all. Windows begin within the padding, of at most half a kernel, and their number is rounded down.
struct AvgPoolOptions {
  Extents stride = {};        ///< from one window to the next; left out: the kernel
  Extents padding = 0;        ///< on both sides of each axis
  bool ceil = false;          ///< round the number of windows up, as long as the last begins inside
  bool count_padding = true;  ///< zeros of the padding count as pixels
  std::int64_t divisor = 0;   ///< divide by this instead of the number of pixels; 0: their number
};
/// Means over windows. Gradient to x, to every order. Throws ShapeError / DTypeError.
LUMIGRAD_API Tensor avg_pool1d(const Tensor& x, Extents kernel, const AvgPoolOptions& options = {}, Here here = {});
LUMIGRAD_API Tensor avg_pool2d(const Tensor& x, Extents kernel, const AvgPoolOptions& options = {}, Here here = {});
LUMIGRAD_API Tensor avg_pool3d(const Tensor& x, Extents kernel, const AvgPoolOptions& options = {}, Here here = {});

/// Windows of a maximum. The padding never wins.
struct MaxPoolOptions {
  Extents stride = {};   ///< from one window to the next; left out: the kernel
  Extents padding = 0;   ///< on both sides of each axis
  Extents dilation = 1;  ///< from one pixel of the window to the next
  bool ceil = false;     ///< round the number of windows up, as long as the last begins inside
};
/// The largest number of each window (NaN, where there is one), and where it stands: an index (i64) into the pixels of
/// its channel in row-major order. Of equal ones the first, which has the whole gradient. Gradient to x, to every
/// order.
LUMIGRAD_API Selection max_pool1d(const Tensor& x, Extents kernel, const MaxPoolOptions& options = {}, Here here = {});
LUMIGRAD_API Selection max_pool2d(const Tensor& x, Extents kernel, const MaxPoolOptions& options = {}, Here here = {});
LUMIGRAD_API Selection max_pool3d(const Tensor& x, Extents kernel, const MaxPoolOptions& options = {}, Here here = {});

/// Windows that cut each axis of n pixels into `size` parts: part i covers pixels floor(i n / size) to
/// ceil((i + 1) n / size).
LUMIGRAD_API Tensor adaptive_avg_pool1d(const Tensor& x, Extents size, Here here = {});
LUMIGRAD_API Tensor adaptive_avg_pool2d(const Tensor& x, Extents size, Here here = {});
LUMIGRAD_API Tensor adaptive_avg_pool3d(const Tensor& x, Extents size, Here here = {});
LUMIGRAD_API Selection adaptive_max_pool1d(const Tensor& x, Extents size, Here here = {});
LUMIGRAD_API Selection adaptive_max_pool2d(const Tensor& x, Extents size, Here here = {});
LUMIGRAD_API Selection adaptive_max_pool3d(const Tensor& x, Extents size, Here here = {});

/// Channels become pixels: [.., C r r, H, W] to [.., C, r H, r W], where channel (c, i, j) fills places (r y + i, r x +
/// j). W. Shi et al., 2016.
LUMIGRAD_API Tensor pixel_shuffle(const Tensor& x, std::int64_t factor, Here here = {});
/// The inverse: [.., C, r H, r W] to [.., C r r, H, W].
LUMIGRAD_API Tensor pixel_unshuffle(const Tensor& x, std::int64_t factor, Here here = {});

}  // namespace lumigrad
