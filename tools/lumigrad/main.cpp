// SPDX-License-Identifier: Apache-2.0
// The command: what the library does, from a shell.
#include <lumigrad/engine/version.h>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <new>
#include "command.h"
#include "spelling.h"

namespace {

constexpr const char* exit_codes =
    "Exit codes: 0 done (a registration that did not converge too: its status says so), 1 a check failed, 2 a wrong "
    "call, 3 anything else: data, files, limits.";

// One line, whatever the message is made of.
int complain(std::string text, int code) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  while (!text.empty() && text.back() == ' ') text.pop_back();
  std::fprintf(stderr, "lumigrad: %s\n", text.c_str());
  return code;
}

/// The first word that no command took, with what it could have been; empty when there is none.
std::string unknown_command(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().back();
  const std::vector<std::string> left = at->remaining();
  if (left.empty()) return {};
  std::vector<std::string> names;
  std::string list;
  for (const CLI::App* command : at->get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
    list += (list.empty() ? "" : ", ") + names.back();
  }
  return "expected a command (" + list + "), got " + left.front() + lumigrad::command::suggestion(left.front(), names);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace lumigrad::command;
  CLI::App app{"Differentiable computer vision from the command line."};
  app.name("lumigrad");
  app.set_version_flag("--version", std::string("lumigrad ") + lumigrad::version());
  app.require_subcommand(1);
  app.footer(exit_codes);
  Action action;
  add_info(app, action);
  add_op(app, action);
  add_register(app, action);
  add_warp(app, action);
  add_transform(app, action);
  add_augment(app, action);
  add_trace(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    if (error.get_name() == "RequiredError")
      if (const std::string unknown = unknown_command(app); !unknown.empty()) return complain(unknown, 2);
    return complain(std::string(error.what()) + " (lumigrad --help shows the usage)", 2);
  }
  try {
    const int code = action();
    if (std::fflush(stdout) != 0) return complain("the output cannot be written", 3);
    return code;
  } catch (const Usage& error) {
    return complain(error.what(), 2);
  } catch (const std::bad_alloc&) {
    return complain("out of memory", 3);
  } catch (const std::exception& error) {
    return complain(error.what(), 3);
  }
}
