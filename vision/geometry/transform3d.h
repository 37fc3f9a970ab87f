// SPDX-License-Identifier: Apache-2.0
// Warps of volumes: transform.h with one axis more. How they are computed and differentiated:
// engine/families/sample_volume.h.
//
// Volumes are [N, C, D, H, W], f32 or f64 (u8 and u16 stand for value / 255 and value / 65535); points are (x, y, z) in
// voxels, x along the width and z along the depth, centres at whole numbers. Gradients flow to the volume and to every
// continuous argument, to second order; nearest has none to the map. One map serves any number of volumes, and one
// volume any number of maps. Volumes are resized by resize (resize.h) and read at grids by grid_sample (transform.h).
#pragma once
#include <lumigrad/engine/families/sample_volume.h>

namespace lumigrad::geometry {

struct Warp3dOptions {
  VolumeSize size = {};                          ///< of the result, (d, h, w); left out: that of the volume
  Interpolation mode = Interpolation::bilinear;  ///< trilinear here; bicubic is refused
  Border border = Border::zeros;
  Tensor fill = {};           ///< with Border::zeros: what lies outside, one number or one a channel
  bool align_corners = true;  ///< as in WarpOptions: false is for parity with Kornia
  bool inverse_map = false;   ///< the matrix maps destination to source; ignored by crops
};

/// The volume under an affine map [N, 3, 4] of source to destination voxels.
LUMIGRAD_API Tensor warp_affine3d(const Tensor& volume, const Tensor& matrix, const Warp3dOptions& options = {},
                                  Here here = {});
/// The volume under a projective map [N, 4, 4] of source to destination voxels. Where w = 0 the result lies outside.
/// Kornia's (up to 0.9) reads its output positions as (z, x, y): for the identity it returns another volume.
LUMIGRAD_API Tensor warp_perspective3d(const Tensor& volume, const Tensor& matrix, const Warp3dOptions& options = {},
                                       Here here = {});
/// The volume under a projective map [N, 4, 4] of destination to source in normalised coordinates (x, y, z), [-1, 1]
/// being the outermost voxel centres of the destination, and those of the source (align_corners) or its outermost
/// edges. An axis of one voxel lies at -1. Kornia's takes the destination as (z, x, y).
LUMIGRAD_API Tensor homography_warp3d(const Tensor& volume, const Tensor& matrix, const Warp3dOptions& options = {},
                                      Here here = {});
/// The volume under an affine map about nothing but the origin, same size: warp_affine3d.
LUMIGRAD_API Tensor affine3d(const Tensor& volume, const Tensor& matrix, const Warp3dOptions& options = {},
                             Here here = {});
/// Turned about `center` ([N, 3] or [3]; left out: the middle) by axis_angle, [N, 3] or [3]: the vector along the axis,
/// as long as the angle is large (radians). See get_rotation_matrix3d, also for axis_epsilon.
LUMIGRAD_API Tensor rotate3d(const Tensor& volume, const Tensor& axis_angle, const Tensor& center = {},
                             const Warp3dOptions& options = {}, double axis_epsilon = 0, Here here = {});

/// Mirrored left to right / top to bottom / front to back. Views, exact.
LUMIGRAD_API Tensor hflip3d(const Tensor& volume, Here here = {});
LUMIGRAD_API Tensor vflip3d(const Tensor& volume, Here here = {});
LUMIGRAD_API Tensor dflip3d(const Tensor& volume, Here here = {});

/// What a box of eight corners [N, 8, 3] (outermost voxel centres; the front face clockwise from the top left, then the
/// back face) holds, brought to `size`.
LUMIGRAD_API Tensor crop_and_resize3d(const Tensor& volume, const Tensor& boxes, const Warp3dOptions& options,
                                      Here here = {});
/// The box `source` brought onto the box `destination`, both [N, 8, 3]; options.size left out: the voxels from the
/// first corner of the first destination box to its opposite one. Boxes are parallelepipeds: of the projective map of
/// their corners the affine part is taken, as in Kornia.
LUMIGRAD_API Tensor crop_by_boxes3d(const Tensor& volume, const Tensor& source, const Tensor& destination,
                                    const Warp3dOptions& options = {}, Here here = {});
/// The middle of a volume. Where the parities of the extents differ it lies between voxels and is interpolated.
LUMIGRAD_API Tensor center_crop3d(const Tensor& volume, const Warp3dOptions& options, Here here = {});

/// The grid that reads an image under an affine map theta [N, 2, 3] of normalised destination to normalised source:
/// [N, h, w, 2], for grid_sample with the same align_corners. PyTorch's default is align_corners = false. An axis of
/// one pixel lies at 0.
LUMIGRAD_API Tensor affine_grid(const Tensor& theta, Size size, bool align_corners = true, Here here = {});
/// The same for volumes: theta [N, 3, 4] gives [N, d, h, w, 3].
LUMIGRAD_API Tensor affine_grid3d(const Tensor& theta, VolumeSize size, bool align_corners = true, Here here = {});

/// The positions of a grid [N, h, w, 2] under projective maps [N, 3, 3], or of [N, d, h, w, 3] under [N, 4, 4]. One
/// grid goes with any number of maps, and the other way round. Where w = 0 positions are infinite or NaN.
LUMIGRAD_API Tensor warp_grid(const Tensor& grid, const Tensor& matrix, Here here = {});

}  // namespace lumigrad::geometry
