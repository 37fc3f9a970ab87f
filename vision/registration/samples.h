// SPDX-License-Identifier: Apache-2.0
// Pairs of grey levels on a fixed lattice: cheap statistics of how well a motion explains two images.
#pragma once
#include <lumigrad/vision/registration/motion.h>
#include <lumigrad/vision/registration/plane.h>

namespace lumigrad::registration {

/// Grey levels of the fixed image and of the moving image at the mapped place, where both exist.
struct Samples {
  std::vector<float> fixed, moving;
  int asked = 0;  ///< lattice points whose fixed pixel counts
  double overlap() const { return asked ? static_cast<double>(fixed.size()) / asked : 0; }
};

/// About `count` points of a regular lattice, the moving image read bilinearly.
Samples sample_pairs(const PlaneView& fixed, const PlaneView& moving, const Matrix3& map, int count);

/// moving * gain + bias = fixed, by iteratively reweighted least squares from medians.
struct Tone {
  double gain = 1, bias = 0;
};
Tone fit_tone(const Samples& samples);

/// 1.4826 times the median absolute residual gain m + bias - f; a lower bound keeps it positive.
double residual_scale(const Samples& samples, const Tone& tone);

/// Normalised product of locally normalised images over the overlap, in [-1, 1]: the *local correlation*.
double correlation(const Samples& samples);

}  // namespace lumigrad::registration
