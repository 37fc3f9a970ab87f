// SPDX-License-Identifier: Apache-2.0
// From the number of an element to its place in K strided arrays of one shape.
//
// Axes that lie behind one another in every array are joined before the launch, so that most walks have one axis and
// cost nothing. What is left is divided in 32 bits where the number of elements allows it.
#pragma once
#include <lumigrad/engine/device/array.h>
#include <lumigrad/engine/math.h>

namespace lumigrad::cuda {

/// Axes are innermost last. Offsets are in elements.
template <int K>
struct Walk {
  int rank = 0;
  std::int64_t count = 1;
  std::int64_t extents[device::max_axes] = {};
  std::int64_t strides[K][device::max_axes] = {};

  Walk() = default;
  /// `arrays` have equal rank and extents; a stride of 0 repeats an element.
  explicit Walk(const device::Array* const (&arrays)[K]) {
    for (int i = 0; i < arrays[0]->rank; ++i) {
      const std::int64_t extent = arrays[0]->extents[i];
      count *= extent;
      if (extent == 1) continue;
      bool joins = rank > 0;
      for (int k = 0; k < K; ++k) joins = joins && strides[k][rank - 1] == arrays[k]->strides[i] * extent;
      if (joins) {
        extents[rank - 1] *= extent;
      } else {
        extents[rank++] = extent;
      }
      for (int k = 0; k < K; ++k) strides[k][rank - 1] = arrays[k]->strides[i];
    }
  }

  /// True when every array is one run of neighbours.
  bool is_plain() const {
    bool plain = rank <= 1;
    for (int k = 0; k < K && rank == 1; ++k) plain = plain && strides[k][0] == 1;
    return plain;
  }

  /// The offsets of element i.
  template <class Index>
  LUMIGRAD_HD void at(Index i, std::int64_t (&offsets)[K]) const {
    for (int k = 0; k < K; ++k) offsets[k] = 0;
    for (int axis = rank - 1; axis >= 0; --axis) {
      const Index extent = static_cast<Index>(extents[axis]), rest = axis > 0 ? i / extent : 0;
      const Index here = i - rest * extent;
      for (int k = 0; k < K; ++k) offsets[k] += here * strides[k][axis];
      i = rest;
    }
  }
};

}  // namespace lumigrad::cuda
