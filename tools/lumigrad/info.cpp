// SPDX-License-Identifier: Apache-2.0
// `lumigrad info`: what this build is and what it found on this machine.
#include <lumigrad/engine/allocator.h>
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/version.h>
#include <lumigrad/vision/image_io/image_io.h>
#include <CLI/CLI.hpp>
#include <cstdio>
#include "command.h"

namespace lumigrad::command {
namespace {

constexpr const char* no_cuda = "not built (this build has no CUDA module)";

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
  std::printf("cuda: %s\n", no_cuda);
  return 0;
}

}  // namespace

void require_device(const std::string& device) {
  require<DeviceError>(device == "cpu", "device: expected one that is there (cpu), got ", device, ": ", no_cuda);
}

void add_info(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("info", "version, instruction levels, threads, memory, codecs, CUDA");
  command->callback([&action] { action = info; });
}

}  // namespace lumigrad::command
