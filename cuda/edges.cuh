// SPDX-License-Identifier: Apache-2.0
// Edges one pixel wide, and following them.
//
// On the CPU a weak pixel is reached by walking from a strong one. Here every pixel of an edge looks at once: pixels
// that touch are joined into sets (Unions), each named by its first pixel, whatever order the threads come in; then a
// set is kept if a strong pixel is in it. J. Hopcroft and J. Ullman, Set merging algorithms, 1973; the joining by the
// lesser name follows D. Playne and K. Hawick, A new algorithm for parallel connected-component labelling on GPUs,
// 2018.
#pragma once
#include <lumigrad/cuda/tiles.h>
#include <lumigrad/engine/device/filter.h>

namespace lumigrad::cuda {

template <class T>
struct ThinEdges {
  int height, width;
  const T *magnitude, *slope_x, *slope_y;
  T *kept, *edges;
  T low, high;

  template <class Index>
  LUMIGRAD_INLINE void operator()(Index i) const {
    const int x = static_cast<int>(i % width), y = static_cast<int>(i / width % height);
    // The slope to the nearest of four directions: tan(pi / 8) parts them.
    constexpr double part = 0.41421356237309503;
    const double gx = static_cast<double>(slope_x[i]), gy = static_cast<double>(slope_y[i]);
    const double across = abs(gx), down = abs(gy);
    const bool flat = !(down > part * across), steep = !flat && across < part * down;
    const int step_x = steep ? 0 : flat || (gx > 0) == (gy > 0) ? 1 : -1, step_y = flat ? 0 : 1;
    const auto at = [&](int dy, int dx) {
      const bool inside = y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width;
      return inside ? magnitude[i + dy * width + dx] : T(0);
    };
    const T own = magnitude[i];
    const bool keep = own > at(step_y, step_x) && own > at(-step_y, -step_x);
    kept[i] = keep ? T(1) : T(0);
    edges[i] = keep && own > high ? T(1) : keep && own > low ? T(0.5) : T(0);
  }
};

/// Sets of pixels: each names another of its set that comes before it, or itself.
struct Unions {
  std::int32_t* name;

  LUMIGRAD_KERNEL std::int32_t first(std::int32_t i) const {
    const volatile std::int32_t* const names = name;  // others are at work
    for (std::int32_t next = names[i]; next != i; next = names[i]) i = next;
    return i;
  }
  LUMIGRAD_KERNEL void join(std::int32_t a, std::int32_t b) const {
    for (;;) {
      a = first(a);
      b = first(b);
      if (a == b) return;
      const std::int32_t later = a > b ? a : b, earlier = a > b ? b : a, was = atomic_min(name + later, earlier);
      if (was == later) return;
      a = was;  // somebody had joined it to another set meanwhile: that one is to be joined too
      b = earlier;
    }
  }
};

template <class T>
struct EdgeSets {
  const T* edges;
  std::int32_t* name;
  unsigned char* strong;
  LUMIGRAD_INLINE void operator()(std::int64_t i) const {
    name[i] = edges[i] > T(0) ? static_cast<std::int32_t>(i) : -1;
    strong[i] = 0;
  }
};
struct JoinedEdges {
  int height, width;
  Unions sets;
  LUMIGRAD_KERNEL void operator()(std::int32_t i) const {
    if (sets.name[i] < 0) return;
    const int x = i % width, y = i / width % height;
    const auto with = [&](std::int32_t other) {
      if (sets.name[other] >= 0) sets.join(i, other);
    };
    if (x > 0) with(i - 1);
    if (y == 0) return;
    if (x > 0) with(i - width - 1);
    with(i - width);
    if (x + 1 < width) with(i - width + 1);
  }
};
template <class T>
struct StrongSets {
  const T* edges;
  Unions sets;
  unsigned char* strong;
  LUMIGRAD_KERNEL void operator()(std::int32_t i) const {
    if (edges[i] == T(1)) strong[sets.first(i)] = 1;
  }
};
template <class T>
struct FollowedEdges {
  Unions sets;
  const unsigned char* strong;
  T* edges;
  LUMIGRAD_KERNEL void operator()(std::int32_t i) const {
    edges[i] = sets.name[i] >= 0 && strong[sets.first(i)] ? T(1) : T(0);
  }
};

template <class T>
Status run_edges(Place place, const device::EdgeCall& call) {
  const std::int64_t pixels = call.planes * call.height * call.width;
  if (pixels >= std::int64_t{1} << 30) return {Code::unsupported, "2^30 or more pixels"};
  const int height = static_cast<int>(call.height), width = static_cast<int>(call.width);
  T* const edges = static_cast<T*>(call.edges.data);
  LUMIGRAD_TRY(for_each(
      place, pixels,
      ThinEdges<T>{height, width, static_cast<const T*>(call.magnitude.data), static_cast<const T*>(call.x.data),
                   static_cast<const T*>(call.y.data), static_cast<T*>(call.kept.data), edges, static_cast<T>(call.low),
                   static_cast<T>(call.high)}));
  if (!call.follow) return {};
  const Scratch names(place, static_cast<std::size_t>(pixels) * sizeof(std::int32_t));
  LUMIGRAD_TRY(names.status());
  const Scratch marks(place, static_cast<std::size_t>(pixels));
  LUMIGRAD_TRY(marks.status());
  const Unions sets{names.as<std::int32_t>()};
  auto* const strong = marks.as<unsigned char>();
  LUMIGRAD_TRY(for_each(place, pixels, EdgeSets<T>{edges, sets.name, strong}));
  LUMIGRAD_TRY(for_each(place, pixels, JoinedEdges{height, width, sets}));
  LUMIGRAD_TRY(for_each(place, pixels, StrongSets<T>{edges, sets, strong}));
  return for_each(place, pixels, FollowedEdges<T>{sets, strong, edges});
}

}  // namespace lumigrad::cuda
