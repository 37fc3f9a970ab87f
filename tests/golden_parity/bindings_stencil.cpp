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

// A size that is left open is that of the image.
void sizes_or_all(const GoldenCase& golden, Values& values) {
  const auto& size = golden.params.at("output_size");
  if (!size.is_array()) return;
  const Tensor& x = golden.inputs.at("input");
  std::vector<double> list;
  for (std::size_t a = 0; a < size.size(); ++a)
    list.push_back(size[a].is_null() ? static_cast<double>(x.size(static_cast<int>(a) - static_cast<int>(size.size())))
                                     : size[a].get<double>());
  values.set("size", list);
}
// Indices are only there when they were asked for.
std::vector<Tensor> values_or_both(const GoldenCase& golden, const std::vector<Tensor>& results) {
  return golden.param("return_indices", false) ? results : std::vector{results[0]};
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

  const Rename pool = {{"input", "x"},
                       {"kernel_size", "kernel"},
                       {"ceil_mode", "ceil"},
                       {"return_indices", ""},
                       {"count_include_pad", "count_padding"},
                       {"divisor_override", "divisor"},
                       {"output_size", "size"}};
  for (const char* axes : {"1d", "2d", "3d"}) {
    for (const char* name : {"avg_pool", "max_pool"})
      all.push_back({torch + name + axes, engine + name + axes, pool, {}, values_or_both});
    for (const char* name : {"adaptive_avg_pool", "adaptive_max_pool"})
      all.push_back({torch + name + axes, engine + name + axes, pool, sizes_or_all, values_or_both});
  }
  for (const auto& [name, factor] :
       Rename{{"pixel_shuffle", "upscale_factor"}, {"pixel_unshuffle", "downscale_factor"}})
    all.push_back({torch + name, engine + name, {{"input", "x"}, {factor, "factor"}}});
  all.push_back({torch + "pad", "engine.pad", {{"input", "x"}, {"pad", "widths"}}});
  return all;
}

}  // namespace lumigrad::parity
