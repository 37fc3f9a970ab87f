// SPDX-License-Identifier: Apache-2.0
// `lumigrad op list`
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include "command.h"

namespace lumigrad::command {
namespace {

using Json = nlohmann::ordered_json;

const char* word(Differentiability gradient) {
  switch (gradient) {
    case Differentiability::exact:
      return "exact";
    case Differentiability::almost_everywhere:
      return "almost everywhere";
    case Differentiability::surrogate:
      return "surrogate";
    case Differentiability::none:
      return "none";
  }
  return "none";
}

const char* word(Argument::Kind kind) {
  constexpr const char* words[] = {"tensor", "integer", "number", "flag", "choice", "list"};
  return words[static_cast<int>(kind)];
}

Json described(const Argument& argument) {
  Json json = {{"name", argument.name}, {"type", word(argument.kind)}, {"doc", argument.doc}};
  if (!argument.range.empty()) json["range"] = argument.range;
  if (!argument.choices.empty()) json["choices"] = argument.choices;
  if (!argument.otherwise.empty()) json["default"] = Json::parse(argument.otherwise);
  json["required"] = argument.otherwise.empty() && !argument.optional;
  json["gradient"] = word(argument.gradient);
  return json;
}

int list_as_json(const std::vector<const Operator*>& rows) {
  Json list = Json::array();
  for (const Operator* row : rows) {
    Json arguments = Json::array();
    for (const Argument& argument : row->arguments) arguments.push_back(described(argument));
    Json item = {{"name", row->name},         {"doc", row->doc},
                 {"arguments", arguments},    {"outputs", row->outputs},
                 {"variadic", row->variadic}, {"order", row->order},
                 {"linear", row->linear},     {"devices", Json::array({"cpu", "cuda"})}};
    list.push_back(item);
  }
  std::printf("%s\n", list.dump(1).c_str());
  return 0;
}

}  // namespace

std::string operator_text(const Operator& row) {
  std::string text = row.name + ": " + row.doc + " (order " + std::to_string(row.order) + ")\n";
  auto padded = [](std::string word, std::size_t width) {
    word.resize(std::max(word.size(), width), ' ');
    return word + " ";
  };
  for (const Argument& argument : row.arguments) {
    text += "  " + padded(argument.name, 14) + padded(word(argument.kind), 8) + argument.doc;
    if (!argument.range.empty()) text += "; " + argument.range;
    for (std::size_t i = 0; i < argument.choices.size(); ++i)
      text += (i == 0 ? "; one of " : ", ") + argument.choices[i];
    if (!argument.otherwise.empty()) text += "; default " + argument.otherwise;
    if (argument.optional) text += "; may be left out";
    if (argument.kind == Argument::Kind::tensor) text += std::string("; gradient: ") + word(argument.gradient);
    text += "\n";
  }
  return text;
}

void add_op_list(Command op, Action& action) {
  Command command = op.add_subcommand("list", "names, arguments, ranges, defaults, differentiability");
  auto json = std::make_shared<bool>(false);
  auto names = std::make_shared<std::vector<std::string>>();
  command.add_option("names", *names, "operators, or areas as \"color.\"; all when left out");
  command.add_flag("--json", *json, "as JSON");
  command.callback([&action, json, names] {
    action = [json, names] {
      const std::vector<const Operator*> rows = chosen_operators(*names);
      if (*json) return list_as_json(rows);
      for (const Operator* row : rows) std::fputs(operator_text(*row).c_str(), stdout);
      return 0;
    };
  });
}

}  // namespace lumigrad::command
