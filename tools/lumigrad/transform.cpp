// SPDX-License-Identifier: Apache-2.0
// `lumigrad transform`: results one behind the other, backwards, and for other programs.
#include <lumigrad/engine/files/file.h>

#include <cstdio>

#include "command.h"
#include "transform_file.h"

namespace lumigrad::command {
namespace {

struct Request {
  std::vector<std::string> inputs;
  std::string out, format;
};

int give(const Request& request, const Transform& transform) {
  TransformFormat format = TransformFormat::json;
  if (!request.format.empty())
    format = request.format == "opencv" ? TransformFormat::opencv
             : request.format == "itk"  ? TransformFormat::itk
                                        : TransformFormat::json;
  else if (!request.out.empty())
    format = transform_format(request.out);
  const std::string text = transform_text(transform, format);
  if (request.out.empty())
    std::fputs(text.c_str(), stdout);
  else
    write_file(request.out, text);
  return 0;
}

int compose(const Request& request) {
  Transform all = read_transform(request.inputs.front());
  for (std::size_t i = 1; i < request.inputs.size(); ++i) all = composed(all, read_transform(request.inputs[i]));
  return give(request, all);
}

void add_verb(Command app, Action& action, const char* name, const char* help, int (*act)(const Request&),
              const char* what, int least, int most) {
  auto request = std::make_shared<Request>();
  Command verb = app.add_subcommand(name, help);
  verb.add_option("inputs", request->inputs, what).required().count(least, most);
  verb.add_option("--out", request->out, "the file to write; left out: standard output");
  verb.add_option("--format", request->format,
                  "json, opencv or itk; left out: by the ending of --out (.json .yml .tfm)")
      .one_of({"json", "opencv", "itk"});
  verb.callback([request, &action, act] { action = [request, act] { return act(*request); }; });
}

}  // namespace

void add_transform(Command app, Action& action) {
  Command command = app.add_subcommand("transform", "compose, invert and export registration results");
  command.require_subcommand(1, 1);
  add_verb(command, action, "compose", "first -> second -> ... -> last as one transform", compose,
           "transforms in order: a to b, then b to c, gives a to c", 2, 1024);
  add_verb(
      command, action, "invert", "moving -> fixed from fixed -> moving",
      [](const Request& request) { return give(request, inverse(read_transform(request.inputs[0]))); }, "the transform",
      1, 1);
  add_verb(
      command, action, "export", "for OpenCV (YAML, 3x3) or ITK (.tfm, affine; unit spacing, origin 0)",
      [](const Request& request) {
        if (request.out.empty() && request.format.empty()) throw Usage("export: expected --out FILE or --format");
        return give(request, read_transform(request.inputs[0]));
      },
      "the transform", 1, 1);
}

}  // namespace lumigrad::command
