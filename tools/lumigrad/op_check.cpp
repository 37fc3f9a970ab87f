// SPDX-License-Identifier: Apache-2.0
// `lumigrad op check`: the gradient report.
#include <lumigrad/engine/cpu/level.h>
#include <cstdio>
#include "command.h"
#include "tools/catalogue_check.h"

namespace lumigrad::command {
namespace {

struct Request {
  std::vector<std::string> names;
  CheckOptions options;
  std::string device = "cpu";
};

// Worst deviation over what is allowed, "-" where nothing was to be checked.
std::string cell(const OperatorCheck& check, const char* kind) {
  const double worst = check.worst(kind);
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", worst);
  return worst < 0 ? "-" : text;
}

int check_all(const Request& request) {
  CheckOptions options = request.options;
  options.device = require_device(request.device);
  const std::vector<const Operator*> rows = chosen_operators(request.names);
  constexpr const char* kinds[] = {"gradient", "second order", "kink", "golden", "refusal", "adjoint", "f32", "device"};
  std::printf("largest deviation over what is allowed (fails above 1), %s, instruction level %s, seed %llu\n",
              request.device.c_str(), name(simd_level()), static_cast<unsigned long long>(request.options.seed));
  std::printf("%-36s %7s", "operator", "samples");
  for (const char* kind : kinds) std::printf(" %12s", kind);
  std::printf("\n");
  std::size_t failed = 0, tried = 0;
  for (const Operator* row : rows) {
    const OperatorCheck check = check_operator(*row, options);
    std::printf("%-36s %7d", check.name.c_str(), check.samples);
    for (const char* kind : kinds) std::printf(" %12s", cell(check, kind).c_str());
    std::printf("%s\n", check.passed() ? "" : "  FAILED");
    for (const CheckLine& line : check.lines) {
      ++tried;
      if (!line.passed)
        std::printf("  FAILED %s [%s]: %s\n", line.check.c_str(), line.where.c_str(), line.detail.c_str());
    }
    failed += !check.passed();
  }
  std::printf("op check: %zu operators, %zu checks, %zu operators failed\n", rows.size(), tried, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace

void add_op_check(Command op, Action& action) {
  Command command = op.add_subcommand("check", "gradients and everything else a row promises, against differences");
  auto request = std::make_shared<Request>();
  command.add_option("names", request->names, "operators, or areas as \"color.\"; all when left out");
  command.add_option("--seed", request->options.seed, "of the samples and projections");
  command.add_option("--samples", request->options.samples, "samples an operator; 0: all of its row").within(0, 100000);
  command.add_option("--device", request->device, "cpu or cuda").one_of({"cpu", "cuda"});
  command.callback([&action, request] { action = [request] { return check_all(*request); }; });
}

}  // namespace lumigrad::command
