// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/stencil_source.h>

#include <lumigrad/engine/parallel.h>
#include <algorithm>
#include <cstring>

namespace lumigrad {

std::int64_t TapGrid::taps() const {
  std::int64_t count = 1;
  for (const TapAxis& a : axis) count *= static_cast<std::int64_t>(a.offset.size());
  return count;
}

TapGrid window_grid(const Stencil& s) {
  TapGrid grid;
  for (int a = 0; a < 3; ++a) {
    const StencilAxis& axis = s.axis[a];
    grid.axis[a] = {axis.out, axis.stride, {}};
    for (std::int64_t k = 0; k < axis.taps; ++k) grid.axis[a].offset.push_back(axis.dilation * k - axis.before);
  }
  return grid;
}

template <class T>
StencilSource<T>::StencilSource(const Tensor& x, std::int64_t planes, const std::int64_t (&extent)[3],
                                const std::vector<TapGrid>& grids)
    : memory_(x) {
  bool inside = true, any = false;
  std::int64_t high[3]{};
  for (const TapGrid& grid : grids) {
    if (grid.taps() == 0 || grid.results() == 0) continue;
    for (int a = 0; a < 3; ++a) {
      const TapAxis& axis = grid.axis[a];
      const auto [least, most] = std::minmax_element(axis.offset.begin(), axis.offset.end());
      const std::int64_t last = *most + axis.step * (axis.results - 1);
      low_[a] = any ? std::min(low_[a], *least) : *least;
      high[a] = any ? std::max(high[a], last) : last;
    }
    step_ = grid.axis[2].step;
    any = true;
  }
  for (int a = 0; a < 3; ++a) inside &= low_[a] >= 0 && high[a] < extent[a];
  if (inside && step_ == 1) {
    std::fill(low_, low_ + 3, 0);
    std::copy(extent, extent + 3, length_);
    part_ = length_[2];
    return;
  }
  for (int a = 0; a < 3; ++a) length_[a] = high[a] - low_[a] + 1;
  part_ = (length_[2] + step_ - 1) / step_;
  const Shape shape = {planes, length_[0], length_[1], step_ * part_};
  memory_ = Tensor::empty(shape, x.dtype());
  const std::int64_t plane = extent[0] * extent[1] * extent[2],
                     copy = shape.numel() / std::max<std::int64_t>(planes, 1);
  const T* from = x.data<T>();
  T* to = memory_.mutable_data<T>();
  parallel_for(
      planes, [&](std::int64_t i) { copy_plane(from + i * plane, to + i * copy, extent); },
      1e-4 * static_cast<double>(copy));
}

template <class T>
void StencilSource<T>::copy_plane(const T* from, T* to, const std::int64_t (&extent)[3]) const {
  const std::int64_t row = step_ * part_;
  std::memset(to, 0, static_cast<std::size_t>(length_[0] * length_[1] * row) * sizeof(T));
  std::int64_t begin[3], end[3];  // of the image, where it is kept
  for (int a = 0; a < 3; ++a) {
    begin[a] = std::max<std::int64_t>(low_[a], 0);
    end[a] = std::min(extent[a], low_[a] + length_[a]);
    if (begin[a] >= end[a]) return;
  }
  for (std::int64_t z = begin[0]; z < end[0]; ++z)
    for (std::int64_t y = begin[1]; y < end[1]; ++y) {
      const T* line = from + (z * extent[1] + y) * extent[2];
      T* into_row = to + ((z - low_[0]) * length_[1] + y - low_[1]) * row;
      if (step_ == 1) {
        std::copy(line + begin[2], line + end[2], into_row + begin[2] - low_[2]);
        continue;
      }
      for (std::int64_t part = 0; part < std::min(step_, length_[2]); ++part) {
        const std::int64_t first = low_[2] + part;  // of the image, or before it
        const std::int64_t skip = first < begin[2] ? (begin[2] - first + step_ - 1) / step_ : 0;
        const T* read = line + first + skip * step_;
        T* write = into_row + part * part_ + skip;
        const std::int64_t count = (end[2] - first - skip * step_ + step_ - 1) / step_;
        if (step_ == 2)
          for (std::int64_t i = 0; i < count; ++i) write[i] = read[2 * i];
        else
          for (std::int64_t i = 0; i < count; ++i) write[i] = read[i * step_];
      }
    }
}

template <class T>
std::vector<std::int64_t> StencilSource<T>::rows(const TapGrid& grid, std::int64_t channels) const {
  const std::int64_t channel = length_[0] * length_[1] * step_ * part_;
  std::vector<std::int64_t> rows;
  rows.reserve(static_cast<std::size_t>(channels * grid.taps()));
  for (std::int64_t c = 0; c < channels; ++c)
    for (const std::int64_t i : grid.axis[0].offset)
      for (const std::int64_t j : grid.axis[1].offset)
        for (const std::int64_t k : grid.axis[2].offset) rows.push_back(c * channel + place(i, j, k));
  return rows;
}

template <class T>
Windows<T> StencilSource<T>::windows(const TapGrid& grid, const std::vector<std::int64_t>& rows, std::int64_t images,
                                     std::int64_t channels, std::int64_t first) const {
  const std::int64_t line = step_ * part_, channel = length_[0] * length_[1] * line;
  const TapAxis* axis = grid.axis;
  Windows<T> w = {memory_.data<T>() + first * channel,
                  rows.data(),
                  {images, axis[0].results, axis[1].results, axis[2].results},
                  {channels * channel, axis[0].step * length_[1] * line, axis[1].step * line}};
  for (int again = 0; again < 2; ++again)
    if (w.extent[2] == 1 || w.stride[2] == w.extent[3]) {  // rows that go on where the last one ends: longer runs
      w.extent[3] *= w.extent[2];
      w.extent[2] = w.extent[1];
      w.stride[2] = w.stride[1];
      w.extent[1] = 1;
    }
  return w;
}

template class StencilSource<float>;
template class StencilSource<double>;

}  // namespace lumigrad
