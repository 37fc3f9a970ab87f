// SPDX-License-Identifier: Apache-2.0
// color.*
#include "binding.h"

namespace lumigrad::parity {

std::vector<Binding> color_bindings() {
  std::vector<Binding> all;
  for (const char* name :
       {"bgr_to_grayscale",  "rgb_to_bgr",    "bgr_to_rgb",       "rgb_to_y",          "rgb_to_hls",
        "rgb_to_hsv",        "rgb_to_lab",    "rgb_to_luv",       "rgb_to_xyz",        "xyz_to_rgb",
        "rgb_to_yuv",        "yuv_to_rgb",    "rgb_to_ycbcr",     "ycbcr_to_rgb",      "rgb_to_linear_rgb",
        "linear_rgb_to_rgb", "rgb_to_rgb255", "rgb255_to_rgb",    "hsv_to_rgb",        "hls_to_rgb",
        "lab_to_rgb",        "luv_to_rgb",    "grayscale_to_rgb", "rgb255_to_normals", "normals_to_rgb255",
        "rgb_to_yuv420",     "rgb_to_yuv422"})
    all.push_back({std::string("color.") + name, std::string("color.") + name});
  all.push_back({"color.rgb_to_grayscale", "color.rgb_to_grayscale", {{"rgb_weights", "weights"}}});
  for (const char* name : {"rgb_to_rgba", "bgr_to_rgba"})
    all.push_back({std::string("color.") + name, std::string("color.") + name, {{"alpha_val", "alpha"}}});
  for (const char* name : {"rgba_to_rgb", "rgba_to_bgr"})
    all.push_back({std::string("color.") + name, std::string("color.") + name, {{"background_color", "background"}}});
  for (const char* name : {"yuv420_to_rgb", "yuv422_to_rgb"})
    all.push_back({std::string("color.") + name, std::string("color.") + name, {{"imagey", "y"}, {"imageuv", "uv"}}});
  return all;
}

}  // namespace lumigrad::parity
