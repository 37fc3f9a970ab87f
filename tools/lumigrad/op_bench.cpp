// SPDX-License-Identifier: Apache-2.0
// `lumigrad op bench`: how long operators take, and what part of this machine's memory bandwidth that is.
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/device_memory.h>
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/files/safetensors.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/tape.h>
#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include "command.h"
#include "op_arguments.h"
#include "tools/catalogue_check.h"
#include "tools/stream.h"

namespace lumigrad::command {
namespace {

using Json = nlohmann::ordered_json;

struct Request {
  std::vector<std::string> names, by;
  std::string size = "1x3x480x640", device = "cpu", json, in, params;
  double seconds = 0.3;
  int threads = 0;
  bool processor_time = false;
  double (*clock() const)() { return processor_time ? worked : now; }
  Device where() const { return parse_device(device); }
  // On a device work is only asked for: groups are long enough for asking ahead, and end by waiting.
  template <class F>
  Timing time(const F& work, double for_seconds) const {
    const Device there = where();
    if (there == Device()) return time_of(work, for_seconds, clock());
    return time_of(work, for_seconds, now, 1e-2, [&] { synchronize(there); });
  }
};

Shape parse_size(const std::string& text) {
  std::vector<std::int64_t> extents;
  std::size_t at = 0;
  while (at <= text.size() && extents.size() < 5) {
    const std::size_t next = std::min(text.find('x', at), text.size());
    const std::string part = text.substr(at, next - at);
    if (part.empty() || part.size() > 9 || part.find_first_not_of("0123456789") != std::string::npos) break;
    extents.push_back(std::stoll(part));
    at = next + 1;
  }
  if (at != text.size() + 1 || extents.size() != 4 || Shape(extents).numel() == 0)
    throw Usage("--size: expected NxCxHxW, got " + text);
  return Shape(extents);
}

// Seconds for moving a number of bytes, measured once each: by the better of both kinds of stores, on a device by its
// copy.
class Bandwidth {
 public:
  explicit Bandwidth(const Request& request) : request_(request) {}
  double seconds(double bytes) {
    const auto key = static_cast<std::size_t>(bytes);
    if (const auto found = times_.find(key); found != times_.end()) return found->second;
    if (request_.where() != Device()) {
      const Tensor source = Tensor::zeros({static_cast<std::int64_t>(key / 8) + 1}, DType::f32, request_.where());
      return times_[key] = request_.time([&] { source.clone(); }, 0.1).median;
    }
    MemoryStream stream(key);
    const double plain = request_.time([&] { stream.plain(); }, 0.1).median;
    const double past = request_.time([&] { stream.past_caches(); }, 0.1).median;
    return times_[key] = std::min(plain, past);
  }

 private:
  const Request& request_;
  std::map<std::size_t, double> times_;
};

struct Row {
  std::string name;
  Timing forward, both;
  double forward_bytes = 0, both_bytes = 0;
};

// What is measured: the row's own values, or those of --in, and those of --params above them.
Values values_of(const Operator& op, const Request& request, const Shape& shape) {
  if (request.in.empty() && request.params.empty()) return complete(op, op.bench(shape, DType::f32));
  Values values = request.in.empty() ? op.bench(shape, DType::f32) : tensors_of(op, load_safetensors(request.in));
  set_parameters(values, request.params);
  return in_dtype(op, complete(op, values), DType::f32);
}

// The arguments that gradients are taken by: all, or those of --by.
std::vector<std::string> leaves_of(const Operator& op, const Request& request, const Values& values) {
  const std::vector<std::string> live = live_arguments(op, values, true);
  for (const std::string& name : request.by)
    if (std::find(live.begin(), live.end(), name) == live.end())
      throw Usage("--by: expected a differentiable argument of " + op.name + ", got " + name);
  return request.by.empty() ? live : request.by;
}

Row measure(const Operator& op, const Request& request, const Shape& shape) {
  Row row;
  row.name = op.name;
  const Values values = on_device(op, values_of(op, request, shape), request.where());
  const std::vector<std::string> by = op.order < 1 ? std::vector<std::string>() : leaves_of(op, request, values);
  {
    NoGrad off;
    row.forward = request.time([&] { op.call(values); }, request.seconds);  // nothing is left to complete
  }
  const bool own = request.in.empty() && request.params.empty() && request.by.empty();
  if (op.bench_bytes && own) std::tie(row.forward_bytes, row.both_bytes) = op.bench_bytes(shape, DType::f32);

  Values recorded = values;
  std::vector<Tensor> leaves, seeds;
  for (const std::string& name : by) {
    leaves.push_back(values.tensor(name).to(DType::f32).to(request.where()).detach().requires_grad());
    recorded.set(name, leaves.back());
  }
  if (leaves.empty()) return row;
  for (const Tensor& y : run(op, recorded))
    if (y.needs_grad()) seeds.push_back(Tensor::ones(y.shape(), y.dtype(), y.device()));
  row.both = request.time(
      [&] {
        std::vector<Tensor> live = op.call(recorded);
        std::erase_if(live, [](const Tensor& y) { return !y.needs_grad(); });
        grad(live, leaves, {.seeds = seeds});
      },
      request.seconds);
  return row;
}

Json described(const Timing& timing, double bytes, double pixels, Bandwidth& bandwidth) {
  Json json = {
      {"median_ns", 1e9 * timing.median}, {"spread", timing.spread()}, {"ns_per_pixel", 1e9 * timing.median / pixels}};
  if (bytes > 0) {
    json["bytes"] = bytes;
    json["gb_per_s"] = 1e-9 * bytes / timing.median;
    json["of_stream"] = bandwidth.seconds(bytes) / timing.median;
  }
  return json;
}

void print_part(const Json& part) {
  std::printf(" %11.1f %6.1f%% %9.4f", 1e-3 * part.at("median_ns").get<double>(), 100 * part.at("spread").get<double>(),
              part.at("ns_per_pixel").get<double>());
  if (part.contains("of_stream"))
    std::printf(" %6.1f%%", 100 * part.at("of_stream").get<double>());
  else
    std::printf(" %7s", "-");
}

void print_head(const Request& request) {
  if (request.where() == Device())
    std::printf(
        "%s, f32, cpu, %d threads, instruction level %s; stream: a copy of as many bytes, the better of plain and "
        "non-temporal stores\n",
        request.size.c_str(), num_threads(), name(simd_level()));
  else
    std::printf("%s, f32, %s; stream: the device's own copy of as many bytes\n", request.size.c_str(),
                request.device.c_str());
  std::printf("%-36s %11s %7s %9s %7s %11s %7s %9s %7s\n", "operator", "forward us", "spread", "ns/pixel", "stream",
              "+backw. us", "spread", "ns/pixel", "stream");
}

int bench(const Request& request) {
  require_device(request.device);
  const Shape shape = parse_size(request.size);
  const bool one = request.names.size() == 1 && request.names[0].find_last_of('.') + 1 < request.names[0].size();
  if (!one && !(request.in.empty() && request.params.empty() && request.by.empty()))
    throw Usage("--in, --params and --by: expected one operator by its name");
  if (request.processor_time && request.where() != Device()) throw Usage("--processor-time: expected --device cpu");
  if (request.processor_time && request.threads != 1) throw Usage("--processor-time: expected --threads 1");
  set_num_threads(request.threads);
  const double pixels = static_cast<double>(shape[0] * shape[2] * shape[3]);
  Bandwidth bandwidth(request);
  Json list = Json::array();
  for (const Operator* op : chosen_operators(request.names)) {
    if (!op->bench && request.in.empty()) {
      if (!request.names.empty()) std::printf("%-36s has no benchmark\n", op->name.c_str());
      continue;
    }
    const Row row = measure(*op, request, shape);
    if (list.empty()) print_head(request);  // after a first operator: refused values leave one line, that of the error
    Json item = {{"name", row.name},
                 {"size", request.size},
                 {"dtype", "f32"},
                 {"device", request.device},
                 {"forward", described(row.forward, row.forward_bytes, pixels, bandwidth)}};
    if (request.where() == Device()) {
      item["threads"] = num_threads();
      item["level"] = name(simd_level());
    }
    std::printf("%-36s", row.name.c_str());
    print_part(item["forward"]);
    if (row.both.median > 0) {
      item["forward_backward"] = described(row.both, row.both_bytes, pixels, bandwidth);
      print_part(item["forward_backward"]);
    }
    std::printf("\n");
    std::fflush(stdout);
    list.push_back(item);
  }
  if (!request.json.empty()) write_file(request.json, list.dump(1) + "\n");
  return 0;
}

}  // namespace

void add_op_bench(Command op, Action& action) {
  Command command = op.add_subcommand("bench", "times forward and forward+backward, against a memory stream");
  auto request = std::make_shared<Request>();
  command.add_option("names", request->names, "operators, or areas as \"color.\"; all when left out");
  command.add_option("--size", request->size, "NxCxHxW");
  command.add_option("--in", request->in, "of one operator: safetensors file with tensors by argument name");
  command.add_option("--params", request->params, "of one operator: other arguments as JSON, or @FILE");
  command.add_option("--by", request->by, "of one operator: arguments to differentiate by; all when left out");
  command.add_option("--seconds", request->seconds, "for each measurement").within(0.001, 60.0);
  command.add_option("--threads", request->threads, "0: as many as the machine has").within(0, 1024);
  command.add_flag("--processor-time", request->processor_time,
                   "with one thread: time that the processor worked, for machines that do other things too");
  command.add_option("--device", request->device, "cpu or cuda").one_of({"cpu", "cuda"});
  command.add_option("--json", request->json, "write the figures to a file");
  command.callback([&action, request] { action = [request] { return bench(*request); }; });
}

}  // namespace lumigrad::command
