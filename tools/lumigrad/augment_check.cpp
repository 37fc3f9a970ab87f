// SPDX-License-Identifier: Apache-2.0
// `lumigrad augment check`: gradients of ranges, magnitudes and probabilities against the expected loss.
#include <lumigrad/augment/gradient_check.h>

#include <algorithm>
#include <cstdio>

#include "command.h"
#include "spelling.h"

namespace lumigrad::command {
namespace {

struct Request {
  std::vector<std::string> names;
  augment::GradientCheckOptions options;
};

int check(const Request& request) {
  std::vector<std::string> known, chosen = request.names;
  for (const augment::Kind& kind : augment::kinds()) known.emplace_back(kind.name);
  for (std::string& name : chosen) {
    if (name.starts_with("augment.")) name.erase(0, 8);
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw Usage("augment check: no augmentation is called " + name + suggestion(name, known));
  }
  if (chosen.empty()) chosen = known;
  std::printf(
      "gradient of the mean over draws, by the tape and by central differences under the same noise, seed %llu\n",
      static_cast<unsigned long long>(request.options.seed));
  std::printf("%-16s %-22s %-32s %12s %12s %10s %8s\n", "augmentation", "parameter", "where", "tape", "difference",
              "std error", "draws");
  std::size_t failed = 0, tried = 0;
  for (const std::string& name : chosen) {
    for (const augment::GradientLine& line : augment::check_gradients(name, request.options)) {
      std::printf("%-16s %-22s %-32s %12.5g %12.5g %10.2g %8lld%s%s\n", line.augmentation.c_str(),
                  line.parameter.c_str(), line.where.c_str(), line.analytic, line.numeric, line.standard_error,
                  static_cast<long long>(line.draws), line.zero ? "  zero" : "", line.passed ? "" : "  FAILED");
      ++tried, failed += line.passed ? 0 : 1;
    }
    std::fflush(stdout);
  }
  std::printf("%zu comparisons of %zu augmentations, %zu failed\n", tried, chosen.size(), failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace

void add_augment_check(Command augment, Action& action) {
  auto request = std::make_shared<Request>();
  Command command = augment.add_subcommand("check", "gradients of what is learned, against the expected loss");
  command.add_option("names", request->names, "augmentations, such as rotate; left out: all");
  command.add_option("--seed", request->options.seed, "of the draws");
  command.callback([request, &action] { action = [request] { return check(*request); }; });
}

}  // namespace lumigrad::command
