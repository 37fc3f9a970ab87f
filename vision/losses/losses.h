// SPDX-License-Identifier: Apache-2.0
// Losses: numbers that say how far two tensors are apart.
//
// Inputs are f32 or f64 tensors that broadcast to a common shape. A loss is read and added up in one pass; sums run in
// a fixed order, in double. Everything is differentiable in both inputs and in each option that is a Tensor, to second
// order.
#pragma once
#include <lumigrad/engine/reduction.h>

namespace lumigrad::losses {

using lumigrad::Reduction;

/// |a - b|; slope 0 where they are equal.
LUMIGRAD_API Tensor l1_loss(const Tensor& a, const Tensor& b, Reduction reduction = Reduction::mean, Here here = {});
/// (a - b)^2.
LUMIGRAD_API Tensor mse_loss(const Tensor& a, const Tensor& b, Reduction reduction = Reduction::mean, Here here = {});

/// Options of the robust losses. Kornia's have scale 1 and, unlike these, no reduction unless asked for.
struct Robust {
  Tensor scale = 1.0;  ///< the difference at which outliers begin, > 0 (NumericError); one number, or one an image
  Reduction reduction = Reduction::mean;
};
/// With d = (a - b) / scale: sqrt(d^2 + 1) - 1. (These four: Barron, CVPR 2019.)
LUMIGRAD_API Tensor charbonnier_loss(const Tensor& a, const Tensor& b, const Robust& options = {}, Here here = {});
/// log(d^2 / 2 + 1).
LUMIGRAD_API Tensor cauchy_loss(const Tensor& a, const Tensor& b, const Robust& options = {}, Here here = {});
/// 2 d^2 / (d^2 + 4).
LUMIGRAD_API Tensor geman_mcclure_loss(const Tensor& a, const Tensor& b, const Robust& options = {}, Here here = {});
/// 1 - exp(-d^2 / 2).
LUMIGRAD_API Tensor welsch_loss(const Tensor& a, const Tensor& b, const Robust& options = {}, Here here = {});
/// sqrt((a - b)^2 + scale^2): the older charbonnier loss, in units of the inputs.
LUMIGRAD_API Tensor soft_l1_loss(const Tensor& a, const Tensor& b, const Robust& options = {.scale = 1e-3},
                                 Here here = {});
/// (a - b)^2 / 2 up to |a - b| = scale, then scale (|a - b| - scale / 2). (Huber 1964; delta is `scale`.)
LUMIGRAD_API Tensor huber_loss(const Tensor& a, const Tensor& b, const Robust& options = {}, Here here = {});
/// huber_loss / scale. (beta is `scale`.)
LUMIGRAD_API Tensor smooth_l1_loss(const Tensor& a, const Tensor& b, const Robust& options = {}, Here here = {});

/// Normalised cross-correlation of images [.., C, H, W] of one shape over all values of an image: a number in [-1, 1]
/// for each of the leading axes. It does not change with gain (> 0) and bias of either image. Where an image is
/// constant it is 0, with slope 0.
LUMIGRAD_API Tensor ncc(const Tensor& a, const Tensor& b, Here here = {});
/// 1 - ncc, in [0, 2].
LUMIGRAD_API Tensor ncc_loss(const Tensor& a, const Tensor& b, Reduction reduction = Reduction::mean, Here here = {});

/// Peak signal to noise ratio of all elements, 10 log10(peak^2 / mse) in dB; infinite, with slope 0, for equal inputs.
LUMIGRAD_API Tensor psnr(const Tensor& a, const Tensor& b, const Tensor& peak = 1.0, Here here = {});
/// -psnr.
LUMIGRAD_API Tensor psnr_loss(const Tensor& a, const Tensor& b, const Tensor& peak = 1.0, Here here = {});

/// Sums (or means) of |differences| between neighbours along rows and along columns, for each plane of [.., H, W];
/// slope 0 where neighbours are equal. Reduction::none is refused (ShapeError).
LUMIGRAD_API Tensor total_variation(const Tensor& image, Reduction reduction = Reduction::sum, Here here = {});
/// Smoothness of an inverse depth [N, C, H, W] where an image [N, K, H, W] is smooth: the means of |step| exp(-mean
/// over channels of |step of the image|) along rows and along columns, added. (Godard et al., CVPR 2017.)
LUMIGRAD_API Tensor inverse_depth_smoothness_loss(const Tensor& inverse_depth, const Tensor& image, Here here = {});

/// Divergences of heat maps [.., H, W] that are probabilities: one number for each plane, or their mean or sum.
/// Kullback-Leibler: sum of target (log target - log prediction).
LUMIGRAD_API Tensor kl_div_loss_2d(const Tensor& prediction, const Tensor& target,
                                   Reduction reduction = Reduction::mean, Here here = {});
/// Jensen-Shannon.
LUMIGRAD_API Tensor js_div_loss_2d(const Tensor& prediction, const Tensor& target,
                                   Reduction reduction = Reduction::mean, Here here = {});

}  // namespace lumigrad::losses
