// SPDX-License-Identifier: Apache-2.0
// Two-dimensional Fourier transforms of small square images, for correlation over all shifts at once.
#pragma once
#include <lumigrad/vision/registration/plane.h>

namespace lumigrad::registration {

/// A square of complex numbers, side a power of two, as two planes without gaps.
struct Spectrum {
  explicit Spectrum(int side);
  int side;
  std::vector<float> re, im;
};

/// Replaces a(y, x) by its transform, transposed: entry (u, v) holds frequency u in x and v in y. Twice gives
/// side^2 a(-y, -x).
class Fourier {
 public:
  explicit Fourier(int side);
  void transform(Spectrum& a);

 private:
  void columns(Spectrum& a) const;
  int side_;
  std::vector<int> reversed_;
  std::vector<float> cosine_, sine_;
  Spectrum work_;
};

}  // namespace lumigrad::registration
