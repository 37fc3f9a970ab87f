// SPDX-License-Identifier: Apache-2.0
// The sample family on volumes: warps of [N, C, D, H, W] at positions (x, y, z), counted in voxels with centres at
// whole numbers. Everything that sample.h says of images holds with one axis more:
//
//     out[i] = sum over taps t of  w_k(z) w_j(y) w_i(x) volume[t]        two taps an axis (trilinear), or one (nearest)
//
// The adjoint to the volume splats the cotangent back along the same weights, the adjoint to the positions samples with
// the slope of one weight, and a map (3 x 4 or 4 x 4, evaluated where it is needed) collects them. Both adjoints are
// samples and splats again, so that warps of volumes can be differentiated twice: exactly between voxel centres, and
// with the slope to the right, below and behind at whole positions. Trilinear interpolation is linear along each axis;
// what remains of its second derivatives are the mixed ones.
//
// Borders, fill values, positions that are no numbers: as in sample.h. Where images have `bilinear`, volumes are read
// trilinearly; bicubic weights (64 voxels a position) are not offered.
#pragma once
#include <lumigrad/engine/families/sample.h>
#include <array>

namespace lumigrad {

/// Depth, height and width in voxels.
struct VolumeSize {
  std::int64_t depth = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  friend bool operator==(const VolumeSize&, const VolumeSize&) = default;
};

/// A volume read at the positions of a grid. volume [N, C, D, H, W] (f32 or f64; u8 and u16 stand for value / 255 and
/// value / 65535, without gradient); grid [N, d, h, w, 3] of (x, y, z) in voxels of the volume; a batch of 1 goes with
/// any other. Result [N, C, d, h, w]. Gradients flow to volume, grid and fill, to second order; none to the grid for
/// `nearest`. Throws NumericError for bicubic.
LUMIGRAD_API Tensor sample_volume(const Tensor& volume, const Tensor& grid, const SampleOptions& options = {},
                                  Here here = {});

/// The same with positions A (x, y, z, 1), A [N, 3, 4], for output voxels (x, y, z) of the given size; no grid is
/// stored.
LUMIGRAD_API Tensor sample_volume_affine(const Tensor& volume, const Tensor& matrix, VolumeSize size,
                                         const SampleOptions& options = {}, Here here = {});
/// The same with positions (a, b, c) / w, (a, b, c, w) = H (x, y, z, 1), H [N, 4, 4].
LUMIGRAD_API Tensor sample_volume_homography(const Tensor& volume, const Tensor& matrix, VolumeSize size,
                                             const SampleOptions& options = {}, Here here = {});

/// The derivative of the interpolated volume, of an order along each of x, y, z, at the positions of a grid. Together
/// at most 2; throws GraphError beyond.
LUMIGRAD_API Tensor sample_volume_slopes(const Tensor& volume, const Tensor& grid, std::array<int, 3> order,
                                         const SampleOptions& options = {}, Here here = {});

/// The adjoint of sample_volume to the volume: numbers [N, C, d, h, w] spread over a volume of `size` around the
/// positions of a grid, with the weights, or with their derivatives. Gradients flow to both arguments.
LUMIGRAD_API Tensor splat_volume(const Tensor& values, const Tensor& grid, VolumeSize size,
                                 const SampleOptions& options = {}, Here here = {});
LUMIGRAD_API Tensor splat_volume_slopes(const Tensor& values, const Tensor& grid, std::array<int, 3> order,
                                        VolumeSize size, const SampleOptions& options = {}, Here here = {});

/// The positions to which a matrix [N, 3, 4] or [N, 4, 4] takes the voxels of an output: [N, d, h, w, 3]. Positions
/// with w = 0 are NaN.
LUMIGRAD_API Tensor volume_position_grid(const Tensor& matrix, VolumeSize size, Here here = {});

/// The textbook version: one channel, trilinear, zeros outside. Documentation and test oracle. `add(z, y, x, weight)`
/// is called for each tap inside, as in sample_reference.
template <class Add>
void sample_volume_reference(const double (&position)[3], VolumeSize size, Add add) {
  const std::int64_t extent[3] = {size.width, size.height, size.depth};
  std::int64_t first[3];
  double weight[3][2];
  for (int axis = 0; axis < 3; ++axis) {
    const double p = position[axis];
    if (!(p > -1 && p < static_cast<double>(extent[axis]))) return;
    first[axis] = static_cast<std::int64_t>(p + 1) - 1;  // floor: p + 1 is positive
    weight[axis][1] = p - static_cast<double>(first[axis]);
    weight[axis][0] = 1 - weight[axis][1];
  }
  for (int tap = 0; tap < 8; ++tap) {
    const int i = tap & 1, j = tap >> 1 & 1, k = tap >> 2;
    const std::int64_t x = first[0] + i, y = first[1] + j, z = first[2] + k;
    if (x >= 0 && x < size.width && y >= 0 && y < size.height && z >= 0 && z < size.depth)
      add(z, y, x, weight[2][k] * weight[1][j] * weight[0][i]);
  }
}

}  // namespace lumigrad
