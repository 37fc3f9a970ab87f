// SPDX-License-Identifier: Apache-2.0
// What registration promises, measured on scenes given by formulas, whose truth is exact. The program
// registration_proofs measures at full length, a test at a tenth of it.
#pragma once
#include <lumigrad/engine/tensor.h>
#include <lumigrad/vision/registration/registration.h>

#include <array>
#include <vector>

namespace proofs {

using lumigrad::registration::Model;

/// Predicted and true corner errors over pairs with noise of deviation `sigma` in both images. `correlated`: the noise
/// is independent before a binomial blur of 5 pixels each way, as from a camera's own processing.
struct Certainty {
  double variance_ratio = 0;  ///< sum of squared errors over sum of predicted variances; 1 where they agree
  double normalised = 0;      ///< root mean square of error over predicted deviation, each corner by its own
  int converged = 0;
};
Certainty certainty(Model model, bool correlated, double sigma, int pairs);

/// Corner errors without noise.
struct Exactness {
  double mean = 0, worst = 0;  ///< px
  double scale = 0;            ///< mean of found over true scale at the middle, less one
  int converged = 0;
};
/// Waves from 4 px on, both views through a Gaussian of `blur` px.
Exactness exactness(Model model, double blur, int pairs);
/// A band of an eighth of the width moves on its own and is masked in both images.
Exactness masked_band(Model model, int pairs);

/// Pairs that make no sense: constant, tiny, NaN, unrelated, of different sizes, types, masks and options.
struct Nonsense {
  int pairs = 0, thrown = 0, not_numbers = 0;
  std::array<int, 5> statuses{};
};
/// The pairs first .. first + count - 1.
Nonsense nonsense(int first, int count);

/// How many of the pairs of different photographs (views of 256 x 192; where there are less than two, of different
/// textures) are called converged.
int converged_though_unrelated(const std::vector<lumigrad::Tensor>& photographs, int pairs);

/// One pair of this size, 8-bit grey, under a homography.
struct Large {
  double seconds = 0, error = 0;  ///< s, px
  double predicted = 0;           ///< root mean square of the predicted corner deviations, px
  double peak_bytes = 0;          ///< of this process, images included
  bool converged = false;
};
Large large(int height, int width);

}  // namespace proofs
