// SPDX-License-Identifier: Apache-2.0
// torch.* references of convolutions, pooling and padding.
#include "binding.h"

namespace lumigrad::parity {
namespace {

// A padding of the reference is a number, a list, or a word.
void padding_by_word(const GoldenCase& golden, Values& values) {
  const auto padding = golden.params.find("padding");
  if (padding == golden.params.end() || !padding->is_string()) return;
  values.set("same", padding->get<std::string>() == "same");
  values.set("padding", std::int64_t{0});
}

// One extent is for both axes.
std::vector<double> both(const nlohmann::json& json) {
  if (json.is_array()) return json.get<std::vector<double>>();
  return {json.get<double>(), json.get<double>()};
}

}  // namespace

std::vector<Binding> stencil_bindings() {
  std::vector<Binding> all;
  const std::string torch = "torch.nn.functional.", engine = "engine.";
  for (const char* name : {"conv1d", "conv2d", "conv3d"})
    all.push_back({torch + name, engine + name, {{"input", "x"}}, padding_by_word});
  for (const char* name : {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
    all.push_back({torch + name, engine + name, {{"input", "x"}}});
  all.push_back(
      {torch + "unfold",
       "engine.unfold",
       {{"input", "x"}, {"kernel_size", ""}},
       [](const GoldenCase& golden, Values& values) { values.set("kernel", both(golden.params.at("kernel_size"))); }});
  all.push_back({torch + "fold",
                 "engine.fold",
                 {{"input", "columns"}, {"kernel_size", ""}, {"output_size", ""}},
                 [](const GoldenCase& golden, Values& values) {
                   values.set("kernel", both(golden.params.at("kernel_size")));
                   values.set("size", both(golden.params.at("output_size")));
                 }});
  return all;
}

}  // namespace lumigrad::parity
