// SPDX-License-Identifier: Apache-2.0
// Operators as steps from bytes to bytes.
//
// Three bytes a pixel come in and three go out, but between two operators stand planes of floats: 24 bytes a pixel that
// go to memory and return. So image_to (vision/image_io/pixel_pass.h) turns the order round, as chains do for pixels:
//
//     for each patch of the result:  stored pixels -> floats;  for each step:  patch = step(patch);  floats -> stored
//
// A patch is a rectangle small enough to stay in the caches of one core. A formula asks for the same pixels of the step
// before it, a filter for some more around them, a change of size for those that its bands read. Nothing else is new:
// the kernels are those of the operators, and the numbers are the same bits, with one exception:
//
// Where nothing has to be kept for a neighbour, or only bytes, not even the patch is made (patch_bytes.cpp): short
// formulas run from bytes to bytes in registers, as in a relay; a filter with a column and a row, or a halving, that is
// the only step takes the bytes as numbers and rounds once.
//
// color::steps, enhance::steps, filters::steps and geometry::steps make steps of the operators of the same names.
#pragma once
#include <lumigrad/engine/callable.h>
#include <lumigrad/engine/families/chain.h>
#include <lumigrad/engine/families/filter.h>
#include <lumigrad/engine/families/resample.h>

namespace lumigrad {

/// What becomes of the rows and of the columns of an image.
struct BandPair {
  Band rows, columns;
};

/// One step: a formula at every pixel (families/chain.h), a small filter of every channel (families/filter.h), or a
/// band along each axis (families/resample.h).
class ImageStep {
 public:
  ImageStep(PixelStep step) : name(step.name), formula(std::move(step)) {}
  /// Correlation with a kernel [rows, columns], or with the product of a column [rows] and a row [columns].
  ImageStep(const char* operator_name, const Tensor& weights, const FilterOptions& filter_options = {})
      : name(operator_name), kernel(weights.detach()), options(filter_options) {}
  ImageStep(const char* operator_name, const Tensor& down, const Tensor& along, const FilterOptions& filter_options)
      : name(operator_name), kernel(down.detach()), row(along.detach()), options(filter_options) {}
  /// The bands for an image of this height and width.
  ImageStep(const char* operator_name, Callable<BandPair(std::int64_t, std::int64_t)> bands_of)
      : name(operator_name), bands(std::move(bands_of)) {}

  const char* name;  ///< in errors: "filters.box_blur"
  PixelStep formula = {};
  Tensor kernel = {}, row = {};
  FilterOptions options = {};
  Callable<BandPair(std::int64_t, std::int64_t)> bands = {};
};

}  // namespace lumigrad
