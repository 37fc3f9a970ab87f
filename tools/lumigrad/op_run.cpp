// SPDX-License-Identifier: Apache-2.0
// `lumigrad op run`: one call, tensors from and to safetensors files.
#include <lumigrad/engine/files/safetensors.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/image_io/image_io.h>
#include <filesystem>
#include "command.h"
#include "json_file.h"
#include "op_arguments.h"
#include "picture_file.h"
#include "tools/catalogue.h"
#include "tools/catalogue_check.h"

namespace lumigrad::command {
namespace {

struct Request {
  std::string name, in, params, out, dtype, device = "cpu";
  std::vector<std::string> images;
  bool grad = false;
};

bool has_picture_ending(const std::string& path) {
  for (const char* ending : {".png", ".jpg", ".jpeg", ".tif", ".tiff"})
    if (ends_with(path, ending)) return true;
  return false;
}

/// --out before anything is computed: a picture, safetensors, or a name without an ending, which is safetensors too.
void check_ending(const Request& request) {
  const std::string ending = std::filesystem::path(request.out).extension().string();
  if (has_picture_ending(request.out)) {
    if (request.grad) throw Usage("--out: expected a name ending in .safetensors with --grad, got " + request.out);
  } else if (!ending.empty() && !ends_with(request.out, ".safetensors")) {
    throw Usage("--out: expected a name ending in .safetensors, .png, .jpg or .tif, got " + request.out);
  }
}

void write_outputs(const Request& request, const Dictionary<Tensor>& results) {
  if (!has_picture_ending(request.out)) return save_safetensors(request.out, results);
  const Tensor& first = results.begin()->second;
  const std::size_t rank = first.rank();
  const bool picture = (rank == 3 || (rank == 4 && first.size(0) == 1)) &&
                       (first.size(-3) == 1 || first.size(-3) == 3) && first.numel() > 0;
  if (results.size() != 1 || !picture)
    throw Usage(
        message("--out: expected a name ending in .safetensors for what is no picture ([1, C, H, W] or "
                "[C, H, W] with C 1 or 3), got ",
                request.out, " for ", results.size(), " results, the first ", first.shape()));
  save_image(request.out, first);
}

/// A call that works once the files are there: the values are those of the row's own samples.
std::string example_of(const Operator& op) {
  const std::vector<Sample> samples = op.samples ? op.samples(0) : std::vector<Sample>{};
  std::string pictures;
  bool tensors = false;
  nlohmann::ordered_json params = nlohmann::ordered_json::object();
  for (const Argument& argument : op.arguments) {
    if (!argument.otherwise.empty() || argument.optional) continue;
    const bool given = !samples.empty() && samples[0].values.has(argument.name);
    const Value value = given ? samples[0].values.items().at(argument.name) : Value();
    if (argument.name == "image")
      pictures += " --image " + argument.name + "=picture.png";
    else if (const auto* number = std::get_if<double>(&value))
      params[argument.name] = *number;
    else if (const auto* integer = std::get_if<std::int64_t>(&value))
      params[argument.name] = *integer;
    else if (const auto* flag = std::get_if<bool>(&value))
      params[argument.name] = *flag;
    else if (const auto* text = std::get_if<std::string>(&value))
      params[argument.name] = *text;
    else if (const auto* list = std::get_if<std::vector<double>>(&value))
      params[argument.name] = *list;
    else
      tensors = true;
  }
  return "lumigrad op run " + op.name + pictures + (tensors ? " --in tensors.safetensors" : "") +
         (params.empty() ? "" : " --params '" + line_of(params) + "'") + " --out out.safetensors";
}

/// complete(), and what a right call looks like when it is a wrong one.
Values completed(const Operator& op, const Values& values) {
  try {
    return complete(op, values);
  } catch (const FormatError& error) {
    throw FormatError(
        message(error.what(), "; as in: ", example_of(op), " (op run ", op.name, " --help shows the arguments)"));
  }
}

Values arguments(const Request& request, const Operator& op, const Dictionary<Tensor>& file) {
  Values values = tensors_of(op, file);
  for (const std::string& item : request.images) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos) throw Usage("--image: expected argument=file, got " + item);
    values.set(item.substr(0, equals), unsqueeze(load_image(item.substr(equals + 1)), 0));
  }
  set_parameters(values, request.params);
  return values;
}

std::vector<Tensor> gradients(const Operator& op, const std::vector<Tensor>& outputs, const std::vector<Tensor>& leaves,
                              const Dictionary<Tensor>& file) {
  std::vector<Tensor> live, seeds;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    if (!outputs[k].needs_grad()) continue;
    const auto up = file.find("up/" + output_name(op, k));
    if (up == file.end() && outputs.size() > 1) continue;
    require<FormatError>(up != file.end() || outputs[k].numel() == 1, "op run: expected up/", output_name(op, k),
                         " of shape ", outputs[k].shape(), " in the input file, got none");
    live.push_back(outputs[k]);
    seeds.push_back(up == file.end() ? Tensor::ones(outputs[k].shape(), outputs[k].dtype()) : up->second);
  }
  require<FormatError>(!live.empty() || outputs.size() == 1,
                       "op run: expected up/<output> of at least one output in the input file, got none");
  return grad(live, leaves, {.seeds = seeds});
}

int run_one(const Request& request) {
  const Device device = require_device(request.device);
  check_ending(request);
  const Operator& op = *chosen_operators({request.name}).front();
  Dictionary<Tensor> file;
  if (!request.in.empty()) file = load_safetensors(request.in);
  Values values = completed(op, arguments(request, op, file));
  // Numbers of --params are doubles until they meet a picture or a file.
  values = in_dtype(op, values, request.dtype.empty() ? dtype_of(op, values) : parse_dtype(request.dtype));

  std::vector<Tensor> leaves;
  std::vector<std::string> names;
  if (request.grad) {
    require<GraphError>(op.order >= 1, op.name, ": expected a differentiable operator for --grad");
    names = live_arguments(op, values, true);
    for (const std::string& name : names) {
      leaves.push_back(values.tensor(name).detach().requires_grad());
      values.set(name, leaves.back());
    }
  }
  const std::vector<Tensor> outputs = run_on(op, values, device);
  Dictionary<Tensor> results;
  for (std::size_t k = 0; k < outputs.size(); ++k)
    results[outputs.size() == 1 ? "out" : output_name(op, k)] = outputs[k].detach();
  if (request.grad) {
    const std::vector<Tensor> found = gradients(op, outputs, leaves, file);
    for (std::size_t i = 0; i < names.size(); ++i) results["grad/" + names[i]] = found[i];
  }
  write_outputs(request, results);
  return 0;
}

}  // namespace

void add_op_run(Command op, Action& action) {
  Command command = op.add_subcommand("run", "one call: tensors in, tensors and gradients out");
  auto request = std::make_shared<Request>();
  command.add_option("name", request->name, "area.operator").required();
  command.add_option("--in", request->in, "safetensors file with tensors by argument name, and up/<output>");
  command.add_option("--image", request->images, "argument=file: a picture as [1, C, H, W]");
  command.add_option("--params", request->params, "other arguments: JSON, or @FILE");
  command.add_option("--out", request->out, "safetensors file to write; .png, .jpg or .tif for one picture").required();
  command.add_flag("--grad", request->grad, "write gradients of <outputs, up> as grad/<argument>");
  command.add_option("--dtype", request->dtype, "compute in f32 or f64").one_of({"f32", "f64"});
  command.add_option("--device", request->device, "cpu or cuda").one_of({"cpu", "cuda"});
  command.footer([request]() -> std::string {
    const Operator* row = find_operator(request->name);
    if (!row) return "lumigrad op run NAME --help shows the arguments of an operator, op list those of all.";
    return operator_text(*row) + "Example: " + example_of(*row);
  });
  command.callback([&action, request] { action = [request] { return run_one(*request); }; });
}

}  // namespace lumigrad::command
