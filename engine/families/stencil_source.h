// SPDX-License-Identifier: Apache-2.0
// An image as the windows of a stencil read it: with its margins of zeros, and in an order in which the windows of
// neighbouring results lie behind one another. Then a window is a pointer and a table of distances, and nobody asks
// again where the image ends.
#pragma once
#include <lumigrad/engine/cpu/stencil_kernels.h>
#include <lumigrad/engine/families/stencil.h>

namespace lumigrad {

/// How many parts of at most so many make a number.
inline std::int64_t parts_of(std::int64_t count, std::int64_t most) { return (count + most - 1) / most; }

/// How the windows lie on one axis: result i and tap k meet index step i + offset[k] of the image, inside it or not.
struct TapAxis {
  std::int64_t results = 1, step = 1;
  std::vector<std::int64_t> offset = {0};
  std::int64_t first = 0;  ///< result i stands at first + i `apart` of the axis of results
  std::int64_t apart = 1;
};
/// A set of windows: taps and results are those of the three axes, in rows of the image.
struct TapGrid {
  TapAxis axis[3];
  std::int64_t taps() const;
  std::int64_t results() const { return axis[0].results * axis[1].results * axis[2].results; }
};

/// Every window of the image.
TapGrid window_grid(const Stencil& stencil);

/// The image itself where every window lies inside it and neighbouring windows are neighbours; otherwise a copy with
/// zeros around it whose rows keep together the numbers that are `step` apart. Where most of that copy would be met by
/// no window (strides or dilations far beyond the image), an axis of the copy holds, tap after tap, what the tap meets.
template <class T>
class StencilSource {
 public:
  /// x: [images, channels, extents] dense. The grids have one step along the last axis.
  StencilSource(const Tensor& x, std::int64_t planes, const std::int64_t (&extent)[3],
                const std::vector<TapGrid>& grids);
  /// Distances of the taps of `channels` channels, channel by channel, from the start of a window.
  std::vector<std::int64_t> rows(const TapGrid& grid, std::int64_t channels) const;
  /// The windows of some images whose channels are `channels` apart, from channel `first` of the first image on.
  Windows<T> windows(const TapGrid& grid, const std::vector<std::int64_t>& rows, std::int64_t images,
                     std::int64_t channels, std::int64_t first) const;

 private:
  std::int64_t place(std::int64_t a, std::int64_t b, std::int64_t c) const {
    c -= low_[2];
    return ((a - low_[0]) * length_[1] + b - low_[1]) * step_ * part_ + c % step_ * part_ + c / step_;
  }
  void copy_plane(const T* from, T* to, const std::int64_t (&extent)[3]) const;
  void choose_gathered(const TapGrid& grid, const std::int64_t (&extent)[3]);
  void gather_plane(const TapGrid& grid, const T* from, T* to, const std::int64_t (&extent)[3]) const;
  /// Of axis a: where taps stand in the copy, and how far apart results are.
  std::vector<std::int64_t> offsets(const TapGrid& grid, int a) const;
  std::int64_t step(const TapGrid& grid, int a) const { return gathered_[a] ? 1 : grid.axis[a].step; }

  Tensor memory_;
  std::int64_t low_[3]{}, length_[3]{};  // the part of each axis that is kept; indices may lie outside the image
  std::int64_t step_ = 1, part_ = 0;     // a row is `step` parts
  bool gathered_[3]{};
};

extern template class StencilSource<float>;
extern template class StencilSource<double>;

}  // namespace lumigrad
