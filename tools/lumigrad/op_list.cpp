// SPDX-License-Identifier: Apache-2.0
// `lumigrad op list`
#include <cstdio>
#include <nlohmann/json.hpp>
#include "command.h"
#include "tools/catalogue.h"

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

int list_as_json() {
  Json list = Json::array();
  for (const Operator* row : all_operators()) {
    Json arguments = Json::array();
    for (const Argument& argument : row->arguments) arguments.push_back(described(argument));
    list.push_back({{"name", row->name},
                    {"doc", row->doc},
                    {"arguments", arguments},
                    {"outputs", row->outputs},
                    {"variadic", row->variadic},
                    {"order", row->order},
                    {"linear", row->linear},
                    {"devices", {"cpu"}}});
  }
  std::printf("%s\n", list.dump(1).c_str());
  return 0;
}

int list_as_text() {
  for (const Operator* row : all_operators()) {
    std::printf("%s: %s (order %d)\n", row->name.c_str(), row->doc.c_str(), row->order);
    for (const Argument& argument : row->arguments) {
      std::printf("  %-14s %-8s %s", argument.name.c_str(), word(argument.kind), argument.doc.c_str());
      if (!argument.range.empty()) std::printf("; %s", argument.range.c_str());
      for (std::size_t i = 0; i < argument.choices.size(); ++i)
        std::printf("%s%s", i == 0 ? "; one of " : ", ", argument.choices[i].c_str());
      if (!argument.otherwise.empty()) std::printf("; default %s", argument.otherwise.c_str());
      if (argument.optional) std::printf("; may be left out");
      if (argument.kind == Argument::Kind::tensor) std::printf("; gradient: %s", word(argument.gradient));
      std::printf("\n");
    }
  }
  return 0;
}

}  // namespace

void add_op_list(CLI::App& op, Action& action) {
  CLI::App* command = op.add_subcommand("list", "names, arguments, ranges, defaults, differentiability");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "as JSON");
  command->callback([&action, json] { action = *json ? list_as_json : list_as_text; });
}

}  // namespace lumigrad::command
