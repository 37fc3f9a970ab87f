// SPDX-License-Identifier: Apache-2.0
// The command line: what a program can be asked, said in a few words and read by CLI11.
//
// CLI11 is a header of templates that takes three seconds to compile, so that one file sees it (command_line.cpp) and
// the files that add options see this one. Handles are small and are copied; what they stand for lives as long as the
// Program. Options are written to the variables that were named when they were added.
#pragma once
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace lumigrad::command {

/// A command line that parses but makes no sense, or does not parse.
struct Usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An option or argument that a command takes.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  Option required();
  /// The value that its variable has now stands in the help.
  Option show_default();
  Option one_of(std::initializer_list<const char*> words);
  Option within(int low, int high);
  Option within(double low, double high);
  /// What the help writes for its value instead of TEXT.
  Option type_name(const char* name);
  /// How many values it takes.
  Option count(int least, int most);

 private:
  CLI::Option* option_;
};

/// The program, or one of its commands. Names that begin with a dash are options, others are arguments by position.
class Command {
 public:
  Command add_subcommand(const char* name, const char* help);
  Option add_option(const char* name, std::string& to, const std::string& help);
  Option add_option(const char* name, std::vector<std::string>& to, const std::string& help);
  Option add_option(const char* name, int& to, const std::string& help);
  Option add_option(const char* name, std::int64_t& to, const std::string& help);
  Option add_option(const char* name, std::uint64_t& to, const std::string& help);
  Option add_option(const char* name, double& to, const std::string& help);
  void add_flag(const char* name, bool& to, const std::string& help);
  /// So many of its subcommands must be called.
  void require_subcommand(int least, int most);
  /// What the help ends with.
  void footer(const std::string& text);
  void footer(std::function<std::string()> text);
  /// Called when the command was called, with its variables set.
  void callback(std::function<void()> call);

 protected:
  explicit Command(CLI::App* app) : app_(app) {}
  CLI::App* app_;
};

/// The command line as a whole.
class Program : public Command {
 public:
  Program(const char* name, const char* doc);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  /// What --version prints.
  void version(const std::string& text);
  /// True to go on; false after printing help or the version. Throws Usage, with a suggestion for a mistyped command.
  bool parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> owned_;
};

}  // namespace lumigrad::command
