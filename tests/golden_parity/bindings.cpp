// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/ops.h>
#include <limits>
#include "binding.h"

namespace lumigrad::parity {
namespace {

// Nested lists of numbers, row-major; null is a number left open.
void flatten(const nlohmann::json& json, std::vector<double>& values) {
  if (json.is_array())
    for (const auto& item : json) flatten(item, values);
  else if (json.is_null())
    values.push_back(std::numeric_limits<double>::quiet_NaN());
  else
    values.push_back(json.is_boolean() ? json.get<bool>() : json.get<double>());
}

}  // namespace

Tensor radians(const Tensor& degrees) { return mul(degrees, std::numbers::pi / 180); }
Tensor single_radians(const Tensor& degrees) { return mul(degrees, double(std::numbers::pi_v<float>) / 180); }

Value value_of(const nlohmann::json& json) {
  if (json.is_null()) return std::monostate();
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_object() && json.contains("tensor")) return value_of(json.at("tensor"));
  std::vector<std::int64_t> extents;
  for (const nlohmann::json* level = &json; level->is_array(); level = &level->front()) {
    extents.push_back(static_cast<std::int64_t>(level->size()));
    if (level->empty()) break;
  }
  std::vector<double> values;
  flatten(json, values);
  if (extents.size() == 1) return values;
  return Tensor::from(values, Shape(extents));
}

std::vector<Binding> bindings() {
  std::vector<Binding> all;
  for (const auto& module : {augment_bindings(), stencil_bindings(), torch_bindings(), gather_bindings(),
                             matrix_bindings(), color_bindings(), enhance_bindings(), filters_bindings(),
                             geometry_bindings(), losses_bindings(), network_bindings(), volume_bindings()})
    all.insert(all.end(), module.begin(), module.end());
  return all;
}

}  // namespace lumigrad::parity
