// SPDX-License-Identifier: Apache-2.0
// The largest of windows that stand apart, back to where it came from, and margins.
#pragma once
#include <lumigrad/cuda/tiles.h>
#include <lumigrad/engine/device/stencil.h>

namespace lumigrad::cuda {

/// device::PoolAxis in the numbers of a kernel.
struct PoolLine {
  int extent = 1, results = 1, stride = 1, before = 0, reach = 1, dilation = 1;

  /// The pixels that window i sees: begin, begin + dilation, ... below end.
  LUMIGRAD_INLINE void window(int i, int& begin, int& end) const {
    if (stride == 0) {
      begin = static_cast<int>(static_cast<std::int64_t>(i) * extent / results);
      end = static_cast<int>((static_cast<std::int64_t>(i + 1) * extent + results - 1) / results);
      return;
    }
    const int first = stride * i - before;
    begin = first < 0 ? first + (-first + dilation - 1) / dilation * dilation : first;
    end = first + reach < extent ? first + reach : extent;
  }
  /// The windows that may see pixel j: first ... last.
  LUMIGRAD_INLINE void windows(int j, int& first, int& last) const {
    if (stride == 0) {
      first = static_cast<int>(static_cast<std::int64_t>(j) * results / extent);
      last = static_cast<int>((static_cast<std::int64_t>(j + 1) * results + extent - 1) / extent) - 1;
    } else {
      const int over = j + before - reach + 1;
      first = over <= 0 ? 0 : (over + stride - 1) / stride;
      last = (j + before) / stride;
    }
    if (last >= results) last = results - 1;
  }
};

struct PoolLines {
  PoolLine axis[3];
  LUMIGRAD_HD std::int64_t pixels() const {
    return static_cast<std::int64_t>(axis[0].extent) * axis[1].extent * axis[2].extent;
  }
  LUMIGRAD_HD std::int64_t windows() const {
    return static_cast<std::int64_t>(axis[0].results) * axis[1].results * axis[2].results;
  }
};

template <class T>
struct Largest {
  PoolLines p;
  const T* x;
  std::int64_t* index;

  template <class Index>
  LUMIGRAD_INLINE void operator()(Index i) const {
    const PoolLine &deep = p.axis[0], &down = p.axis[1], &across = p.axis[2];
    int z0, z1, y0, y1, x0, x1;
    deep.window(static_cast<int>(i / across.results / down.results % deep.results), z0, z1);
    down.window(static_cast<int>(i / across.results % down.results), y0, y1);
    across.window(static_cast<int>(i % across.results), x0, x1);
    const T* const plane = x + i / static_cast<Index>(p.windows()) * p.pixels();
    std::int64_t at = (static_cast<std::int64_t>(z0) * down.extent + y0) * across.extent + x0;
    T best = plane[at];
    for (int a = z0; a < z1; a += deep.dilation)
      for (int b = y0; b < y1; b += down.dilation) {
        const std::int64_t line = (static_cast<std::int64_t>(a) * down.extent + b) * across.extent;
        for (int c = x0; c < x1; c += across.dilation)
          if (const T value = plane[line + c]; value > best || (value != value && best == best)) {
            best = value;
            at = line + c;
          }
      }
    index[i] = at;
  }
};

/// image[j] = sum of the cotangents of those windows whose index says j.
template <class T>
struct Unpooled {
  PoolLines p;
  const T* result;
  const std::int64_t* index;
  T* image;

  template <class Index>
  LUMIGRAD_INLINE void operator()(Index i) const {
    const PoolLine &deep = p.axis[0], &down = p.axis[1], &across = p.axis[2];
    int z0, z1, y0, y1, x0, x1;
    deep.windows(static_cast<int>(i / across.extent / down.extent % deep.extent), z0, z1);
    down.windows(static_cast<int>(i / across.extent % down.extent), y0, y1);
    across.windows(static_cast<int>(i % across.extent), x0, x1);
    const auto pixels = static_cast<Index>(p.pixels());
    const std::int64_t plane = i / pixels, own = i % pixels;
    T sum = 0;
    for (int a = z0; a <= z1; ++a)
      for (int b = y0; b <= y1; ++b)
        for (int c = x0; c <= x1; ++c) {
          const std::int64_t at =
              plane * p.windows() + (static_cast<std::int64_t>(a) * down.results + b) * across.results + c;
          if (index[at] == own) sum += result[at];
        }
    image[i] = sum;
  }
};

/// z[n, i] = x[n, index[n, i]], 0 where nothing was picked.
template <class T>
struct Picked {
  std::int64_t extent, count;
  const T* x;
  const std::int64_t* index;
  T* z;

  template <class Index>
  LUMIGRAD_INLINE void operator()(Index i) const {
    const std::int64_t at = index[i];
    z[i] = at < extent ? x[i / static_cast<Index>(count) * extent + at] : T(0);
  }
};

// ---- margins --------------------------------------------------------------------------------------------------------

/// One axis of a padded array, or several that have no margins. Of x and y: elements from one index to the next.
struct PadAxis {
  std::int64_t x, y, before;  ///< extents, and where x begins in y
};

/// Element is an unsigned number of the element's size.
template <class Element>
struct Padded {
  PadAxis axis[device::max_axes];
  int axes;
  Border border;
  const Element *x, *value;
  Element* y;

  template <class Index>
  LUMIGRAD_INLINE void operator()(Index i) const {
    Index rest = i;
    std::int64_t at = 0, step = 1;
    bool there = true;
    for (int a = axes - 1; a >= 0; --a) {
      const auto extent = static_cast<Index>(axis[a].y);
      const Index own = rest % extent - static_cast<Index>(axis[a].before);
      rest /= extent;
      const Index from = index_at_border(own, static_cast<Index>(axis[a].x), border);
      there = there && from >= 0;
      at += from * step;
      step *= axis[a].x;
    }
    y[i] = there ? x[at] : *value;
  }
};

}  // namespace lumigrad::cuda
