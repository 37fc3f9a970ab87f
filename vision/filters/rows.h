// SPDX-License-Identifier: Apache-2.0
// Arguments and samples that the rows of this area share.
#pragma once
#include <lumigrad/vision/filters/filters.h>
#include <lumigrad/vision/photometric_rows.h>

namespace lumigrad::filters {

/// Parts of the area's rows beside catalogue.cpp.
std::vector<Operator> edge_rows();
Operator canny_row();
Operator motion3d_row();
std::vector<Operator> kernel_rows();
std::vector<Operator> smoothing_rows();

extern const std::vector<std::string> border_names;  // in the order of Border
Argument border_argument(const char* otherwise);
Border border_of(const Values& v);
/// One or two whole numbers: (rows, columns), or the same for both.
Argument size_argument(const char* name, const char* doc, const char* otherwise);
Size size_of_list(const Values& v, const char* name);
std::vector<double> listed(Size size);
Argument weights_argument(const char* name, const char* doc);

/// Samples: random weights; how many kernels sample `index` has; standard deviations; a window.
Tensor weights(const Shape& shape, std::size_t index);
std::int64_t kernels_of(const Shape& image, std::size_t index, int axes = 2);
Tensor sigmas(const Shape& image, std::size_t index);
Size window_of(std::size_t index);
/// Sets the options of a Gaussian blur.
void choose_blur(Values& v, const Shape& image, std::size_t index);

}  // namespace lumigrad::filters
