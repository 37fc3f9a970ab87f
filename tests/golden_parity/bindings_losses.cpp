// SPDX-License-Identifier: Apache-2.0
// losses.* and the metrics that are made like losses
#include "binding.h"

#include <lumigrad/engine/views.h>

namespace lumigrad::parity {
namespace {

// The reference reduces nothing unless told to.
void no_reduction(const GoldenCase& golden, Values& values) {
  values.set("reduction", golden.param("reduction", std::string("none")));
}

}  // namespace

std::vector<Binding> losses_bindings() {
  std::vector<Binding> all;
  for (const char* name : {"charbonnier_loss", "cauchy_loss", "geman_mcclure_loss", "welsch_loss"})
    all.push_back(
        {std::string("losses.") + name, std::string("losses.") + name, {{"img1", "a"}, {"img2", "b"}}, no_reduction});
  for (const char* name : {"kl_div_loss_2d", "js_div_loss_2d"})
    all.push_back({std::string("losses.") + name, std::string("losses.") + name, {{"pred", "prediction"}}});
  const Rename peak = {{"image", "a"}, {"target", "b"}, {"max_val", "peak"}};
  all.push_back({"losses.psnr_loss", "losses.psnr_loss", peak});
  all.push_back({"metrics.psnr", "losses.psnr", peak});
  all.push_back({"losses.total_variation", "losses.total_variation", {{"img", "image"}}});
  all.push_back(
      {"losses.inverse_depth_smoothness_loss", "losses.inverse_depth_smoothness_loss", {{"idepth", "inverse_depth"}}});
  // One number for each plane: flat signals are planes of one row.
  for (const char* name : {"mutual_information_loss", "normalized_mutual_information_loss"})
    all.push_back({std::string("losses.") + name,
                   std::string("losses.") + name,
                   {{"input", "a"},
                    {"target", "b"},
                    {"kernel_function", "window"},
                    {"num_bins", "bins"},
                    {"window_radius", "radius"}},
                   [](const GoldenCase&, Values& values) {
                     for (const char* argument : {"a", "b"}) {
                       values.set(argument, unsqueeze(values.tensor(argument), -2));
                     }
                   }});
  all.push_back({"losses.mutual_information_loss_2d",
                 "losses.mutual_information_loss",
                 {{"input", "a"},
                  {"target", "b"},
                  {"kernel_function", "window"},
                  {"num_bins", "bins"},
                  {"window_radius", "radius"}}});
  return all;
}

}  // namespace lumigrad::parity
