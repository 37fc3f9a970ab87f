// SPDX-License-Identifier: Apache-2.0
// Plane: one grey image of floats in memory of its own. NaN marks pixels that do not count.
#pragma once
#include <lumigrad/engine/cpu/plane_kernels.h>

#include <cstdlib>
#include <memory>
#include <vector>

namespace lumigrad::registration {

/// Rows start on 64-byte boundaries and may be read up to the next multiple of 16 floats.
class Plane {
 public:
  Plane() = default;
  /// Uninitialised; throws std::bad_alloc.
  Plane(int height, int width);

  int height() const { return height_; }
  int width() const { return width_; }
  std::ptrdiff_t stride() const { return stride_; }
  bool empty() const { return !data_; }
  float* row(int y) { return data_.get() + y * stride_; }
  const float* row(int y) const { return data_.get() + y * stride_; }
  std::size_t floats() const { return static_cast<std::size_t>(stride_) * static_cast<std::size_t>(height_); }
  PlaneView view() const { return {data_.get(), height_, width_, stride_}; }
  operator PlaneView() const { return view(); }

  /// Whether some pixel does not count; decides between the plain and the normalised filters.
  bool masked = false;

 private:
  struct Release {
    void operator()(float* p) const { std::free(p); }
  };
  std::unique_ptr<float[], Release> data_;
  int height_ = 0, width_ = 0;
  std::ptrdiff_t stride_ = 0;
};

/// One-sided Gaussian weights t[0..radius] that sum to one over the whole kernel. `variance` in px^2; the sampled
/// kernel has exactly this variance (a truncated, sampled Gaussian would fall short of it).
std::vector<float> gaussian_taps(double variance);

/// The image smoothed by a Gaussian. Pixels whose support meets the border or a pixel that does not count become NaN:
/// what is left is exact.
Plane smoothed(const PlaneView& from, double variance);

/// The image at half the size: pixel (x, y) stands at (2 x + 0.5, 2 y + 0.5). Next to pixels that do not count, the
/// mean of those that do, as long as they make up half of the weight.
Plane halved(const Plane& from);

/// (value - local mean) / (local deviation + floor), both under a Gaussian of `sigma` px over the pixels that count.
Plane local_contrast(const Plane& from, double sigma);

/// Mean and deviation of the pixels that count, on a lattice; {0, 0} when there are none.
struct Spread {
  double mean = 0, deviation = 0;
};
Spread spread(const PlaneView& from);

}  // namespace lumigrad::registration
