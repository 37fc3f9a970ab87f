// SPDX-License-Identifier: Apache-2.0
// What this machine's memory allows: copying as many bytes as an operator must move, at the widest vectors there are,
// on the same threads, in the same run.
#pragma once
#include <cstddef>
#include <vector>

namespace lumigrad {

/// Copies half of `bytes` from one array to another (so that `bytes` move), with plain or with non-temporal stores.
class MemoryStream {
 public:
  explicit MemoryStream(std::size_t bytes);
  void plain();
  void past_caches();

 private:
  void run(void (*copy)(const std::byte*, std::byte*, std::size_t));
  std::size_t bytes_;  // of each array
  std::vector<std::byte> memory_;
  std::byte *from_, *to_;
};

/// Times of one piece of work, in seconds.
struct Timing {
  double median = 0;
  double low = 0, high = 0;  ///< quartiles
  double spread() const { return median > 0 ? (high - low) / median : 0; }
};

Timing timing_from(std::vector<double> samples);
/// Seconds since some time.
double now();
/// Seconds that processors have worked for this process: on a busy machine, with one thread, what `now` would say on an
/// idle one.
double worked();

/// Runs `work` in groups long enough for the clock until about `seconds` have passed, once untimed before. `settle`
/// ends a group: it waits for work that was only asked for.
template <class F, class Settle>
Timing time_of(const F& work, double seconds, double (*now)(), double group_seconds, const Settle& settle) {
  work();
  settle();
  const double first = now();
  work();
  settle();
  const double once = now() - first;
  const int group = once > group_seconds ? 1 : static_cast<int>(group_seconds / (once + 1e-8)) + 1;
  std::vector<double> samples;
  const double end = now() + seconds;
  while (samples.size() < 5 || (now() < end && samples.size() < 200)) {
    const double begin = now();
    for (int i = 0; i < group; ++i) work();
    settle();
    samples.push_back((now() - begin) / group);
  }
  return timing_from(std::move(samples));
}
template <class F>
Timing time_of(const F& work, double seconds = 0.3, double (*now)() = lumigrad::now) {
  return time_of(work, seconds, now, 1e-3, [] {});
}

}  // namespace lumigrad
