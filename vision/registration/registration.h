// SPDX-License-Identifier: Apache-2.0
// Registration: the planar motion that lays one image onto another, and how sure it is.
//
//   auto result = registration::register_images(fixed, moving, {.model = registration::Model::affine});
//   if (result.converged()) ... result.matrix maps fixed to moving pixels
#pragma once
#include <lumigrad/engine/tensor.h>
#include <lumigrad/vision/registration/model.h>

#include <array>

namespace lumigrad::registration {

/// What register_images can be told.
struct Options {
  Model model = Model::homography;
  /// [H, W] of the image they belong to, any dtype: nonzero pixels are used, all others have no influence whatever.
  Tensor fixed_mask{}, moving_mask{};
  Start start = Start::automatic;
  std::array<double, 9> initial = {1, 0, 0, 0, 1, 0, 0, 0, 1};  ///< with Start::given; row-major, fixed -> moving
  Measure measure = Measure::intensity;  ///< other than intensity: no gain, bias and covariance (1, 0, infinite)
  Robust loss = Robust::geman_mcclure;   ///< of the differences; mutual_information has none
  bool gain_bias = true;    ///< solve moving * gain + bias = fixed along; false trusts the grey levels as they are
  int max_iterations = 30;  ///< of the last refinement, at full size
  double tolerance = 3e-3;  ///< the last refinement ends when the corners move less, in pixels
};

/// What comes back, always: images that cannot be registered end in a status, not in an exception.
struct Result {
  Model model = Model::homography;
  std::array<double, 9> matrix = {1, 0, 0, 0, 1,
                                  0, 0, 0, 1};  ///< row-major, fixed -> moving, pixel centres at integers
  Status status = Status::stalled;
  double gain = 1, bias = 0;  ///< moving * gain + bias = fixed: integers scaled to [0, 1], floats as they are
  /// What `loss` and `loss_curve` are of: the measure that was asked for, or intensity where the motion stayed the one
  /// that grey levels had found.
  Measure measure = Measure::intensity;
  /// Mean robust loss per pixel, in units of the residual's scale: no unit. Mutual information: minus its normalized
  /// form.
  double loss = 0;
  int iterations = 0;       ///< steps on all levels and from all starts
  double inlier_ratio = 0;  ///< share of the overlap whose residual lies within three deviations
  double overlap = 0;       ///< share of the used fixed pixels that fall on used moving pixels
  /// Local correlation over the overlap, what `status` goes by; at most 1. Of mutual information, which has no
  /// residuals and so no inliers: how far it stands out from other motions (by_loss.h).
  double correlation = 0;
  /// 8x8, px^2: covariance of the positions in the moving image of the fixed image's corners (x0, y0, ..., x3, y3),
  /// clockwise from the top left.
  std::array<double, 64> covariance{};
  std::vector<double> loss_curve;  ///< loss after each accepted step of the last refinement
  /// Places in `loss_curve` from which on it cannot be compared with what was before: the scale of the robust function
  /// has followed the residuals, or more rows are looked at.
  std::vector<std::size_t> loss_breaks;
  std::vector<LevelReport> levels;  ///< coarse to fine
  /// "identity", "given", "phase correlation", "keypoints", "search" or "relocation".
  std::string start;
  double seconds = 0;

  bool converged() const { return status == Status::converged; }
};

/// Aligns `moving` to `fixed` by second-order steps on a robust photometric loss, coarse to fine.
///
/// Images are [H, W], [1, H, W] or [3, H, W] (RGB, turned grey by the Rec. 601 weights) and may differ in size;
/// integers are scaled by their largest value, floats are taken as they are. NaN pixels do not count. Not recorded on
/// the tape. Throws ShapeError or DTypeError for arguments that are no images; hard images never throw. The method:
/// compositional efficient second-order minimisation (Malis 2004) with Levenberg-Marquardt, Geman-McClure weights at a
/// median-based scale, gain and bias in the same normal equations. Images on a device, with their masks, are aligned
/// there as by align_batch (batch.h), and from a start that the CPU finds where that fails; DeviceError for images on
/// two devices and for measures other than intensity. Beyond eight megapixels the images are aligned at a
/// reduced size and the motion is refined on 64 tiles of full size, read straight from the tensors' memory (mosaic.h):
/// beside the images that takes some 100 MB whatever their size.
LUMIGRAD_API Result register_images(const Tensor& fixed, const Tensor& moving, const Options& options = {});

/// The same for every pair of [N, C, H, W] and [N, C, H', W'], in parallel. Masks are [H, W] for all or [N, H, W].
LUMIGRAD_API std::vector<Result> register_batch(const Tensor& fixed, const Tensor& moving, const Options& options = {});

}  // namespace lumigrad::registration
