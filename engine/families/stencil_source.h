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
/// zeros around it that keeps together the numbers, and the rows, that are a step apart. The copy is made whole, before
/// planes are read, or plane by plane by who reads them: what one thread reads once it finds in its own cache. Where
/// most of that copy would be met by no window (strides or dilations far beyond the image), an axis of the copy holds,
/// tap after tap, what the tap meets.
template <class T>
class StencilSource {
 public:
  /// x: [images, channels, extents] dense. The grids have one step along the last axis.
  StencilSource(const Tensor& x, std::int64_t planes, const std::int64_t (&extent)[3],
                const std::vector<TapGrid>& grids);
  /// Whether planes have to be copied still, and copies all of them.
  bool pending() const { return pending_; }
  void copy();
  /// Numbers of a plane, and `count` planes from `first` on as windows read them; `again`: where others stood before,
  /// whose zeros are still there.
  std::int64_t plane() const { return length_[0] * slice(); }
  void copy_planes(std::int64_t first, std::int64_t count, T* to, bool again = false) const;
  /// Plane i, if nothing is pending.
  const T* at(std::int64_t i) const { return memory_.data<T>() + i * plane(); }
  /// Distances of the taps of `channels` channels, channel by channel, from the start of a window.
  std::vector<std::int64_t> rows(const TapGrid& grid, std::int64_t channels) const;
  /// How far apart results that are neighbours along an axis start.
  std::int64_t stride(const TapGrid& grid, int a) const {
    return a == 0 ? step(grid, 0) * slice() : a == 1 ? step(grid, 1) / step_[0] * part_[1] : 1;
  }
  /// The windows of some images, from the plane at `first` on; images are `channels` planes apart.
  Windows<T> windows(const TapGrid& grid, const std::vector<std::int64_t>& rows, std::int64_t images,
                     std::int64_t channels, const T* first) const;

 private:
  std::int64_t place(std::int64_t a, std::int64_t b, std::int64_t c) const {
    a -= low_[0], b -= low_[1], c -= low_[2];
    return (((a * step_[0] + b % step_[0]) * step_[1] + c % step_[1]) * part_[0] + b / step_[0]) * part_[1] +
           c / step_[1];
  }
  std::int64_t slice() const { return step_[0] * step_[1] * part_[0] * part_[1]; }
  void divide();
  void find_stretches();
  void copy_plane(const T* from, T* to) const;
  void choose_gathered(const TapGrid& grid);
  void gather_plane(const T* from, T* to) const;
  /// Of axis a: where taps stand in the copy, and how far apart results are.
  std::vector<std::int64_t> offsets(const TapGrid& grid, int a) const;
  std::int64_t step(const TapGrid& grid, int a) const { return gathered_[a] ? 1 : grid.axis[a].step; }

  Tensor memory_;  // the image, or all of the copy
  std::int64_t planes_, extent_[3];
  bool pending_ = false;
  TapGrid grid_;                               // where it is gathered
  std::int64_t low_[3]{}, length_[3]{};        // the part of each axis that is kept; indices may lie outside the image
  std::int64_t step_[2] = {1, 1}, part_[2]{};  // of the last two axes: index i stands at i / step of part i % step
  bool gathered_[3]{};
  /// Rows and columns of a slice whose rest by the steps is the same: where they stand in the image and in the copy.
  struct Stretch {
    std::int64_t from, to, rows, columns;
  };
  std::vector<Stretch> stretches_;
  std::int64_t slices_ = 0;
};

extern template class StencilSource<float>;
extern template class StencilSource<double>;

}  // namespace lumigrad
