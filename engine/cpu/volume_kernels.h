// SPDX-License-Identifier: Apache-2.0
// The seam between the sample family on volumes and its machine code: one volume at a time, raw pointers in, a table of
// functions out for each instruction level. Axes are counted x, y, z here, the innermost first.
//
// The output is cut into tiles of 64 x 16 voxels of one slice, numbered row by row and slice by slice. Within a tile
// positions are kept relative to an integer point of the volume near the tile, as for images, and what the tile reads
// stays in the nearest caches however the map turns it.
#pragma once
#include <lumigrad/engine/cpu/sample_kernels.h>

namespace lumigrad {

inline constexpr int volume_tile_width = 64, volume_tile_height = 16;

/// One volume, one map from output voxels to positions in the volume, and how to read.
template <class T>
struct VolumeTask {
  const T* volume = nullptr;  ///< the voxels of a row are adjacent (not read by splat)
  int extent[3] = {};
  int channels = 0;
  std::ptrdiff_t channel_stride = 0, stride[3] = {1, 0, 0};  ///< in elements
  int out[3] = {};  ///< outputs and cotangents are dense [C, out[2], out[1], out[0]]
  MapKind kind = MapKind::affine;
  double matrix[16] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};  ///< output voxel -> position
  const T* grid = nullptr;                                               ///< kind grid: positions instead
  std::ptrdiff_t grid_stride[3] = {}, grid_coordinate = 0;               ///< from voxel to voxel; from x to y to z
  Interpolation mode = Interpolation::bilinear;
  Border border = Border::zeros;
  int order[3] = {};        ///< derivatives of the weights, together at most 2
  const T* fill = nullptr;  ///< the value outside, a number a channel; null: zero
};

template <class T>
struct VolumeKernels {
  /// out = sum of weights times voxels, over tiles first ... last - 1.
  void (*forward)(const VolumeTask<T>& task, T* out, std::int64_t first, std::int64_t last);
  /// gradient (laid out as the volume) += weights times cotangent, in slices begin ... end - 1. slices[2 tile] ...
  /// slices[2 tile + 1] - 1 are those that a tile may touch (null: all tiles are walked); the order in which a voxel is
  /// added to is the same either way.
  void (*splat)(const VolumeTask<T>& task, const T* cotangent, T* gradient, int begin, int end,
                const std::int32_t* slices);
  /// The adjoint to the map. kind grid: gradients of x, y, z, adjacent. Otherwise the tile's sums for the matrix, 16
  /// numbers a tile.
  void (*map_adjoint)(const VolumeTask<T>& task, const T* cotangent, std::int64_t first, std::int64_t last,
                      double* sums, T* grid_gradient);
};

struct VolumeTable {
  VolumeKernels<float> f32;
  VolumeKernels<double> f64;  ///< at the baseline only
};

LUMIGRAD_LEVEL_TABLE(VolumeTable, volume_table)
inline const VolumeKernels<float>& volume_kernels_f32(Level level) { return LUMIGRAD_AT(level, volume_table).f32; }
inline const VolumeKernels<double>& volume_kernels_f64() { return baseline::volume_table.f64; }

}  // namespace lumigrad
