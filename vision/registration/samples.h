// SPDX-License-Identifier: Apache-2.0
// Pairs of grey levels on a fixed lattice: cheap statistics of how well a motion explains two images.
#pragma once
#include <lumigrad/vision/registration/motion.h>
#include <lumigrad/vision/registration/plane.h>

namespace lumigrad::registration {

/// The value in the middle (of an even number, the upper of the two); 0 for none. Spoils the values.
float median(std::vector<float>& values);

/// About `count` pixels of an image in a regular lattice, `margin` pixels away from its border.
struct Lattice {
  Lattice(const PlaneView& image, int count, int margin);
  int step, first_x, first_y, across, down;
  int x(int i) const { return first_x + i * step; }
  int y(int j) const { return first_y + j * step; }
};

/// Reads image(map x) at the places of a lattice, row by row, NaN where there is none.
class LatticeReader {
 public:
  LatticeReader(const PlaneView& image, const Matrix3& map, const Lattice& lattice, Sampling sampling);
  /// Floats that a row takes in memory.
  std::size_t pitch() const { return static_cast<std::size_t>((across_ + 15) / 16 * 16); }
  void read(int j, float* row) const;

 private:
  AlignmentPass pass_;
  int across_;
  bool possible_;
};

/// All rows of a lattice.
class LatticeValues {
 public:
  LatticeValues(const PlaneView& image, const Matrix3& map, const Lattice& lattice, Sampling sampling);
  const float* row(int j) const { return values_.data() + static_cast<std::size_t>(j) * pitch_; }

 private:
  std::size_t pitch_;
  std::vector<float> values_;
};

/// Grey levels of the fixed image and of the moving image at the mapped place, where both exist.
struct Samples {
  std::vector<float> fixed, moving;
  int asked = 0;  ///< lattice points whose fixed pixel counts
  double overlap() const { return asked ? static_cast<double>(fixed.size()) / asked : 0; }
};

/// About `count` points of a regular lattice.
Samples sample_pairs(const PlaneView& fixed, const PlaneView& moving, const Matrix3& map, int count, Sampling sampling);

/// moving * gain + bias = fixed, by iteratively reweighted least squares from medians.
struct Tone {
  double gain = 1, bias = 0;
};
Tone fit_tone(const Samples& samples);
/// The same from a tone nearby.
Tone improved(const Samples& samples, Tone tone);
/// From medians and from equal contrast, whichever explains more: where something covers much of a flat scene, medians
/// mistake the cover for the scene.
Tone best_tone(const Samples& samples);

/// 1.4826 times the median absolute residual gain m + bias - f; a lower bound keeps it positive.
double residual_scale(const Samples& samples, const Tone& tone);

/// The *local correlation* of two locally normalised images under a motion, in [-1, 1]: correlation coefficients of
/// cells of 8x8 pixels, the mean of the best seven tenths of them. What covers less than the rest of the overlap does
/// not lower it; a wrong motion does, because it is wrong nearly everywhere.
struct Agreement {
  double correlation = 0;
  double overlap = 0;  ///< share of the fixed image's pixels that have a counterpart
};
Agreement agreement(const PlaneView& fixed, const PlaneView& moving, const Matrix3& map);

}  // namespace lumigrad::registration
