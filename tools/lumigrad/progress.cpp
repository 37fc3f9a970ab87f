// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace lumigrad::command {

Progress::Progress(std::int64_t total) : total_(total) {
  const char* terminal = std::getenv("TERM");
  const char* plain = std::getenv("NO_COLOR");
  wanted_ = isatty(STDERR_FILENO) == 1 && terminal && std::string_view(terminal) != "dumb";
  coloured_ = !plain || *plain == '\0';
}

Progress::~Progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void Progress::done() {
  const std::lock_guard lock(mutex_);
  ++count_;
  const auto now = Clock::now();
  const std::chrono::duration<double> elapsed = now - began_, quiet = now - drawn_;
  if (!wanted_ || elapsed.count() < 1 || quiet.count() < 0.1) return;
  drawn_ = now;
  shown_ = true;
  draw(elapsed.count());
}

void Progress::draw(double elapsed) const {
  constexpr std::int64_t width = 30;
  const auto full = static_cast<std::size_t>(width * count_ / total_);
  const auto left =
      static_cast<long>(elapsed / static_cast<double>(count_) * static_cast<double>(total_ - count_) + 0.5);
  const std::string bar = std::string(full, '#') + std::string(static_cast<std::size_t>(width) - full, '.');
  std::fprintf(stderr, "\r\033[K%s%s%s %lld/%lld, %ld:%02ld left", coloured_ ? "\033[36m" : "", bar.c_str(),
               coloured_ ? "\033[0m" : "", static_cast<long long>(count_), static_cast<long long>(total_), left / 60,
               left % 60);
  std::fflush(stderr);
}

}  // namespace lumigrad::command
