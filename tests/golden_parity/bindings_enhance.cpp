// SPDX-License-Identifier: Apache-2.0
// enhance.*
#include "binding.h"

namespace lumigrad::parity {
namespace {

// OpenCV's numbers of the rules.
void rule_by_number(const GoldenCase& golden, Values& values) {
  const char* rules[] = {"binary", "binary_inverse", "truncate", "to_zero", "to_zero_inverse"};
  values.set("mode", std::string(rules[golden.param<std::size_t>("type", 0)]));
}

}  // namespace

std::vector<Binding> enhance_bindings() {
  std::vector<Binding> all;
  const Rename clip = {{"clip_output", "clip"}};
  for (const char* name : {"adjust_brightness", "adjust_brightness_accumulative", "adjust_contrast",
                           "adjust_contrast_with_mean_subtraction", "adjust_saturation", "adjust_saturation_raw",
                           "adjust_saturation_with_gray_subtraction", "adjust_hue", "adjust_hue_raw"})
    all.push_back({std::string("enhance.") + name, std::string("enhance.") + name, clip});
  all.push_back({"enhance.adjust_gamma", "enhance.adjust_gamma", {{"input", "image"}}});
  all.push_back({"enhance.adjust_log", "enhance.adjust_log", {{"inv", "inverse"}, {"clip_output", "clip"}}});
  all.push_back({"enhance.adjust_sigmoid", "enhance.adjust_sigmoid", {{"inv", "inverse"}}});
  all.push_back({"enhance.invert", "enhance.invert", {{"max_val", "max_value"}}});
  all.push_back({"enhance.posterize", "enhance.posterize", {{"input", "image"}}});
  all.push_back({"enhance.solarize",
                 "enhance.solarize",
                 {{"input", "image"}, {"thresholds", "threshold"}, {"additions", "addition"}}});
  all.push_back({"enhance.threshold",
                 "enhance.threshold",
                 {{"input", "image"}, {"thresh", "threshold"}, {"maxval", "level"}, {"type", ""}},
                 rule_by_number});
  all.push_back({"enhance.add_weighted", "enhance.add_weighted", {{"src1", "a"}, {"src2", "b"}}});
  all.push_back({"enhance.Rescale", "enhance.rescale", {{"input", "image"}}});
  for (const char* name : {"normalize", "denormalize"})
    all.push_back({std::string("enhance.") + name, std::string("enhance.") + name, {{"data", "x"}}});
  all.push_back(
      {"enhance.shift_rgb", "enhance.shift_rgb", {{"r_shift", "red"}, {"g_shift", "green"}, {"b_shift", "blue"}}});
  return all;
}

}  // namespace lumigrad::parity
