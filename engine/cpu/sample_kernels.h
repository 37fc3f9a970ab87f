// SPDX-License-Identifier: Apache-2.0
// The seam between the sample family and its machine code: one image at a time, raw pointers in, a table of functions
// out for each instruction level.
//
// The output is cut into tiles of 32 x 32 pixels, numbered row by row. Within a tile positions are kept relative to an
// integer point of the image near the tile, so that single precision does not run out of digits on large images.
#pragma once
#include <lumigrad/engine/cpu/level_table.h>
#include <lumigrad/engine/families/interpolation.h>

namespace lumigrad {

inline constexpr int sample_tile = 32;

/// One image, one map from output pixels to image positions, and how to read.
template <class T>
struct SampleTask {
  const T* image = nullptr;  ///< the pixels of a row are adjacent (not read by splat)
  int height = 0, width = 0, channels = 0;
  std::ptrdiff_t channel_stride = 0, row_stride = 0;  ///< in elements
  int out_height = 0, out_width = 0;                  ///< outputs and cotangents are dense [C, out_height, out_width]
  MapKind kind = MapKind::affine;
  double matrix[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};  ///< output pixel -> image position
  const T* grid_x = nullptr;                       ///< kind grid: positions instead
  const T* grid_y = nullptr;
  std::ptrdiff_t grid_row = 0, grid_pixel = 0;
  std::ptrdiff_t gradient_pixel = 2, gradient_y = 1;  ///< kind grid: from a pixel's gradient to the next, from x to y
  Interpolation mode = Interpolation::bilinear;
  Border border = Border::zeros;
  int order_x = 0, order_y = 0;  ///< derivative of the weights along x and y, together at most 2
  double cubic = -0.75;
  bool stream = false;      ///< outputs go past the caches
  const T* fill = nullptr;  ///< the value outside, a number a channel; null: zero
};

template <class T>
struct SampleKernels {
  /// out = sum of weights times pixels, over tiles first ... last - 1.
  void (*forward)(const SampleTask<T>& task, T* out, std::int64_t first, std::int64_t last);
  /// The image rows that each tile touches: rows[2 tile] ... rows[2 tile + 1] - 1.
  void (*rows)(const SampleTask<T>& task, std::int64_t first, std::int64_t last, std::int32_t* rows);
  /// gradient (laid out as the image) += weights times cotangent, in image rows begin ... end - 1. With `rows` null all
  /// tiles are walked, else those that touch; the order in which a pixel is added to is the same either way.
  void (*splat)(const SampleTask<T>& task, const T* cotangent, T* gradient, int begin, int end,
                const std::int32_t* rows);
  /// The adjoint to the map. kind grid: gradients of x and y, rows dense. Otherwise the tile's sums for the matrix, 9
  /// numbers a tile.
  void (*map_adjoint)(const SampleTask<T>& task, const T* cotangent, std::int64_t first, std::int64_t last,
                      double* sums, T* grid_gradient);
};

struct SampleTable {
  SampleKernels<float> f32;
  SampleKernels<double> f64;  ///< at the baseline only, as for formulas
};

LUMIGRAD_LEVEL_TABLE(SampleTable, sample_table)
inline const SampleKernels<float>& sample_kernels_f32(Level level) { return LUMIGRAD_AT(level, sample_table).f32; }
inline const SampleKernels<double>& sample_kernels_f64() { return baseline::sample_table.f64; }

}  // namespace lumigrad
