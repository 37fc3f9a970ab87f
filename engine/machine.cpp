// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <unistd.h>

#include <lumigrad/engine/machine.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <limits>

namespace lumigrad {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// The number at the front of `text`, which is cut off; empty for "max", "-1" and the like.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return value;
}

/// Calls `read(folder)` for a group's folder and each one around it, up to the mount. Inside a container the group's
/// own path is often not visible; the mount itself is, and holds the container's limits.
template <class Read>
void climb(const std::string& mount, std::string_view group, Read read) {
  while (!group.empty() && group != "/") {
    read(mount + std::string(group) + "/");
    group = group.substr(0, group.rfind('/'));
  }
  read(mount + "/");
}

void limit_memory(CgroupLimits& limits, const std::string& file) {
  const std::string text = text_of(file);
  std::string_view rest = text;
  if (const auto bytes = take_number(rest))
    limits.memory_bytes = std::min<std::size_t>(limits.memory_bytes, static_cast<std::size_t>(*bytes));
}

void limit_processors(CgroupLimits& limits, std::optional<std::uint64_t> quota, std::optional<std::uint64_t> period) {
  if (quota && period && *quota > 0 && *period > 0)
    limits.processors = std::min(limits.processors, static_cast<double>(*quota) / static_cast<double>(*period));
}

bool names(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    const auto comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == wanted) return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

}  // namespace

CgroupLimits cgroup_limits(std::string_view membership, const std::string& mount) {
  CgroupLimits limits;
  while (!membership.empty()) {  // lines "id:controllers:path", version 2 has "0::path"
    const std::string_view line = membership.substr(0, membership.find('\n'));
    membership.remove_prefix(std::min(line.size() + 1, membership.size()));
    const auto first = line.find(':');
    const auto second = line.find(':', first == line.npos ? line.npos : first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string_view group = line.substr(second + 1);
    if (controllers.empty())
      climb(mount, group, [&](const std::string& folder) {
        limit_memory(limits, folder + "memory.max");
        const std::string text = text_of(folder + "cpu.max");
        std::string_view rest = text;
        const auto quota = take_number(rest);
        limit_processors(limits, quota, take_number(rest));
      });
    if (names(controllers, "memory"))
      climb(mount + "/memory", group,
            [&](const std::string& folder) { limit_memory(limits, folder + "memory.limit_in_bytes"); });
    if (names(controllers, "cpu"))
      climb(mount + "/cpu", group, [&](const std::string& folder) {
        const std::string quota_text = text_of(folder + "cpu.cfs_quota_us");
        const std::string period_text = text_of(folder + "cpu.cfs_period_us");
        std::string_view quota = quota_text, period = period_text;
        limit_processors(limits, take_number(quota), take_number(period));
      });
  }
  return limits;
}

std::size_t available_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  std::size_t bytes = std::numeric_limits<std::size_t>::max();
  if (pages > 0 && page > 0) bytes = static_cast<std::size_t>(pages) * static_cast<std::size_t>(page);
  return std::min(bytes, cgroup_limits(text_of("/proc/self/cgroup"), "/sys/fs/cgroup").memory_bytes);
}

int available_processors() {
  long count = 0;
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) count = CPU_COUNT(&mask);
  if (count < 1) count = sysconf(_SC_NPROCESSORS_ONLN);  // more processors than the mask has room for
  const double quota = cgroup_limits(text_of("/proc/self/cgroup"), "/sys/fs/cgroup").processors;
  const double limit = std::min(static_cast<double>(std::max(count, 1L)), std::ceil(quota));
  return static_cast<int>(std::max(limit, 1.0));
}

std::size_t largest_cache(const std::string& caches) {
  std::size_t largest = 0;
  for (int k = 0; k < 10; ++k) {
    std::string text = text_of(caches + "/index" + std::to_string(k) + "/size");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    largest = std::max(largest, parse_bytes(text).value_or(0));
  }
  return largest;
}

std::int64_t stream_threshold() {
  static const auto bytes = static_cast<std::int64_t>(std::max<std::size_t>(largest_cache(), 4 << 20) / 2);
  return bytes;
}

std::optional<std::size_t> parse_bytes(std::string_view text) {
  const auto number = take_number(text);
  if (!number || text.size() > 1) return std::nullopt;
  int shift = 0;
  if (!text.empty()) {
    const auto unit = std::string_view("kKmMgG").find(text.front());
    if (unit == std::string_view::npos) return std::nullopt;
    shift = 10 * (static_cast<int>(unit) / 2 + 1);
  }
  const std::uint64_t limit = std::numeric_limits<std::size_t>::max();
  if (*number > (limit >> shift)) return std::nullopt;
  return static_cast<std::size_t>(*number << shift);
}

}  // namespace lumigrad
