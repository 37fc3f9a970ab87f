// SPDX-License-Identifier: Apache-2.0
// Where to begin when the identity is too far away: correlation over all shifts, rotations and scales.
#pragma once
#include <lumigrad/vision/registration/motion.h>
#include <lumigrad/vision/registration/plane.h>

namespace lumigrad::registration {

/// A coarse motion and its normalised correlation.
struct Candidate {
  Matrix3 map = unit_matrix;
  double score = 0;
};

/// Motions that put the middle of one image onto the middle of the other, as far as a model can express them: one for
/// translation, 24 rotations for rigid, and those at seven scales from 1/2 to 2 beyond.
std::vector<Matrix3> turns(Model model, const PlaneView& fixed, const PlaneView& moving);

/// Every shift of every trial at once: the best `count` motions trial * shift, three peaks a trial, best first. The
/// images are locally normalised and small (some 64 px).
std::vector<Candidate> search(const PlaneView& fixed, const PlaneView& moving, const std::vector<Matrix3>& trials,
                              int count);

}  // namespace lumigrad::registration
