// SPDX-License-Identifier: Apache-2.0
// `lumigrad op`: operators of the catalogue by name.
#include "command.h"
#include "spelling.h"
#include "tools/catalogue.h"

namespace lumigrad::command {
namespace {

/// A name is looked for with its area and, for those who left that out, without.
std::string unknown_operator(const std::string& name) {
  std::vector<std::string> words;
  for (const Operator* row : all_operators()) {
    const std::string& full = row->name;
    words.push_back(full);
    if (name.find('.') == name.npos && full.substr(full.find('.') + 1) == name)
      return "op: expected the name of an operator (see op list), got " + name + "; did you mean " + full + "?";
  }
  return "op: expected the name of an operator (see op list), got " + name + suggestion(name, words);
}

}  // namespace

std::vector<const Operator*> chosen_operators(const std::vector<std::string>& names) {
  if (names.empty()) return all_operators();
  std::vector<const Operator*> chosen;
  for (const std::string& name : names) {
    const std::size_t before = chosen.size();
    for (const Operator* row : all_operators())
      if (row->name == name || (!name.empty() && name.back() == '.' && row->name.rfind(name, 0) == 0))
        chosen.push_back(row);
    if (chosen.size() == before) throw Usage(unknown_operator(name));
  }
  return chosen;
}

void add_op(Command app, Action& action) {
  Command op = app.add_subcommand("op", "list, run, check and time operators");
  op.require_subcommand(1, 1);
  add_op_list(op, action);
  add_op_run(op, action);
  add_op_check(op, action);
  add_op_bench(op, action);
}

}  // namespace lumigrad::command
