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
    : memory_(x), planes_(planes), extent_{extent[0], extent[1], extent[2]} {
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
    for (int a = 1; a < 3; ++a) step_[a - 1] = grid.axis[a].step;
    any = true;
  }
  for (int a = 0; a < 3; ++a) inside &= low_[a] >= 0 && high[a] < extent[a];
  if (inside && step_[1] == 1) {
    std::fill(low_, low_ + 3, 0);
    std::copy(extent, extent + 3, length_);
    step_[0] = 1;
    divide();
    return;
  }
  for (int a = 0; a < 3; ++a) length_[a] = high[a] - low_[a] + 1;
  if (grids.size() == 1 && any) choose_gathered(grids[0]);
  divide();
  find_stretches();
  pending_ = true;
}

template <class T>
void StencilSource<T>::divide() {
  for (int a = 0; a < 2; ++a) part_[a] = parts_of(length_[a + 1], step_[a]);
}

template <class T>
void StencilSource<T>::copy() {
  if (!pending_) return;
  Tensor whole = Tensor::empty({planes_, plane()}, memory_.dtype());
  T* to = whole.mutable_data<T>();
  parallel_for(
      planes_, [&](std::int64_t i) { copy_planes(i, 1, to + i * plane()); }, 1e-4 * static_cast<double>(plane()));
  memory_ = whole;
  pending_ = false;
}

template <class T>
void StencilSource<T>::copy_planes(std::int64_t first, std::int64_t count, T* to, bool again) const {
  const std::int64_t size = extent_[0] * extent_[1] * extent_[2];
  const T* from = memory_.data<T>() + first * size;
  if (!again) std::fill_n(to, count * plane(), T(0));
  for (std::int64_t i = 0; i < count; ++i, from += size, to += plane())
    if (gathered_[0] || gathered_[1] || gathered_[2])
      gather_plane(from, to);
    else
      copy_plane(from, to);
}

template <class T>
void StencilSource<T>::choose_gathered(const TapGrid& grid) {
  double whole = 1, met = 1, image = 1;
  for (int a = 0; a < 3; ++a) {
    const double places = static_cast<double>(grid.axis[a].results) * static_cast<double>(grid.axis[a].offset.size());
    whole *= static_cast<double>(length_[a]);
    met *= std::min(static_cast<double>(length_[a]), places);
    image *= static_cast<double>(extent_[a]);
  }
  if (whole < 4 * (met + image) + 4096) return;
  grid_ = grid;
  for (int a = 0; a < 3; ++a) {
    const auto places = grid.axis[a].results * static_cast<std::int64_t>(grid.axis[a].offset.size());
    if (places >= length_[a]) continue;
    gathered_[a] = true;
    low_[a] = 0;
    length_[a] = places;
    if (a > 0) step_[a - 1] = 1;
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
void StencilSource<T>::gather_plane(const T* from, T* to) const {
  std::vector<std::int64_t> index[3];  // of the image, for each place of the copy
  for (int a = 0; a < 3; ++a)
    for (std::int64_t i = 0; i < length_[a]; ++i) {
      const TapAxis& axis = grid_.axis[a];
      index[a].push_back(gathered_[a]
                             ? axis.offset[static_cast<std::size_t>(i / axis.results)] + i % axis.results * axis.step
                             : low_[a] + i);
    }
  const auto inside = [&](int a, std::int64_t i) {
    const std::int64_t at = index[a][static_cast<std::size_t>(i)];
    return at >= 0 && at < extent_[a] ? at : -1;
  };
  for (std::int64_t i = 0; i < length_[0]; ++i)
    for (std::int64_t j = 0; j < length_[1]; ++j) {
      const std::int64_t z = inside(0, i), y = inside(1, j);
      if (z < 0 || y < 0) continue;
      for (std::int64_t k = 0; k < length_[2]; ++k)
        if (const std::int64_t x = inside(2, k); x >= 0)
          to[place(low_[0] + i, low_[1] + j, low_[2] + k)] = from[(z * extent_[1] + y) * extent_[2] + x];
    }
}

template <class T>
void StencilSource<T>::find_stretches() {
  // Of the indices part, part + step, .. of what is kept of an axis those inside the image.
  struct Inside {
    std::int64_t first, count;
  };
  const auto inside = [&](int a, std::int64_t part, std::int64_t step) {
    const std::int64_t end = std::min(extent_[a], low_[a] + length_[a]);
    std::int64_t first = low_[a] + part;
    if (first < 0) first += parts_of(-first, step) * step;
    return Inside{first, first < end ? parts_of(end - first, step) : 0};
  };
  const auto [slice, slices] = inside(0, 0, 1);
  slices_ = slices;
  for (std::int64_t p = 0; p < step_[0] && slices > 0; ++p)
    for (std::int64_t q = 0; q < step_[1]; ++q)
      if (const auto [row, rows] = inside(1, p, step_[0]); rows > 0)
        if (const auto [column, columns] = inside(2, q, step_[1]); columns > 0)
          stretches_.push_back(
              {(slice * extent_[1] + row) * extent_[2] + column, place(slice, row, column), rows, columns});
}

template <class T>
void StencilSource<T>::copy_plane(const T* from, T* to) const {
  const auto copy_rows = stencil_kernel<T>().copy_rows;
  for (std::int64_t z = 0; z < slices_; ++z, from += extent_[1] * extent_[2], to += slice())
    for (const Stretch& stretch : stretches_)
      copy_rows(from + stretch.from, step_[0] * extent_[2], step_[1], to + stretch.to, part_[1], 1, stretch.rows,
                stretch.columns);
}

template <class T>
std::vector<std::int64_t> StencilSource<T>::rows(const TapGrid& grid, std::int64_t channels) const {
  std::vector<std::int64_t> rows;
  rows.reserve(static_cast<std::size_t>(channels * grid.taps()));
  const std::vector<std::int64_t> at[3] = {offsets(grid, 0), offsets(grid, 1), offsets(grid, 2)};
  for (std::int64_t c = 0; c < channels; ++c)
    for (const std::int64_t i : at[0])
      for (const std::int64_t j : at[1])
        for (const std::int64_t k : at[2]) rows.push_back(c * plane() + place(i, j, k));
  return rows;
}

template <class T>
Windows<T> StencilSource<T>::windows(const TapGrid& grid, const std::vector<std::int64_t>& rows, std::int64_t images,
                                     std::int64_t channels, const T* first) const {
  const TapAxis* axis = grid.axis;
  Windows<T> w = {first,
                  rows.data(),
                  {images, axis[0].results, axis[1].results, axis[2].results},
                  {channels * plane(), stride(grid, 0), stride(grid, 1)}};
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
