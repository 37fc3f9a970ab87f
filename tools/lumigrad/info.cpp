// SPDX-License-Identifier: Apache-2.0
// `lumigrad info`: what this build is and what it found on this machine.
#include <lumigrad/engine/allocator.h>
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/version.h>
#include <lumigrad/vision/image_io/image_io.h>
#include <cstdio>
#include "command.h"

namespace lumigrad::command {
namespace {

// "1 device (path of the module)" and a line for each, or the reason why there is none.
void print_cuda() {
  const device::ModuleReport report = device::module_report();
  if (report.devices.empty()) {
    std::printf("cuda: not available: %s\n", report.reason.c_str());
    return;
  }
  std::printf("cuda: %zu device%s (%s)\n", report.devices.size(), report.devices.size() == 1 ? "" : "s",
              report.path.c_str());
  for (std::size_t i = 0; i < report.devices.size(); ++i)
    std::printf("  cuda:%zu %s, %.0f MiB, %d multiprocessors\n", i, report.devices[i].name,
                static_cast<double>(report.devices[i].bytes) / (1 << 20), report.devices[i].multiprocessors);
}

int info() {
  std::string levels;
  for (const Level level : {Level::baseline, Level::v3, Level::v4})
    if (available(level)) levels += std::string(levels.empty() ? "" : " ") + name(level);
  const LevelChoice& choice = level_choice();
  const auto mebibytes = static_cast<double>(memory_stats().budget) / (1 << 20);
  std::printf("version: %s\n", version());
  std::printf("simd: %s (available: %s); %s\n", name(choice.level), levels.c_str(), choice.reason.c_str());
  std::printf("threads: %d\n", num_threads());
  std::printf("memory budget: %.0f MiB\n", mebibytes);
  std::printf("image codecs: %s\n", image_codecs().c_str());
  print_cuda();
  return 0;
}

}  // namespace

Device require_device(const std::string& name) {
  const Device device = parse_device(name);
  const std::string reason = unavailable_reason(device);
  if (!reason.empty()) throw DeviceError(reason);
  return device;
}

void add_info(Command app, Action& action) {
  Command command = app.add_subcommand("info", "version, instruction levels, threads, memory, codecs, CUDA");
  command.callback([&action] { action = info; });
}

}  // namespace lumigrad::command
