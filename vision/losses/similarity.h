// SPDX-License-Identifier: Apache-2.0
// Losses for pictures of one scene that do not share their grey levels: other light, another sensor.
//
// What each can stand between the two images:
//   lncc_loss                    gain and bias that change over the image (vignetting, shading), not an inversion
//   gradient_correlation_loss    additive shading; edges count, areas do not
//   census_loss                  any increasing change of grey levels, and outliers
//   mutual_information_loss      any relation at all between grey levels, inverted or not monotonic
#pragma once
#include <lumigrad/vision/losses/losses.h>

#include <array>

namespace lumigrad::losses {

struct Lncc {
  int window = 9;       ///< side of the square window, odd, px
  Tensor floor = 1e-4;  ///< added to both variances, so that flat areas do not count; squared units of the images
  Reduction reduction = Reduction::mean;
};
/// 1 - local normalised cross-correlation: the correlation coefficient of the windows around each pixel, averaged over
/// each plane of [.., H, W]; in [0, 2]. At the border windows are cut. To second order differentiable in both images
/// and the floor. (Avants et al., Medical Image Analysis 2008, with the coefficient itself instead of its square.)
LUMIGRAD_API Tensor lncc_loss(const Tensor& a, const Tensor& b, const Lncc& options = {}, Here here = {});

/// 1 - the mean of the correlation coefficients of both images' derivatives along x and along y (central differences),
/// for each image [.., C, H, W] of at least 3 x 3; in [0, 2]. (Penney et al., IEEE Trans. Medical Imaging 1998.)
LUMIGRAD_API Tensor gradient_correlation_loss(const Tensor& a, const Tensor& b, Reduction reduction = Reduction::mean,
                                              Here here = {});

struct Census {
  int window = 3;      ///< side of the square of neighbours, odd, px
  Tensor soft = 0.02;  ///< grey level difference at which a comparison is half decided, > 0
  Reduction reduction = Reduction::mean;
};
/// How differently neighbours compare with their centre in both images. With d = neighbour - centre a comparison is
/// c = d / sqrt(soft^2 + d^2), and the loss the mean over neighbours and inner pixels of t / (0.1 + t), t = (c_a -
/// c_b)^2, for each plane of [.., H, W]. (Zabih and Woodfill, ECCV 1994, made differentiable as in Meister, Hur, Roth,
/// UnFlow, AAAI 2018.)
LUMIGRAD_API Tensor census_loss(const Tensor& a, const Tensor& b, const Census& options = {}, Here here = {});

/// The windows that spread a grey level over the bins of a histogram; x is the distance in units of `radius` bins.
enum class Parzen {
  bspline,             ///< cubic B-spline, support |x| < 2: twice differentiable
  xu,                  ///< two parabolas, support |x| <= 1 (Xu et al., 2008)
  truncated_gaussian,  ///< Gaussian of deviation 1, support |x| <= 1; jumps there
  rectangular          ///< 1 for |x| <= 1; no gradient
};

struct MutualInformation {
  int bins = 64;
  Parzen window = Parzen::xu;
  double radius = 1;  ///< of the window, in bins
  /// The grey levels that bin 0 and the end of the last bin stand for; left out (both 0): each plane's least and
  /// greatest.
  std::array<double, 2> range_a = {}, range_b = {};
  Tensor mask = {};  ///< in the shape of the images or of one plane [H, W]: zeros do not count
};
/// -(H(a) + H(b) - H(a, b)) with entropies H (natural logarithm) of histograms smoothed by Parzen windows, one number
/// for each plane of [.., H, W]. Memory is a histogram, whatever the size of the images. Gradients to first order.
/// (Viola and Wells, IJCV 1997; Mattes et al., IEEE Trans. Medical Imaging 2003.)
LUMIGRAD_API Tensor mutual_information_loss(const Tensor& a, const Tensor& b, const MutualInformation& options = {},
                                            Here here = {});
/// -(H(a) + H(b)) / H(a, b), which depends less on how much the images overlap. (Studholme, Hill, Hawkes, Pattern
/// Recognition 1999.)
LUMIGRAD_API Tensor normalized_mutual_information_loss(const Tensor& a, const Tensor& b,
                                                       const MutualInformation& options = {}, Here here = {});

}  // namespace lumigrad::losses
