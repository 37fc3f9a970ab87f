// SPDX-License-Identifier: Apache-2.0
#include "command_line.h"

#include <CLI/CLI.hpp>

#include "spelling.h"

namespace lumigrad::command {
namespace {

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
  return "expected a command (" + list + "), got " + left.front() + suggestion(left.front(), names);
}

}  // namespace

Option Option::required() { return Option(option_->required()); }
Option Option::show_default() { return Option(option_->capture_default_str()); }
Option Option::one_of(std::initializer_list<const char*> words) {
  return Option(option_->check(CLI::IsMember(std::vector<std::string>(words.begin(), words.end()))));
}
Option Option::within(int low, int high) { return Option(option_->check(CLI::Range(low, high))); }
Option Option::within(double low, double high) { return Option(option_->check(CLI::Range(low, high))); }
Option Option::type_name(const char* name) { return Option(option_->type_name(name)); }
Option Option::count(int least, int most) { return Option(option_->expected(least, most)); }

Command Command::add_subcommand(const char* name, const char* help) {
  return Command(app_->add_subcommand(name, help));
}
Option Command::add_option(const char* name, std::string& to, const std::string& help) {
  return Option(app_->add_option(name, to, help));
}
Option Command::add_option(const char* name, std::vector<std::string>& to, const std::string& help) {
  return Option(app_->add_option(name, to, help));
}
Option Command::add_option(const char* name, int& to, const std::string& help) {
  return Option(app_->add_option(name, to, help));
}
Option Command::add_option(const char* name, std::int64_t& to, const std::string& help) {
  return Option(app_->add_option(name, to, help));
}
Option Command::add_option(const char* name, std::uint64_t& to, const std::string& help) {
  return Option(app_->add_option(name, to, help));
}
Option Command::add_option(const char* name, double& to, const std::string& help) {
  return Option(app_->add_option(name, to, help));
}
void Command::add_flag(const char* name, bool& to, const std::string& help) { app_->add_flag(name, to, help); }
void Command::require_subcommand(int least, int most) {
  app_->require_subcommand(static_cast<std::size_t>(least), static_cast<std::size_t>(most));
}
void Command::footer(const std::string& text) { app_->footer(text); }
void Command::footer(std::function<std::string()> text) { app_->footer(std::move(text)); }
void Command::callback(std::function<void()> call) { app_->callback(std::move(call)); }

Program::Program(const char* name, const char* doc) : Command(nullptr), owned_(std::make_unique<CLI::App>(doc)) {
  app_ = owned_.get();
  app_->name(name);
}
Program::~Program() = default;
void Program::version(const std::string& text) { app_->set_version_flag("--version", text); }

bool Program::parse(int argc, char** argv) try {
  app_->parse(argc, argv);
  return true;
} catch (const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app_->exit(error), false;
  if (error.get_name() == "RequiredError")
    if (const std::string unknown = unknown_command(*app_); !unknown.empty()) throw Usage(unknown);
  throw Usage(std::string(error.what()) + " (" + app_->get_name() + " --help shows the usage)");
}

}  // namespace lumigrad::command
