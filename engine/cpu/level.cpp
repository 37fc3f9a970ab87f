// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/level.h>

#include <cstdlib>

namespace lumigrad {

namespace {

constexpr Level levels[level_count] = {Level::baseline, Level::v3, Level::v4};

Level best_up_to(Level highest) {
  Level best = Level::baseline;
  for (Level level : levels)
    if (level <= highest && available(level)) best = level;
  return best;
}

}  // namespace

const char* name(Level level) noexcept {
  switch (level) {
    case Level::baseline:
      return "baseline";
    case Level::v3:
      return "v3";
    case Level::v4:
      return "v4";
  }
  return "unknown";
}

// The feature lists are those of the x86-64 psABI's micro-architecture levels, as far as they hold vector and bit
// instructions. __builtin_cpu_supports also asks whether the operating system saves the wide registers.
bool available(Level level) noexcept {
  if (level == Level::baseline) return true;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                  __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
  if (level == Level::v3) return v3;
  return v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

LevelChoice choose_level(const char* request) {
  const Level best = best_up_to(Level::v4);
  const std::string wanted = request ? request : "";
  if (wanted.empty()) return {best, "the best this processor has"};
  for (Level level : levels) {
    if (wanted != name(level)) continue;
    if (available(level)) return {level, "asked for by LUMIGRAD_SIMD"};
    return {best_up_to(level), "LUMIGRAD_SIMD=" + wanted + " is not available on this processor"};
  }
  return {best, "LUMIGRAD_SIMD=" + wanted + " is unknown (baseline, v3, v4)"};
}

const LevelChoice& level_choice() {
  static const LevelChoice choice = choose_level(std::getenv("LUMIGRAD_SIMD"));
  return choice;
}

Level simd_level() { return level_choice().level; }

}  // namespace lumigrad
