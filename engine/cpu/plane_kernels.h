// SPDX-License-Identifier: Apache-2.0
// The seam to the row kernels of grey planes: smoothing, halving, grey conversion, local contrast and the butterflies
// of a two-dimensional Fourier transform. Everything is separable, touches rows front to back, and lets NaN spread.
#pragma once
#include <lumigrad/engine/cpu/normal_equations.h>

#include <cstdint>

namespace lumigrad {

/// Longest one-sided kernel of PlaneKernels::smooth.
inline constexpr int longest_smoothing = 24;

struct PlaneKernels {
  /// to = from correlated with the symmetric kernel taps[radius] .. taps[0] .. taps[radius] in x and y. Past the border
  /// stands the border pixel (replicate) or NaN. `row` holds width + 2 * longest_smoothing + 64 floats; rows of both
  /// planes may be read and written up to the next multiple of 16.
  void (*smooth)(const PlaneView& from, float* to, std::ptrdiff_t stride, const float* taps, int radius, bool replicate,
                 float* row);
  /// to(x, y) = from at (2 x + 0.5, 2 y + 0.5), weights (1 3 3 1) / 8 in x and y, the border pixel repeated.
  void (*halve)(const PlaneView& from, float* to, std::ptrdiff_t stride, float* row);
  /// A row at double the size, in y between two rows: weights 3/4 near and 1/4 far in y and x, the border pixel
  /// repeated. `n` floats are written; `row` holds n / 2 + 64.
  void (*doubled_row)(const float* near, const float* far, float* to, std::size_t n, float* row);
  /// grey = 0.299 r + 0.587 g + 0.114 b
  void (*grey)(const float* r, const float* g, const float* b, float* to, std::size_t n);
  /// value <- (value - mean) / (sqrt(max(0, square - mean^2)) + floor)
  void (*local_contrast)(float* value, const float* mean, const float* square, float floor, std::size_t n);
  /// (a, b) <- (a + b, (a - b) (c + i s)) on n complex numbers kept as two planes.
  void (*butterfly)(float* a_re, float* a_im, float* b_re, float* b_im, float c, float s, std::size_t n);
};

LUMIGRAD_LEVEL_TABLE(PlaneKernels, plane_table)
/// The kernels compiled for a level; a level this build lacks falls to the best below it.
inline const PlaneKernels& plane_kernels(Level level) { return LUMIGRAD_AT(level, plane_table); }

}  // namespace lumigrad
