// SPDX-License-Identifier: Apache-2.0
#include "op_arguments.h"
#include <lumigrad/engine/files/file.h>
#include "command.h"
#include "json_file.h"

namespace lumigrad::command {
namespace {

void flatten(const Json& json, std::vector<double>& values, std::vector<std::int64_t>& extents, std::size_t depth) {
  require<FormatError>(depth < static_cast<std::size_t>(max_rank) + 1, "params: expected lists at most ", max_rank,
                       " deep");
  if (!json.is_array()) {
    require<FormatError>(json.is_number(), "params: expected numbers in a list, got ", json.dump());
    require<FormatError>(depth == extents.size(), "params: expected lists of equal length inside each other");
    values.push_back(json.get<double>());
    return;
  }
  const auto size = static_cast<std::int64_t>(json.size());
  if (extents.size() == depth && values.empty()) extents.push_back(size);
  require<FormatError>(depth < extents.size() && extents[depth] == size,
                       "params: expected lists of equal length inside each other");
  for (const Json& item : json) flatten(item, values, extents, depth + 1);
}

Value value_of(const Json& json, const std::string& name) {
  if (json.is_null()) return std::monostate();
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  require<FormatError>(json.is_array(), "params: expected a number, flag, name or list for ", name, ", got an object");
  std::vector<double> values;
  std::vector<std::int64_t> extents;
  flatten(json, values, extents, 0);
  if (extents.size() == 1) return values;
  Tensor tensor = Tensor::from(values, Shape(extents));
  tensor.state().weak = true;
  return tensor;
}

// JSON itself, or @FILE.
Json parameters(const std::string& text) {
  if (text.empty()) return Json::object();
  Json json;
  if (text[0] == '@') {
    const FileBytes file = read_file(text.substr(1), 16u << 20);
    json = parsed_json(text.substr(1), {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()});
  } else {
    try {
      json = parsed_json("--params", text);
    } catch (const FormatError& error) {
      throw Usage(error.what());
    }
  }
  require<FormatError>(json.is_object(), "params: expected a JSON object of arguments, got ", json.type_name());
  return json;
}

// A tensor where a row wants something else: sizes and numbers may come in the file too.
Value as_kind(const Tensor& tensor, const Argument& argument) {
  switch (argument.kind) {
    case Argument::Kind::integer:
      return static_cast<std::int64_t>(tensor.item());
    case Argument::Kind::number:
      return tensor.item();
    case Argument::Kind::flag:
      return tensor.item() != 0;
    case Argument::Kind::list:
      return tensor.values();
    default:
      return tensor;
  }
}

}  // namespace

Values tensors_of(const Operator& op, const Dictionary<Tensor>& file) {
  Values values;
  for (const auto& [name, tensor] : file) {
    if (name.rfind("up/", 0) == 0) continue;
    Value value = tensor;
    for (const Argument& argument : op.arguments)
      if (argument.name == name) value = as_kind(tensor, argument);
    values.set(name, value);
  }
  return values;
}

void set_parameters(Values& values, const std::string& text) {
  const Json params = parameters(text);
  for (const auto& [name, json] : params.items()) values.set(name, value_of(json, name));
}

DType dtype_of(const Operator& op, const Values& values) {
  for (const Argument& argument : op.arguments) {
    if (argument.kind != Argument::Kind::tensor || !values.has(argument.name)) continue;
    const Tensor tensor = values.tensor(argument.name);
    if (is_differentiable(tensor.dtype()) && !tensor.is_weak()) return tensor.dtype();
  }
  return DType::f32;
}

}  // namespace lumigrad::command
