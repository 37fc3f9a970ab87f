// SPDX-License-Identifier: Apache-2.0
// Warps of images. Conventions: vision/conventions.h; how they are computed and differentiated:
// engine/families/sample.h.
//
// Images are [N, C, H, W], f32 or f64 (u8 and u16 stand for value / 255 and value / 65535). Gradients flow to the image
// and to every continuous argument, to second order; nearest has none to the map. One map serves any number of images,
// and one image any number of maps.
#pragma once
#include <lumigrad/engine/families/sample.h>

namespace lumigrad::geometry {

struct WarpOptions {
  Size size = {};  ///< of the result, (h, w); left out: that of the image
  Interpolation mode = Interpolation::bilinear;
  Border border = Border::zeros;
  Tensor fill = {};  ///< with Border::zeros: what lies outside, one number or one a channel
  /// true: coordinates are pixels and nothing else. false: positions go through normalised coordinates in which
  /// outermost centres and outermost edges are mixed up, as Kornia and PyTorch do for align_corners=False (for parity).
  bool align_corners = true;
  bool inverse_map = false;  ///< the matrix maps destination to source; ignored by crops
  double cubic = -0.75;      ///< Keys' a of bicubic weights
};

/// The image under an affine map [N, 2, 3] of source to destination pixels.
LUMIGRAD_API Tensor warp_affine(const Tensor& image, const Tensor& matrix, const WarpOptions& options = {},
                                Here here = {});
/// The image under a homography [N, 3, 3] of source to destination pixels. Where w = 0 the result lies outside.
LUMIGRAD_API Tensor warp_perspective(const Tensor& image, const Tensor& matrix, const WarpOptions& options = {},
                                     Here here = {});
/// The image under a homography [N, 3, 3] of destination to source in normalised coordinates, [-1, 1] being the
/// outermost pixel centres of the destination, and those of the source (align_corners) or its outermost edges.
LUMIGRAD_API Tensor homography_warp(const Tensor& image, const Tensor& matrix, const WarpOptions& options = {},
                                    Here here = {});

struct RemapOptions {
  Interpolation mode = Interpolation::bilinear;
  Border border = Border::zeros;
  Tensor fill = {};
  bool align_corners = true;            ///< as in WarpOptions
  bool normalized_coordinates = false;  ///< maps hold [-1, 1] instead of pixels
  double cubic = -0.75;
};
/// The image read at x = map_x, y = map_y, each [N, h, w].
LUMIGRAD_API Tensor remap(const Tensor& image, const Tensor& map_x, const Tensor& map_y,
                          const RemapOptions& options = {}, Here here = {});
/// The image read at a grid [N, h, w, 2] of normalised (x, y), as PyTorch's grid_sample; or a volume [N, C, D, H, W] at
/// a grid [N, d, h, w, 3] of (x, y, z). options.normalized_coordinates is not read.
LUMIGRAD_API Tensor grid_sample(const Tensor& image, const Tensor& grid, const RemapOptions& options = {},
                                Here here = {});

/// The image under an affine map about nothing but the origin, same size: warp_affine.
LUMIGRAD_API Tensor affine(const Tensor& image, const Tensor& matrix, const WarpOptions& options = {}, Here here = {});
/// Rotated by `angle` (radians, [N] or one number, counter-clockwise as displayed) about `center` ([N, 2] or [2]; left
/// out: the middle of the image).
LUMIGRAD_API Tensor rotate(const Tensor& image, const Tensor& angle, const Tensor& center = {},
                           const WarpOptions& options = {}, Here here = {});
/// Moved by (x, y) pixels, [N, 2] or [2].
LUMIGRAD_API Tensor translate(const Tensor& image, const Tensor& translation, const WarpOptions& options = {},
                              Here here = {});
/// Enlarged by (x, y) factors, [N, 2], [2] or one number, about `center` (left out: the middle).
LUMIGRAD_API Tensor scale(const Tensor& image, const Tensor& factor, const Tensor& center = {},
                          const WarpOptions& options = {}, Here here = {});
/// x += shear_x y and y += shear_y x about the origin; shear [N, 2] or [2]. Kornia's default is align_corners=False.
LUMIGRAD_API Tensor shear(const Tensor& image, const Tensor& shear, const WarpOptions& options = {}, Here here = {});

/// Mirrored left to right / top to bottom / turned by half a turn. Views, exact.
LUMIGRAD_API Tensor hflip(const Tensor& image, Here here = {});
LUMIGRAD_API Tensor vflip(const Tensor& image, Here here = {});
LUMIGRAD_API Tensor rot180(const Tensor& image, Here here = {});

/// What a box of four corners [N, 4, 2] (outermost pixel centres, clockwise from the top left) holds, brought to
/// `size`.
LUMIGRAD_API Tensor crop_and_resize(const Tensor& image, const Tensor& boxes, const WarpOptions& options,
                                    Here here = {});
/// The box `source` brought onto the box `destination`, both [N, 4, 2]; options.size left out: the pixels from the
/// first corner of the first destination box to its opposite one. Boxes are parallelograms: of the homography of their
/// corners the affine part is taken, as in Kornia.
LUMIGRAD_API Tensor crop_by_boxes(const Tensor& image, const Tensor& source, const Tensor& destination,
                                  const WarpOptions& options = {}, Here here = {});
/// The middle of an image. Where the parities of the extents differ it lies between pixels and is interpolated.
LUMIGRAD_API Tensor center_crop(const Tensor& image, const WarpOptions& options, Here here = {});

}  // namespace lumigrad::geometry
