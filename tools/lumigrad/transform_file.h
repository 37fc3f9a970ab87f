// SPDX-License-Identifier: Apache-2.0
// Planar motions in files: the transform.json of a registration, OpenCV's YAML, ITK's .tfm.
#pragma once
#include <lumigrad/engine/families/sample.h>
#include <lumigrad/vision/matrix3.h>
#include <lumigrad/vision/registration/registration.h>

#include <string>

namespace lumigrad::command {

struct Transform {
  registration::Model model = registration::Model::homography;  ///< the narrowest that is known to hold it
  Matrix3 matrix = unit_matrix;                                 ///< fixed -> moving pixels
  Size fixed{}, moving{};                                       ///< of the images; 0 x 0 where it is not known
};

enum class TransformFormat { json, opencv, itk };

/// Reads any of the three (the content says which). Throws FormatError, naming the file.
Transform read_transform(const std::string& path);

/// The text of a file. ITK's affine transform has no perspective: FormatError for a matrix that has.
std::string transform_text(const Transform& transform, TransformFormat format);
/// .json, .yml or .yaml, .tfm or .txt; throws Usage for other endings.
TransformFormat transform_format(const std::string& path);

/// first, then second: second * first, scaled so that the last entry is 1 where it can be.
Transform composed(const Transform& first, const Transform& second);
/// Throws NumericError where there is none.
Transform inverse(const Transform& transform);

/// Everything transform.json says; the sizes are those of the two images.
std::string result_text(const registration::Result& result, Size fixed, Size moving);
/// One line of results.json; `id` is JSON.
std::string pair_text(const std::string& id, const registration::Result& result);
/// The same for a pair that could not be tried.
std::string failed_pair_text(const std::string& id, const std::string& model, const std::string& error);

}  // namespace lumigrad::command
