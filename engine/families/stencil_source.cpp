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
  if (grids.size() == 1 && any) choose_gathered(grids[0], extent);
  const bool gathers = gathered_[0] || gathered_[1] || gathered_[2];
  part_ = (length_[2] + step_ - 1) / step_;
  const Shape shape = {planes, length_[0], length_[1], step_ * part_};
  memory_ = Tensor::empty(shape, x.dtype());
  const std::int64_t plane = extent[0] * extent[1] * extent[2],
                     copy = shape.numel() / std::max<std::int64_t>(planes, 1);
  const T* from = x.data<T>();
  T* to = memory_.mutable_data<T>();
  parallel_for(
      planes,
      [&](std::int64_t i) {
        if (gathers)
          gather_plane(grids[0], from + i * plane, to + i * copy, extent);
        else
          copy_plane(from + i * plane, to + i * copy, extent);
      },
      1e-4 * static_cast<double>(copy));
}

template <class T>
void StencilSource<T>::choose_gathered(const TapGrid& grid, const std::int64_t (&extent)[3]) {
  double whole = 1, met = 1, image = 1;
  for (int a = 0; a < 3; ++a) {
    const double places = static_cast<double>(grid.axis[a].results) * static_cast<double>(grid.axis[a].offset.size());
    whole *= static_cast<double>(length_[a]);
    met *= std::min(static_cast<double>(length_[a]), places);
    image *= static_cast<double>(extent[a]);
  }
  if (whole < 4 * (met + image) + 4096) return;
  for (int a = 0; a < 3; ++a) {
    const auto places = grid.axis[a].results * static_cast<std::int64_t>(grid.axis[a].offset.size());
    if (places >= length_[a]) continue;
    gathered_[a] = true;
    low_[a] = 0;
    length_[a] = places;
    if (a == 2) step_ = 1;
  }
}

template <class T>
std::vector<std::int64_t> StencilSource<T>::offsets(const TapGrid& grid, int a) const {
  std::vector<std::int64_t> at = grid.axis[a].offset;
  if (gathered_[a])
    for (std::size_t k = 0; k < at.size(); ++k) at[k] = static_cast<std::int64_t>(k) * grid.axis[a].results;
  return at;
}

template <class T>
void StencilSource<T>::gather_plane(const TapGrid& grid, const T* from, T* to, const std::int64_t (&extent)[3]) const {
  std::vector<std::int64_t> index[3];  // of the image, for each place of the copy
  for (int a = 0; a < 3; ++a)
    for (std::int64_t i = 0; i < length_[a]; ++i) {
      const TapAxis& axis = grid.axis[a];
      index[a].push_back(gathered_[a]
                             ? axis.offset[static_cast<std::size_t>(i / axis.results)] + i % axis.results * axis.step
                             : low_[a] + i);
    }
  const auto inside = [&](int a, std::int64_t i) {
    const std::int64_t at = index[a][static_cast<std::size_t>(i)];
    return at >= 0 && at < extent[a] ? at : -1;
  };
  std::memset(to, 0, static_cast<std::size_t>(length_[0] * length_[1] * step_ * part_) * sizeof(T));
  for (std::int64_t i = 0; i < length_[0]; ++i)
    for (std::int64_t j = 0; j < length_[1]; ++j) {
      const std::int64_t z = inside(0, i), y = inside(1, j);
      if (z < 0 || y < 0) continue;
      for (std::int64_t k = 0; k < length_[2]; ++k)
        if (const std::int64_t x = inside(2, k); x >= 0)
          to[place(low_[0] + i, low_[1] + j, low_[2] + k)] = from[(z * extent[1] + y) * extent[2] + x];
    }
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
  const std::vector<std::int64_t> at[3] = {offsets(grid, 0), offsets(grid, 1), offsets(grid, 2)};
  for (std::int64_t c = 0; c < channels; ++c)
    for (const std::int64_t i : at[0])
      for (const std::int64_t j : at[1])
        for (const std::int64_t k : at[2]) rows.push_back(c * channel + place(i, j, k));
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
                  {channels * channel, step(grid, 0) * length_[1] * line, step(grid, 1) * line}};
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
