// SPDX-License-Identifier: Apache-2.0
#include "binding.h"

namespace lumigrad::parity {
namespace {

// The reference's words for borders, padding and the direction of the kernel.
void reworded(const GoldenCase& golden, Values& v) {
  static const std::map<std::string, std::string> borders = {{"constant", "zeros"},
                                                             {"replicate", "border"},
                                                             {"reflect", "reflection"},
                                                             {"circular", "circular"},
                                                             {"geodesic", "geodesic"}};
  if (golden.params.contains("border_type"))
    v.set("border", borders.at(golden.params.at("border_type").get<std::string>()));
  if (golden.params.contains("padding")) v.set("valid", golden.params.at("padding") == "valid");
  if (golden.params.contains("behaviour")) v.set("convolve", golden.params.at("behaviour") == "conv");
}

Binding linear(const char* name, Rename more = {}) {
  Rename names = {{"input", "image"}, {"kernel_size", "kernel"}, {"border_type", ""}, {"padding", ""},
                  {"behaviour", ""},  {"separable", ""},         {"kernel_x", "row"}, {"kernel_y", "column"}};
  names.insert(more.begin(), more.end());
  return {std::string("filters.") + name, std::string("filters.") + name, names, reworded};
}

}  // namespace

std::vector<Binding> filters_bindings() {
  std::vector<Binding> all;
  for (const char* name : {"filter2d", "filter2d_separable", "gaussian_blur2d", "box_blur", "unsharp_mask"})
    all.push_back(linear(name));
  for (const char* name : {"dilation", "erosion", "opening", "closing", "gradient", "top_hat", "bottom_hat"})
    all.push_back({std::string("morphology.") + name,
                   std::string("morphology.") + name,
                   {{"tensor", "image"}, {"engine", ""}, {"border_type", ""}, {"max_val", ""}},
                   reworded});
  all.push_back({"filters.median_blur",
                 "filters.median_blur",
                 {{"input", "image"}, {"kernel_size", "kernel"}},
                 [](const GoldenCase&, Values& v) { v.set("border", std::string("zeros")); }});
  return all;
}

}  // namespace lumigrad::parity
