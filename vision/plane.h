// SPDX-License-Identifier: Apache-2.0
// Plane: one grey image of floats in memory of its own.
#pragma once
#include <lumigrad/engine/allocator.h>
#include <lumigrad/engine/cpu/plane_kernels.h>

#include <memory>
#include <vector>

namespace lumigrad {

/// Rows start on 64-byte boundaries and may be read up to the next multiple of 16 floats, and 32 floats behind the
/// last. NaN marks pixels that do not count.
class Plane {
 public:
  Plane() = default;
  /// Uninitialised; throws ResourceError beyond the memory budget.
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
    std::size_t bytes;
    void operator()(float* p) const { deallocate(p, bytes); }
  };
  std::unique_ptr<float[], Release> data_;
  int height_ = 0, width_ = 0;
  std::ptrdiff_t stride_ = 0;
};

/// One-sided Gaussian weights t[0..radius] that sum to one over the whole kernel. `variance` in px^2; the sampled
/// kernel has exactly this variance (a truncated, sampled Gaussian would fall short of it).
std::vector<float> gaussian_taps(double variance);

/// The image correlated with a symmetric kernel in x and y. Past the border stands the border pixel (replicate) or NaN.
Plane correlated(const PlaneView& from, const std::vector<float>& taps, bool replicate);

}  // namespace lumigrad
