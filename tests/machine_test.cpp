// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <stdlib.h>

#include <lumigrad/engine/machine.h>
#include <filesystem>
#include <fstream>
#include <limits>

using namespace lumigrad;

namespace {

/// A stand-in for /sys/fs/cgroup.
struct Mount {
  Mount() {
    char name[] = "/tmp/lumigrad_cgroup_XXXXXX";
    root = mkdtemp(name);
  }
  ~Mount() { std::filesystem::remove_all(root); }
  void put(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = root + "/" + file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::string root;
};

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

}  // namespace

TEST_CASE("the largest cache of a processor is read, and none is no error") {
  const Mount mount;
  CHECK(largest_cache(mount.root) == 0);
  mount.put("index0/size", "32K\n");
  mount.put("index3/size", "32768K\n");
  mount.put("index4/size", "nonsense\n");
  CHECK(largest_cache(mount.root) == std::size_t{32} << 20);
  CHECK(stream_threshold() >= std::int64_t{2} << 20);
}

TEST_CASE("a control group of version 2 limits memory and processors, the enclosing groups too") {
  const Mount mount;
  mount.put("jobs/a/memory.max", "max\n");
  mount.put("jobs/memory.max", "3000000\n");
  mount.put("jobs/a/cpu.max", "150000 100000\n");
  mount.put("jobs/cpu.max", "max 100000\n");
  const CgroupLimits limits = cgroup_limits("0::/jobs/a\n", mount.root);
  CHECK(limits.memory_bytes == 3000000);
  CHECK(limits.processors == 1.5);
}

TEST_CASE("control groups of version 1 have a hierarchy for each controller") {
  const Mount mount;
  mount.put("memory/box/memory.limit_in_bytes", "9223372036854771712\n");
  mount.put("memory/memory.limit_in_bytes", "1000000\n");
  mount.put("cpu/box/cpu.cfs_quota_us", "-1\n");
  mount.put("cpu/box/cpu.cfs_period_us", "100000\n");
  mount.put("cpu/cpu.cfs_quota_us", "400000\n");
  mount.put("cpu/cpu.cfs_period_us", "100000\n");
  const CgroupLimits limits = cgroup_limits("7:cpu,cpuacct:/box\n4:memory:/box\n1:name=systemd:/\n", mount.root);
  CHECK(limits.memory_bytes == 1000000);
  CHECK(limits.processors == 4);
}

TEST_CASE("inside a container the group's own path is not visible and the mount counts") {
  const Mount mount;
  mount.put("memory.max", "5000\n");
  CHECK(cgroup_limits("0::/outside/path\n", mount.root).memory_bytes == 5000);
}

TEST_CASE("what cannot be read does not limit") {
  for (const char* text : {"", "\n", "nonsense", "0:", "4:memory", "0::/", "4:memory:/x\n"}) {
    CHECK(cgroup_limits(text, "/nowhere").memory_bytes == unlimited);
    CHECK(cgroup_limits(text, "/nowhere").processors == std::numeric_limits<double>::infinity());
  }
}

TEST_CASE("this machine has memory and a processor") {
  CHECK(available_memory() > (std::size_t{1} << 20));
  CHECK(available_processors() >= 1);
}

TEST_CASE("sizes are bytes with an optional binary unit") {
  CHECK(parse_bytes("1500") == 1500);
  CHECK(parse_bytes("64K") == 64 * 1024);
  CHECK(parse_bytes("2m") == 2 * 1024 * 1024);
  CHECK(parse_bytes("3G") == std::size_t{3} << 30);
  for (const char* text :
       {"", "K", "-1", "1.5G", "12KB", "12 K", "0x10", "99999999999999999999", "18446744073709551615G"})
    CHECK_FALSE(parse_bytes(text).has_value());
}
