// SPDX-License-Identifier: Apache-2.0
// What the catalogue rows of colour, enhancement and losses are made from: samples of images, options, usual refusals.
#pragma once
#include <lumigrad/engine/catalogue.h>
#include <lumigrad/engine/random.h>

namespace lumigrad::rows {

/// A row of an operator on one image.
struct ImageRow {
  std::string name;  ///< "area.operator"
  std::string doc;
  std::int64_t channels = 3;  ///< of the image; 0: any (samples have three)
  std::int64_t results = 3;   ///< channels of the result
  std::function<std::vector<Tensor>(const Tensor& image, const Values& values)> call;
  double low = 0.04, high = 0.96;  ///< of the samples' values
  std::vector<double> kinks = {};  ///< values that samples keep away from
  Differentiability gradient = Differentiability::exact;
  std::vector<Argument> options = {};
  /// Sets the options of sample `index`, whose image has `shape`.
  std::function<void(Values& values, const Shape& shape, std::size_t index)> choose = {};
  std::string argument = "image";  ///< what the image is called
};
Operator image_row(const ImageRow& row);

/// A row of an operator on two tensors of one shape, called `names`.
struct PairRow {
  std::string name, doc;
  std::function<std::vector<Tensor>(const Tensor& a, const Tensor& b, const Values& values)> call;
  Differentiability gradient = Differentiability::exact;
  std::vector<Argument> options = {};
  std::function<void(Values& values, const Shape& shape, std::size_t index)> choose = {};
  double low = 0.04, high = 0.96;
  std::pair<std::string, std::string> names = {"a", "b"};
  bool images = false;  ///< only shapes [.., C, H, W]
};
Operator pair_row(const PairRow& row);

/// Shapes that image operators are tried on, for C channels: without a batch, one and two images, odd, even, one row,
/// one column, one pixel, more leading axes.
std::vector<std::pair<std::string, Shape>> image_shapes(std::int64_t channels);
/// Values in [low, high] in f64, all channels of a pixel (and the same pixel of draws n = 0, 1, ...) well apart from
/// one another and from `kinks`.
Tensor image(std::uint64_t seed, const Shape& shape, double low, double high, const std::vector<double>& kinks = {},
             std::uint32_t n = 0);

/// Arguments.
Argument factor(const char* name, const char* doc, const char* otherwise = "",
                Differentiability gradient = Differentiability::exact, const char* range = "");
Argument flag(const char* name, const char* doc, bool otherwise);
Argument choice(const char* name, const char* doc, std::vector<std::string> choices, const char* otherwise);

/// One number for images without a batch, and on even samples; one an image otherwise: from `low` in equal steps to
/// `high`.
Tensor factor_of(const Shape& image, std::size_t index, double low, double high);
/// An f64 image of one pixel with these channels, [1, C, 1, 1].
Tensor pixel_of(std::initializer_list<double> channels);
/// f64 numbers [N].
Tensor numbers_of(std::initializer_list<double> values);

}  // namespace lumigrad::rows
