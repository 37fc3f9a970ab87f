// SPDX-License-Identifier: Apache-2.0
// What this process may use of the machine it runs on: a container or a batch job is often allowed far less than the
// hardware has, and a library that believes the hardware gets its program killed or slowed.
#pragma once
#include <lumigrad/engine/error.h>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace lumigrad {

/// The limits of the control groups a process is in. A limit of an enclosing group binds too, so each is the least on
/// the way up to the root. No limit is the largest value.
struct CgroupLimits {
  std::size_t memory_bytes = std::numeric_limits<std::size_t>::max();
  double processors = std::numeric_limits<double>::infinity();
};

/// Reads the limits of versions 1 and 2. `membership` is the text of /proc/self/cgroup, `mount` the folder of the
/// hierarchy (/sys/fs/cgroup). What cannot be read does not limit.
LUMIGRAD_API CgroupLimits cgroup_limits(std::string_view membership, const std::string& mount);

/// Bytes of memory this process may use: the machine's, or its control group's where that is less.
LUMIGRAD_API std::size_t available_memory();

/// Processors this process may use at once (at least 1): those of its affinity mask, within its control group's quota
/// (rounded up).
LUMIGRAD_API int available_processors();

/// Bytes of the largest cache that a processor reaches. `caches` is its folder of them; 0 where there is none. (sysconf
/// adds up those of all processors on some machines.)
LUMIGRAD_API std::size_t largest_cache(const std::string& caches = "/sys/devices/system/cpu/cpu0/cache");

/// Results of more bytes than this are written past the caches: half of the largest one, at least 2 MB. What nobody
/// reads soon would only push everything else out of it.
LUMIGRAD_API std::int64_t stream_threshold();

/// "1500", "64K", "2M", "3G" (binary multiples, either case) as bytes; empty for anything else and for what does not
/// fit.
LUMIGRAD_API std::optional<std::size_t> parse_bytes(std::string_view text);

}  // namespace lumigrad
