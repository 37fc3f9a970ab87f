// SPDX-License-Identifier: Apache-2.0
// The seam to means of a window weighed by likeness (families/bilateral.h). Single precision alone: double goes the way
// of the operators.
#pragma once
#include <lumigrad/engine/cpu/level_table.h>

#include <cstdint>

namespace lumigrad {

/// Rows are read, and results written, up to the next multiple of this.
inline constexpr std::int64_t bilateral_stretch = 32;

/// Channels of one tile, BilateralWindow::plane apart, rows ::line apart; `from`: the first place of the window that
/// the first result sees.
struct BilateralPlanes {
  const float* from;
  std::int64_t channels;
};
struct BilateralWindow {
  std::int64_t rows, columns, row, column;  ///< the window, and the place of it that lies on the pixel
  std::int64_t line, plane;
  float sharpness;    ///< of distance: a weight is near[t] exp(sharpness distance), sharpness < 0
  bool absolute;      ///< the distance is (sum |d|)^2 over channels of the guide, else sum d^2
  const float* near;  ///< [rows columns], of a pixel's own window
  const float* back;  ///< the same of the pixel as a place in the windows of others (adjoint)
  float* room;        ///< bilateral_stretch columns numbers, twice as many for the adjoint
};

struct BilateralKernels {
  /// One row of results, to + c to_plane + i, and behind their last channel the sums of weights.
  void (*mean)(const BilateralWindow& window, BilateralPlanes guide, BilateralPlanes image, float* to,
               std::int64_t to_plane, std::int64_t count);
  /// One row of the adjoint. Of a result with cotangent g and sum of weights W, `scaled` holds g / W for each channel
  /// and then sum over c of y g / W, zero where there is no result. Writes the gradients to the image, then those to
  /// the guide. sums[t] (may be null; 16 numbers each) += what the cotangent says of near[t], sums[rows columns] of the
  /// sharpness.
  void (*adjoint)(const BilateralWindow& window, BilateralPlanes guide, BilateralPlanes image, const float* scaled,
                  float* to, std::int64_t to_plane, std::int64_t count, float* sums);
};

LUMIGRAD_LEVEL_TABLE(BilateralKernels, bilateral_table)
inline const BilateralKernels& bilateral_kernels(Level level) { return LUMIGRAD_AT(level, bilateral_table); }

}  // namespace lumigrad
