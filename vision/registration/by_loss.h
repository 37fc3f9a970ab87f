// SPDX-License-Identifier: Apache-2.0
// Registration by a loss of one's own, through the tape.
//
//   auto unlike = [](const Tensor& fixed, const Tensor& moved, const Tensor& counts) {
//     return sum(counts * abs(fixed - moved)) / sum(counts);
//   };
//   auto result = registration::register_by(unlike, fixed, moving, {.model = registration::Model::affine});
#pragma once
#include <lumigrad/engine/optim.h>
#include <lumigrad/vision/registration/registration.h>

#include <lumigrad/engine/callable.h>
#include <memory>

namespace lumigrad::registration {

/// How unlike two pictures are: one number, recorded. `fixed` and `moved` are [1, C, H, W] f32, a level of the fixed
/// image and the moving image brought onto it. `counts` [1, 1, H, W] is 1 where both have a value and 0 elsewhere,
/// where the pictures hold zeros or mixtures with zeros: the loss has to leave those out, and to be a mean, not a sum,
/// or it is least where nothing overlaps.
using PictureLoss = Callable<Tensor(const Tensor& fixed, const Tensor& moved, const Tensor& counts)>;

/// Makes an optimiser of the motion's unknowns. They are in pixels of the level they are used on: a unit moves the
/// outermost pixels by about one.
using OptimizerMaker = Callable<std::unique_ptr<GradientOptimizer>(std::vector<Tensor> unknowns)>;

struct LossOptions {
  Model model = Model::homography;
  Tensor fixed_mask{}, moving_mask{};  ///< as in Options
  /// automatic: a grid of shifts and small turns on the coarsest level, the best of which are refined. identity and
  /// given: only that.
  Start start = Start::automatic;
  std::array<double, 9> initial = {1, 0, 0, 0, 1, 0, 0, 0, 1};  ///< with Start::given; row-major, fixed -> moving
  OptimizerMaker optimizer{};                                   ///< left out: L-BFGS
  int iterations = 40;                                          ///< on each level
  int smallest = 32;                                            ///< shorter side of the coarsest level, px
  /// How far the loss must stand out for the motion to be believed. Losses with more freedom to fit what does not
  /// belong together need more: 6 does for differences of grey levels, 12 for mutual information.
  double distinct = 6;
};

/// Aligns `moving` to `fixed` by going down on a loss, coarse to fine on a pyramid, with the derivative that the tape
/// gives. Images are [C, H, W] or [H, W], of the same channels; integers are scaled by their largest value, floats are
/// taken as they are. NaN pixels do not count. Throws what the loss throws, and ShapeError or DTypeError for arguments
/// that are no images.
///
/// Of the result, `status` is converged when the optimiser settled at a motion whose loss stands out from those of a
/// grid of shifts and turns around it (`correlation` says how far: (median - loss) / deviation there); gain, bias and
/// covariance are not known (1, 0, infinite).
LUMIGRAD_API Result register_by(const PictureLoss& loss, const Tensor& fixed, const Tensor& moving,
                                const LossOptions& options = {});

}  // namespace lumigrad::registration
