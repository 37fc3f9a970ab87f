// SPDX-License-Identifier: Apache-2.0
// Windows transposed: cotangents of results go back to the pixels that the windows saw, those beyond the image too.
#pragma once
#include <lumigrad/engine/families/filter_plan.h>
#include <lumigrad/engine/families/interpolation.h>
#include <lumigrad/engine/parallel.h>
#include <algorithm>
#include <vector>

namespace lumigrad {

/// Calls body(plane, slice, first row, end) for all rows of the results, in jobs of `rows`.
template <class Body>
void for_rows(const FilterPlan& plan, std::int64_t rows, double multiplications, const Body& body) {
  if (plan.planes == 0 || plan.result_numel() == 0) return;
  const std::int64_t height = plan.axis[1].result, jobs = (height + rows - 1) / rows, slices = plan.axis[0].result;
  constexpr double multiplications_a_microsecond = 1e4;
  const double row = static_cast<double>(std::min(rows, height)) * static_cast<double>(plan.axis[2].result);
  parallel_for(
      plan.planes * slices * jobs,
      [&](std::int64_t job) {
        const std::int64_t begin = job % jobs * rows;
        body(job / jobs / slices, job / jobs % slices, begin, std::min(begin + rows, height));
      },
      row * multiplications / multiplications_a_microsecond);
}

/// The transposed correlation, whose result starts `start` places into the image along each axis and has these extents.
inline FilterPlan transposed(const FilterPlan& plan, const std::int64_t (&start)[3], const std::int64_t (&extent)[3]) {
  FilterPlan back = plan;
  back.border = Border::zeros;
  for (std::size_t a = 0; a < 3; ++a) {
    const FilterAxis& axis = plan.axis[a];
    back.axis[a] = {axis.result, extent[a], axis.taps, axis.taps - 1 - axis.front - start[a]};
  }
  return back;
}

/// What falls outside the image: the slabs around it, one pair an axis, each made alone and added where the rule of the
/// border had read. `make(plan, plane, to)` computes one.
template <class T, class Make>
void fold_margins(const FilterPlan& plan, T* image, const Make& make) {
  if (plan.border == Border::zeros || plan.image_numel() == 0 || plan.result_numel() == 0) return;
  std::int64_t low[3], high[3];  // the places that were read: [low, high)
  bool outside = false;
  for (std::size_t a = 0; a < 3; ++a) {
    const FilterAxis& axis = plan.axis[a];
    low[a] = std::min<std::int64_t>(-axis.front, 0);
    high[a] = std::max(axis.result - axis.front + axis.taps - 1, axis.image);
    outside = outside || low[a] < 0 || high[a] > axis.image;
  }
  if (!outside) return;
  constexpr std::int64_t least_columns = 16;
  parallel_for(plan.planes, [&](std::int64_t plane) {
    std::vector<T> slab;
    T* to = image + plane * plan.image_numel();
    for (std::size_t a = 0; a < 3; ++a) {
      for (const bool behind : {false, true}) {
        std::int64_t start[3], extent[3];
        for (std::size_t b = 0; b < 3; ++b) {
          start[b] = b < a ? 0 : low[b];
          extent[b] = b < a ? plan.axis[b].image : high[b] - low[b];
        }
        start[a] = behind ? plan.axis[a].image : low[a];
        extent[a] = (behind ? high[a] : 0) - start[a];
        if (extent[0] * extent[1] * extent[2] == 0) continue;
        // A few columns cost as much as a vector of them, and less than one by one.
        std::int64_t from_place[3] = {start[0], start[1], start[2]}, made[3] = {extent[0], extent[1], extent[2]};
        made[2] = std::max(extent[2], least_columns);
        if (behind && a == 2) from_place[2] += extent[2] - made[2];
        FilterPlan part = transposed(plan, from_place, made);
        part.planes = part.planes_a_kernel = 1;
        slab.assign(static_cast<std::size_t>(part.result_numel()), T(0));
        make(part, plane, slab.data());
        const auto at = [&](std::size_t b, std::int64_t i) {
          return index_at_border(start[b] + i, plan.axis[b].image, plan.border);
        };
        const T* from = slab.data();
        for (std::int64_t z = 0; z < extent[0]; ++z)
          for (std::int64_t y = 0; y < extent[1]; ++y) {
            T* line = to + (at(0, z) * plan.axis[1].image + at(1, y)) * plan.axis[2].image;
            for (std::int64_t x = 0; x < extent[2]; ++x) line[at(2, x)] += from[x + start[2] - from_place[2]];
            from += made[2];
          }
      }
    }
  });
}

}  // namespace lumigrad
