// SPDX-License-Identifier: Apache-2.0
// The command: what the library does, from a shell.
#include <lumigrad/engine/version.h>
#include <cstdio>
#include <new>
#include "command.h"

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

}  // namespace

int main(int argc, char** argv) {
  using namespace lumigrad::command;
  Program program("lumigrad", "Differentiable computer vision from the command line.");
  program.version(std::string("lumigrad ") + lumigrad::version());
  program.require_subcommand(1, 1);
  program.footer(exit_codes);
  Action action;
  add_info(program, action);
  add_op(program, action);
  add_register(program, action);
  add_warp(program, action);
  add_transform(program, action);
  add_augment(program, action);
  add_trace(program, action);
  try {
    if (!program.parse(argc, argv)) return 0;
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
