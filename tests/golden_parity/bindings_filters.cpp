// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/ops.h>
#include <map>
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
  for (const auto& [from, to] : more) names[from] = to;
  return {std::string("filters.") + name, std::string("filters.") + name, names, reworded};
}

// The reference turns its kernels round along z alone, so that yz and xz count z the other way.
std::vector<Tensor> z_backwards(const GoldenCase& golden, const std::vector<Tensor>& results) {
  if (golden.param("order", 1) == 1) return results;
  const Tensor signs = Tensor::from(std::vector<double>{1, 1, 1, 1, -1, -1}, {6, 1, 1, 1}).to(results[0].dtype());
  return {mul(results[0], signs)};
}

// Axis angles are in degrees, and their length is divided by 1e-6 too much.
void turned_in_degrees(const GoldenCase& golden, Values& v) {
  Values angle;
  if (golden.params.contains("angle")) angle.set("angle", value_of(golden.params.at("angle")));
  if (golden.inputs.count("angle") > 0) angle.set("angle", golden.inputs.at("angle"));
  v.set("axis_angle", radians(angle.tensor("angle")));
  v.set("axis_epsilon", 1e-6);
}

// The reference's infinity is a number, 10^4 unless said otherwise. It shows where a window sees nothing.
void infinity_is_a_number(const GoldenCase& golden, Values& v) {
  reworded(golden, v);
  v.set("infinity", golden.param("max_val", 1e4));
}

// The weights of filters.
void weights_into(std::vector<Binding>& all) {
  const std::string area = "filters.";
  for (const char* name :
       {"get_box_kernel1d", "get_hanning_kernel1d", "get_laplacian_kernel1d", "get_gaussian_kernel1d", "gaussian"})
    all.push_back({area + name, area + name, {{"kernel_size", "taps"}, {"window_size", "taps"}, {"force_even", ""}}});
  all.push_back({area + "get_gaussian_erf_kernel1d",
                 area + "get_gaussian_erf_kernel1d",
                 {{"kernel_size", "taps"}, {"force_even", ""}},
                 [](const GoldenCase&, Values& v) {  // the reference's root of 1/2 is 0.70710678
                   v.set("sigma", mul(v.tensor("sigma"), 0.5 * std::numbers::sqrt2 / 0.70710678));
                 }});
  for (const char* name : {"get_box_kernel2d", "get_hanning_kernel2d", "get_laplacian_kernel2d", "get_binary_kernel2d",
                           "get_gaussian_kernel2d", "get_gaussian_kernel3d"})
    all.push_back({area + name, area + name, {{"kernel_size", "size"}, {"window_size", "size"}, {"force_even", ""}}});
  all.push_back({area + "laplacian_1d", area + "get_laplacian_kernel1d", {{"window_size", "taps"}}});
  all.push_back({area + "get_spatial_gradient_kernel2d", area + "get_spatial_gradient_kernel2d"});
  all.push_back({area + "get_spatial_gradient_kernel3d", area + "get_spatial_gradient_kernel3d", {{"mode", ""}}});
  all.push_back({area + "get_sobel_kernel2d", area + "get_spatial_gradient_kernel2d"});
  all.push_back(
      {area + "get_diff_kernel2d", area + "get_spatial_gradient_kernel2d", {}, [](const GoldenCase&, Values& v) {
         v.set("mode", std::string("diff"));
       }});
  all.push_back({area + "get_motion_kernel2d",
                 area + "get_motion_kernel2d",
                 {{"kernel_size", "taps"}},
                 [](const GoldenCase&, Values& v) { v.set("angle", single_radians(v.tensor("angle"))); }});
  all.push_back({area + "get_motion_kernel3d",
                 area + "get_motion_kernel3d",
                 {{"kernel_size", "taps"}, {"angle", ""}},
                 turned_in_degrees});
}

}  // namespace

std::vector<Binding> filters_bindings() {
  std::vector<Binding> all;
  for (const char* name :
       {"filter2d", "filter2d_separable", "gaussian_blur2d", "box_blur", "unsharp_mask", "laplacian", "blur_pool2d"})
    all.push_back(linear(name));
  all.push_back(linear("fft_conv"));
  all.back().op = "filters.filter2d";
  all.push_back(linear("filter3d", {{"input", "volume"}}));
  all.push_back(linear("max_blur_pool2d", {{"max_pool_size", "window"}, {"ceil_mode", ""}}));
  all.push_back(linear("spatial_gradient"));
  all.push_back(linear("spatial_gradient3d", {{"input", "volume"}, {"mode", ""}}));
  all.back().rearrange = z_backwards;
  all.push_back(linear("sobel", {{"eps", "epsilon"}}));
  all.push_back(linear("canny", {{"low_threshold", "low"}, {"high_threshold", "high"}, {"eps", "epsilon"}}));
  for (const char* name : {"bilateral_blur", "joint_bilateral_blur"})
    all.push_back(linear(name, {{"color_distance_type", "distance"}}));
  all.push_back(linear("guided_blur"));
  all.push_back(linear("motion_blur"));
  all.back().arrange = [](const GoldenCase& golden, Values& v) {
    reworded(golden, v);
    v.set("angle", single_radians(v.tensor("angle")));
  };
  all.push_back(linear("motion_blur3d", {{"input", "volume"}, {"angle", ""}}));
  all.back().arrange = [](const GoldenCase& golden, Values& v) {
    reworded(golden, v);
    turned_in_degrees(golden, v);
  };
  all.push_back(
      linear("edge_aware_blur_pool2d", {{"edge_threshold", "threshold"}, {"edge_dilation_kernel_size", "dilation"}}));
  all.push_back(linear("in_range", {{"return_mask", "mask"}}));
  for (const char* name : {"dilation", "erosion", "opening", "closing", "gradient", "top_hat", "bottom_hat"})
    all.push_back({std::string("morphology.") + name,
                   std::string("morphology.") + name,
                   {{"tensor", "image"}, {"engine", ""}, {"border_type", ""}, {"max_val", "infinity"}},
                   infinity_is_a_number});
  all.push_back({"filters.median_blur",
                 "filters.median_blur",
                 {{"input", "image"}, {"kernel_size", "kernel"}},
                 [](const GoldenCase&, Values& v) { v.set("border", std::string("zeros")); }});
  weights_into(all);
  return all;
}

}  // namespace lumigrad::parity
