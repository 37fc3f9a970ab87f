// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/version.h>

#include <cstdio>
#include <string>

using namespace lumigrad;

TEST_CASE("the version is three numbers") {
  int major = -1, minor = -1, patch = -1;
  CHECK(std::sscanf(version(), "%d.%d.%d", &major, &minor, &patch) == 3);
}

TEST_CASE("without a request the best level of the processor is taken") {
  const Level best = choose_level(nullptr).level;
  CHECK(available(best));
  for (Level level : {Level::baseline, Level::v3, Level::v4})
    if (level > best) CHECK_FALSE(available(level));
  CHECK(choose_level("").level == best);
}

TEST_CASE("every available level can be asked for by name") {
  for (Level level : {Level::baseline, Level::v3, Level::v4}) {
    const LevelChoice choice = choose_level(name(level));
    CHECK(choice.level <= level);
    CHECK((choice.level == level) == available(level));
    CHECK(choice.reason.find("LUMIGRAD_SIMD") != std::string::npos);
  }
}

TEST_CASE("an unknown level is not ignored in silence") {
  const LevelChoice choice = choose_level("avx9");
  CHECK(choice.level == choose_level(nullptr).level);
  CHECK(choice.reason == "LUMIGRAD_SIMD=avx9 is unknown (baseline, v3, v4)");
}

TEST_CASE("the process-wide level is a choice that can run here") {
  CHECK(available(simd_level()));
  CHECK(level_choice().level == simd_level());
}
