// SPDX-License-Identifier: Apache-2.0
// Resizing: images [N, C, H, W] and, by resize itself, volumes [N, C, D, H, W]; f32 or f64, differentiable to every
// order (resizing is linear).
//
// The covered extents are mapped onto each other: output column i reads at (i + 1/2) W / w - 1/2. Each axis is one band
// (engine/families/resample.h), so a result is one short pass an axis, whatever is done beyond interpolation.
#pragma once
#include <lumigrad/engine/families/sample.h>

namespace lumigrad::geometry {

/// How new pixels are made from old ones.
enum class Resampling {
  nearest,  ///< the closest pixel
  floor,    ///< the pixel at floor(i W / w): what PyTorch and OpenCV call nearest
  bilinear,
  bicubic,
  area  ///< the mean of the pixels that the new one touches
};

/// What is done against aliasing where an axis shrinks by a factor f > 1.
enum class Antialias {
  none,
  support,  ///< the interpolation's own weights, made f times wider (a for bicubic is then -0.5, as in PyTorch)
  gaussian  ///< a Gaussian of standard deviation (f - 1) / 2 beforehand, as in Kornia
};

struct ResizeOptions {
  Size size = {};  ///< of the result, (h, w); left out: extents times scale_y and scale_x, rounded down
  Resampling mode = Resampling::bilinear;
  Antialias antialias = Antialias::none;
  bool align_corners = false;  ///< map outermost centres onto each other instead of outermost edges
  double scale_y = 0;  ///< new size over old, where it is not to be taken from the sizes (align_corners = false)
  double scale_x = 0;
  std::int64_t depth = 0;  ///< of a volume; left out: its depth times scale_z, rounded down
  double scale_z = 0;
  double cubic = -0.75;  ///< Keys' a of bicubic weights
};
/// The image, or the volume with the same rule along its third axis, in another size.
LUMIGRAD_API Tensor resize(const Tensor& image, const ResizeOptions& options, Here here = {});

/// Which side a length is for.
enum class Side { shorter, longer, vertical, horizontal };
/// Resized so that one side has `length` pixels and the other follows the aspect, rounded down. options.size is not
/// read.
LUMIGRAD_API Tensor resize_side(const Tensor& image, std::int64_t length, Side side = Side::shorter,
                                const ResizeOptions& options = {}, Here here = {});
/// Resized by factors (y, x); extents are rounded down. options.size is not read. The depth of a volume is resized by
/// options.scale_z.
LUMIGRAD_API Tensor rescale(const Tensor& image, double factor_y, double factor_x, const ResizeOptions& options = {},
                            Here here = {});
/// Resized so that both extents are multiples of `divisor`, the closest ones.
LUMIGRAD_API Tensor resize_to_be_divisible(const Tensor& image, std::int64_t divisor, const ResizeOptions& options = {},
                                           Here here = {});

/// What boxes of whole pixels [N, 4, 2] (corners clockwise from the top left, both included) hold, one box an image:
/// [N, C, h, w]. Parts of another size than options.size (left out: the size of the first) are resized, or with `pad`
/// continued by zeros to the right and below (Kornia pads only where the boxes of a batch differ). No gradient flows to
/// the boxes.
LUMIGRAD_API Tensor crop_by_indices(const Tensor& image, const Tensor& boxes, const ResizeOptions& options = {},
                                    bool pad = false, Here here = {});

struct PyramidOptions {
  Border border = Border::reflection;
  bool align_corners = false;
};
/// Blurred with the binomial 1 4 6 4 1 along both axes, then bilinear at floor(size / factor): two passes in all.
/// P. Burt, E. Adelson, The Laplacian pyramid as a compact image code, 1983.
LUMIGRAD_API Tensor pyrdown(const Tensor& image, double factor = 2, const PyramidOptions& options = {}, Here here = {});
/// Twice the size, bilinear, then the same blur.
LUMIGRAD_API Tensor pyrup(const Tensor& image, const PyramidOptions& options = {}, Here here = {});
/// The image and levels - 1 times pyrdown of it, finest first.
LUMIGRAD_API std::vector<Tensor> build_pyramid(const Tensor& image, int levels, const PyramidOptions& options = {},
                                               Here here = {});
/// Each level less what the next coarser one predicts of it, then the coarsest. Where neither extent is a power of two,
/// or one cannot be halved levels - 1 times, both are first brought to powers of two, by reflection whatever the border.
LUMIGRAD_API std::vector<Tensor> build_laplacian_pyramid(const Tensor& image, int levels,
                                                         const PyramidOptions& options = {}, Here here = {});

}  // namespace lumigrad::geometry
