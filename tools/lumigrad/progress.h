// SPDX-License-Identifier: Apache-2.0
// A bar with the time left, for work that lasts, on a terminal only.
#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>

namespace lumigrad::command {

/// Shown on stderr when that is a terminal (and not a dumb one) and the work has taken more than a second; without
/// colour under NO_COLOR. Any thread may call `done`. The bar is gone when the object is.
class Progress {
 public:
  explicit Progress(std::int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// One piece of the work is done.
  void done();

 private:
  using Clock = std::chrono::steady_clock;

  void draw(double elapsed) const;

  const std::int64_t total_;
  bool wanted_, coloured_, shown_ = false;
  std::mutex mutex_;
  std::int64_t count_ = 0;
  Clock::time_point began_ = Clock::now(), drawn_ = began_;
};

}  // namespace lumigrad::command
