// SPDX-License-Identifier: Apache-2.0
// The bands of resizing and pyramids.
#pragma once
#include <lumigrad/engine/families/resample.h>
#include <lumigrad/vision/geometry/resize.h>

namespace lumigrad::geometry {

/// Interpolation from `from` to `to` pixels; `scale` is old over new (align_corners: not read).
Band interpolation_band(std::int64_t from, std::int64_t to, double scale, const ResizeOptions& options);
/// Correlation with a kernel of odd length, by the rule of the border.
Band filter_band(std::int64_t extent, const std::vector<double>& kernel, Border border);
/// A Gaussian of odd length, normalised.
std::vector<double> gaussian_kernel(int length, double sigma);
/// `to` >= extent pixels: the axis continued at its end.
Band continued_band(std::int64_t extent, std::int64_t to, Border border);

/// What the operators of these names do along each axis of an image [H, W] or [N, C, H, W] or a volume [N, C, D, H, W].
/// Errors name the operator and show the shape.
std::vector<Band> resize_bands(const Shape& image, const ResizeOptions& options);
std::vector<Band> pyrdown_bands(const Shape& image, double factor, const PyramidOptions& options);
std::vector<Band> pyrup_bands(const Shape& image, const PyramidOptions& options);

}  // namespace lumigrad::geometry
