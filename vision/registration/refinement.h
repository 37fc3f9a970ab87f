// SPDX-License-Identifier: Apache-2.0
// Levenberg-Marquardt on a pair of images, or on several channels of one.
//
// The unknown step composes on the fixed side, map <- map (I + P), in coordinates centred on the fixed image and scaled
// to [-1, 1], so that all eight unknowns have like size and one damping serves them all. The linearisation takes the
// mean of the gradients of both images (efficient second-order minimisation), which matches the loss to second order in
// the step wherever the images agree.
#pragma once
#include <lumigrad/vision/registration/samples.h>

#include <span>
#include <vector>

namespace lumigrad::registration {

/// Two images of one pyramid level.
struct LevelPair {
  PlaneView fixed, moving;
};

/// What is refined: motion at this level's size, gain and bias.
struct Estimate {
  Matrix3 map = unit_matrix;
  Tone tone;
};

struct RefinementOptions {
  Model model = Model::homography;
  Robust loss = Robust::geman_mcclure;
  Sampling sampling = Sampling::bilinear;
  bool gain_bias = true;
  int max_iterations = 10;
  double tolerance = 0.01;  ///< stop when the next step would move the corners less, px of this level
  double damping = 0;       ///< first Levenberg factor
  double width = 3.0;       ///< scale of the robust function in deviations of the residual
  int samples = 1024;       ///< lattice for the deviation
  bool nearby = false;      ///< the start is good to some tenths of a pixel: Newton's steps, first on strips of rows
  double max_move = 1e9;    ///< give up when the corners have moved further than this from the start
};

enum class Ending { settled, out_of_iterations, stuck, low_overlap, flat };

struct Refinement {
  Estimate estimate;
  Ending ending = Ending::stuck;
  int iterations = 0;
  double last_move = 0;        ///< mean corner movement of the last step, px
  std::vector<double> scales;  ///< of the robust function at the end, one a pair
  double loss = 0;             ///< mean rho per pixel
  double pixels = 0;
  NormalEquations equations{};      ///< at the estimate, or at the point before its last step
  std::vector<double> curve;        ///< mean loss per accepted iteration
  std::vector<std::size_t> breaks;  ///< where in `curve` another scale or other rows begin
};

/// One motion for all pairs, whose frames are of one size: their normal equations add up.
Refinement refine(std::span<const LevelPair> pairs, const Estimate& start, const RefinementOptions& options);
inline Refinement refine(const LevelPair& pair, const Estimate& start, const RefinementOptions& options) {
  return refine(std::span(&pair, 1), start, options);
}

/// What the derivative of the gradient is of the Hessian, which counts pixels as less robust than they are: the sum of
/// slopes over that of what the Hessian weighs with, both times the energy of the gradients; in [0.2, 1].
double slope_over_hessian(const NormalEquations& equations);

/// The damped step in the model's unknowns, then gain and bias: up to ten numbers. False when the system does not
/// determine it.
bool damped_step(const NormalEquations& equations, const RefinementOptions& options, double damping, double* step);

/// The pass for an estimate, with everything but the box filled in. `scratch` must outlive it.
AlignmentPass make_pass(const LevelPair& pair, const Estimate& estimate, const RefinementOptions& options, double scale,
                        std::vector<float>& scratch);
/// Fixed pixels to the centred coordinates of the pass.
Matrix3 centred_frame(const PlaneView& fixed);

}  // namespace lumigrad::registration
