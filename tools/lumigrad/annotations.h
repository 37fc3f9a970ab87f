// SPDX-License-Identifier: Apache-2.0
// Boxes and keypoints of images in a JSON file:
//
//   {"cat.jpg": [[12, 30, 200, 180, "cat"], [5, 5, 20, 40]], "dog": [[0, 0, 99, 49]]}
//
// A key is the name of an image file or that name without its ending. An entry is the coordinates in pixels (x0, y0,
// x1, y1 of a half-open box; x, y of a point) and then anything, which is carried along.
#pragma once
#include <lumigrad/engine/tensor.h>

#include <map>
#include <string>

#include "json_file.h"

namespace lumigrad::command {

/// The entries of one image.
struct Annotations {
  Tensor places;           ///< [entries, coordinates] f64; undefined when the file does not name the image
  std::vector<Json> rest;  ///< what stands behind the coordinates, a list an entry
};

class AnnotationFile {
 public:
  AnnotationFile() = default;
  /// `coordinates` an entry: 4 or 2. Throws IoError, or FormatError naming the image and the entry that is wrong.
  AnnotationFile(const std::string& path, std::size_t coordinates);
  /// Those of an image by its path.
  Annotations of(const std::string& image) const;
  /// Keys that name none of these images.
  std::vector<std::string> unclaimed(const std::vector<std::string>& images) const;

 private:
  std::map<std::string, Annotations> images_;
};

/// Entries as the file has them, with other coordinates [entries, coordinates].
Json entries_of(const Annotations& annotations, const Tensor& places);

}  // namespace lumigrad::command
