// SPDX-License-Identifier: Apache-2.0
// `lumigrad trace`: a recorded tape as a page to step through. The tape comes from a demonstration, from a file that
// write_json wrote, or from a program: it is run with LUMIGRAD_TRACE naming a file to which its own
// write_if_asked(trace) writes.
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/trace_page.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "command.h"
#include "spelling.h"
#include "tape_file.h"
#include "trace_demos.h"

namespace lumigrad::command {
namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{256} << 20;

struct Request {
  std::vector<std::string> program;
  std::string demo, out;
};

const TraceDemo& demo_named(const std::string& name) {
  std::vector<std::string> names;
  for (const TraceDemo& demo : trace_demos()) {
    if (name == demo.name) return demo;
    names.push_back(demo.name);
  }
  throw Usage("--demo: expected registration, color_jitter or micrograd, got " + name + suggestion(name, names));
}

/// The text of a file that follows the schema of write_json; throws FormatError for any other.
std::string tape_text(const std::string& path) {
  const FileBytes file = read_file(path, most_bytes);
  std::string text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  require_tape(path, text);
  return text;
}

/// A file name of our own, gone with us.
class Scratch {
 public:
  Scratch() {
    const std::string pattern(6, 'X');  // of which mkdtemp makes a name that nobody has
    std::string name = (std::filesystem::temp_directory_path() / ("lumigrad-trace-" + pattern)).string();
    require<IoError>(mkdtemp(name.data()) != nullptr, "trace: no folder can be made in ",
                     std::filesystem::temp_directory_path().string());
    folder_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string file() const { return folder_ + "/tape.json"; }

 private:
  std::string folder_;
};

std::string text_of_program(const std::vector<std::string>& words) {
  const Scratch scratch;
  const std::string file = scratch.file();
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::fflush(stdout);
  const pid_t child = fork();
  require<IoError>(child >= 0, "trace: the program cannot be started");
  if (child == 0) {
    dup2(STDERR_FILENO, STDOUT_FILENO);  // what it prints is not ours
    setenv("LUMIGRAD_TRACE", file.c_str(), 1);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  require<IoError>(!(WIFEXITED(status) && WEXITSTATUS(status) == 127), "trace: ", words[0], " cannot be run");
  require<IoError>(WIFEXITED(status) && WEXITSTATUS(status) == 0, "trace: ", words[0],
                   WIFEXITED(status) ? message(" ended with ", WEXITSTATUS(status)) : std::string(" was killed"));
  require<FormatError>(std::filesystem::exists(file), "trace: ", words[0],
                       " wrote no trace; it has to call lumigrad::write_if_asked(trace) (engine/trace.h)");
  return tape_text(file);
}

int run(const Request& request) {
  if (request.demo.empty() == request.program.empty())
    throw Usage("trace: expected a program, a .json file or --demo NAME");
  std::string tape;
  if (!request.demo.empty()) {
    const TraceDemo& demo = demo_named(request.demo);
    Trace trace;
    demo.run(trace);
    tape = trace.json();
  } else if (request.program.size() == 1 && request.program[0].ends_with(".json")) {
    tape = tape_text(request.program[0]);
  } else {
    tape = text_of_program(request.program);
  }
  write_file(request.out, request.out.ends_with(".json") ? tape : page_of(tape));
  return 0;
}

}  // namespace

void add_trace(Command app, Action& action) {
  auto request = std::make_shared<Request>();
  Command command = app.add_subcommand("trace", "a recorded tape as a page to step through");
  std::string names;
  for (const TraceDemo& demo : trace_demos())
    names += std::string(names.empty() ? "" : "; ") + demo.name + ": " + demo.doc;
  command.add_option("program", request->program,
                     "a program that calls lumigrad::write_if_asked(trace), with its arguments (after --), or a file "
                     "that lumigrad::write_json wrote (.json)");
  command.add_option("--demo", request->demo, names);
  command.add_option("--out", request->out, "the page to write, or the recording alone (.json)").required();
  command.callback([request, &action] { action = [request] { return run(*request); }; });
}

}  // namespace lumigrad::command
