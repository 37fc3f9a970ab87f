// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/catalogue.h>
#include <cmath>
#include <nlohmann/json.hpp>

namespace lumigrad {
namespace {

using Kind = Argument::Kind;

[[noreturn]] void refuse(const std::string& name, std::string_view wanted) {
  throw FormatError(message("argument ", name, ": expected ", wanted));
}

// A default as rows write it: JSON.
Value parse_default(const Argument& argument) {
  const auto json = nlohmann::json::parse(argument.otherwise);
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_array()) return json.get<std::vector<double>>();
  return std::monostate();
}

// Whether a value can be read as an argument's kind.
bool fits(const Value& value, const Argument& argument) {
  const bool number = std::holds_alternative<double>(value) || std::holds_alternative<std::int64_t>(value);
  const bool list = std::holds_alternative<std::vector<double>>(value);
  switch (argument.kind) {
    case Kind::tensor:
      return number || list || std::holds_alternative<Tensor>(value);
    case Kind::integer:
      return std::holds_alternative<std::int64_t>(value);
    case Kind::number:
      return number;
    case Kind::flag:
      return std::holds_alternative<bool>(value);
    case Kind::list:
      return list || number;
    case Kind::choice: {
      const auto* text = std::get_if<std::string>(&value);
      if (!text) return false;
      for (const std::string& choice : argument.choices)
        if (choice == *text) return true;
      return !argument.choices.empty() && argument.choices.back() == "...";
    }
  }
  return false;
}

std::string wanted(const Argument& argument) {
  switch (argument.kind) {
    case Kind::tensor:
      return "a tensor, a number or a list of numbers";
    case Kind::integer:
      return "a whole number";
    case Kind::number:
      return "a number";
    case Kind::flag:
      return "true or false";
    case Kind::list:
      return "a list of numbers";
    case Kind::choice: {
      std::string text = "one of";
      for (const std::string& choice : argument.choices) text += " " + choice;
      return text;
    }
  }
  return {};
}

}  // namespace

bool Values::has(const std::string& name) const {
  const auto found = items_.find(name);
  return found != items_.end() && !std::holds_alternative<std::monostate>(found->second);
}

const Value& Values::get(const std::string& name) const {
  const auto found = items_.find(name);
  if (found == items_.end()) refuse(name, "a value, got none");
  return found->second;
}

Tensor Values::tensor(const std::string& name) const {
  if (!has(name)) return {};
  const Value& value = get(name);
  if (const auto* tensor = std::get_if<Tensor>(&value)) return *tensor;
  if (const auto* number = std::get_if<double>(&value)) return Tensor(*number);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return Tensor(*integer);
  if (const auto* list = std::get_if<std::vector<double>>(&value)) {
    Tensor vector = Tensor::from(*list, {static_cast<std::int64_t>(list->size())});
    vector.state().weak = true;
    return vector;
  }
  refuse(name, "a tensor, a number or a list of numbers");
}

double Values::number(const std::string& name) const {
  const Value& value = get(name);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* tensor = std::get_if<Tensor>(&value); tensor && tensor->numel() == 1) return tensor->item();
  refuse(name, "a number");
}

std::int64_t Values::integer(const std::string& name) const {
  const Value& value = get(name);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* number = std::get_if<double>(&value);
      number && *number == std::floor(*number) && std::fabs(*number) < 9e15)
    return static_cast<std::int64_t>(*number);
  refuse(name, "a whole number");
}

bool Values::flag(const std::string& name) const {
  const Value& value = get(name);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  refuse(name, "true or false");
}

std::string Values::choice(const std::string& name) const {
  const Value& value = get(name);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  refuse(name, "a name");
}

std::vector<double> Values::list(const std::string& name) const {
  const Value& value = get(name);
  if (const auto* list = std::get_if<std::vector<double>>(&value)) return *list;
  if (const auto* tensor = std::get_if<Tensor>(&value)) return tensor->values();
  return {number(name)};
}

Values complete(const Operator& op, const Values& values) {
  // Unknown names first: a misspelt argument is missing as well, and only its own name tells why.
  for (const auto& [name, value] : values.items()) {
    bool known = false;
    std::string names;
    for (const Argument& argument : op.arguments) {
      known |= argument.name == name;
      names += (names.empty() ? "" : ", ") + argument.name;
    }
    if (!known) throw FormatError(message(op.name, ": expected known arguments (", names, "), got ", name));
  }
  Values full;
  for (const Argument& argument : op.arguments) {
    if (values.has(argument.name)) {
      const Value& value = values.items().at(argument.name);
      if (!fits(value, argument)) refuse(op.name + " " + argument.name, wanted(argument));
      full.set(argument.name, value);
    } else if (!argument.otherwise.empty()) {
      full.set(argument.name, parse_default(argument));
    } else if (!argument.optional) {
      refuse(op.name + " " + argument.name, "a value, got none");
    }
  }
  return full;
}

std::string output_name(const Operator& op, std::size_t k) {
  return k < op.outputs.size() ? op.outputs[k] : std::to_string(k);
}

std::vector<Tensor> run(const Operator& op, const Values& values) {
  std::vector<Tensor> results = op.call(complete(op, values));
  require<Error>(op.variadic ? !results.empty() : results.size() == op.outputs.size(), op.name, ": expected ",
                 op.outputs.size(), " results, got ", results.size());
  for (const Tensor& result : results) require<Error>(result.defined(), op.name, ": expected a defined result");
  return results;
}

}  // namespace lumigrad
