// SPDX-License-Identifier: Apache-2.0
// How fast compiled formulas are, as a fraction of what memory allows: bench_formula [--rounds N] [--hd].
//
// All kernels of a table run in turn, round after round, in one pinned thread. Before each timed call the same kernel
// runs once untimed, so the cache state is its own. The stream of a row reads and writes as many lanes as the kernel,
// with plain or with non-temporal stores, whichever is faster; medians and minima are over the rounds.
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "bench_formula.h"

#include <lumigrad/engine/cpu/level.h>

using namespace lumigrad;

namespace {

struct Row {
  std::string name;
  int stream;  // which pair of streams it is compared with
  std::function<void()> run;
  std::vector<double> ns = {};

  double median() {
    std::sort(ns.begin(), ns.end());
    return ns[ns.size() / 2];
  }
  double least() const { return *std::min_element(ns.begin(), ns.end()); }
};

float* plane(std::size_t n, unsigned seed, bool data) {
  float* p = static_cast<float*>(std::aligned_alloc(4096, (n * sizeof(float) + 4095) / 4096 * 4096));
  for (std::size_t i = 0; i < n; ++i) {
    seed = seed * 1664525u + 1013904223u;
    p[i] = data ? static_cast<float>(seed >> 8) / 16777216.0f : 0.0f;
  }
  return p;
}

void measure(const char* title, const bench::Level& level, std::size_t n, int rounds, unsigned flags) {
  const float *x[3], *w[3], *six[6];
  float* y[3];
  for (unsigned k = 0; k < 3; ++k) {
    six[k] = x[k] = plane(n, 1 + k, true);
    six[3 + k] = w[k] = plane(n, 11 + k, true);
    y[k] = plane(n, 0, false);
  }
  static const float eps[1] = {1e-8f}, jitter[5] = {0.05f, 1.1f, 0.9f, 0.98f, 0.2f};
  double by_hand[5] = {}, derived[5] = {}, ignored[1] = {};
  std::vector<Row> rows = {
      {"stream 3 -> 1", 0, [&] { level.stream_3_1(x, y, n); }},
      {"stream 3 -> 1, past caches", 0, [&] { level.past_3_1(x, y, n); }},
      {"stream 1 -> 3", 1, [&] { level.stream_1_3(x, y, n); }},
      {"stream 1 -> 3, past caches", 1, [&] { level.past_1_3(x, y, n); }},
      {"stream 3 -> 3", 2, [&] { level.stream_3_3(x, y, n); }},
      {"stream 3 -> 3, past caches", 2, [&] { level.past_3_3(x, y, n); }},
      {"stream 6 -> 3", 3, [&] { level.stream_6_3(six, y, n); }},
      {"stream 6 -> 3, past caches", 3, [&] { level.past_6_3(six, y, n); }},
      {"grayscale", 0, [&] { level.gray.f32.forward(x, nullptr, y, n, flags); }},
      {"grayscale backward", 1, [&] { level.gray.f32.vjp(x, nullptr, w, y, n, flags); }},
      {"rgb_to_hsv", 2, [&] { level.hsv.f32.forward(x, eps, y, n, flags); }},
      {"rgb_to_hsv backward", 3, [&] { level.hsv.f32.vjp(x, eps, w, y, n, flags); }},
      {"rgb_to_hsv backward + parameter", 3, [&] { level.hsv.f32.vjp_params(x, eps, w, y, ignored, n, flags); }},
      {"jitter", 2, [&] { level.jitter.f32.forward(x, jitter, y, n, flags); }},
      {"jitter backward", 3, [&] { level.jitter.f32.vjp(x, jitter, w, y, n, flags); }},
      {"jitter backward + parameters", 3, [&] { level.jitter.f32.vjp_params(x, jitter, w, y, derived, n, flags); }},
      {"the same by hand", 3, [&] { level.jitter_by_hand(x, jitter, w, y, by_hand, n, flags); }},
  };
  const int repeat = std::max<int>(1, static_cast<int>(1000000 / n));
  for (int round = 0; round < rounds; ++round) {
    for (Row& row : rows) {
      row.run();
      const auto start = std::chrono::steady_clock::now();
      for (int k = 0; k < repeat; ++k) row.run();
      const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
      row.ns.push_back(time.count() / static_cast<double>(n) / repeat);
    }
  }
  double median[4], least[4];
  for (int s = 0; s < 4; ++s) {
    median[s] = std::min(rows[2 * s].median(), rows[2 * s + 1].median());
    least[s] = std::min(rows[2 * s].least(), rows[2 * s + 1].least());
  }
  std::printf("%s\n  %-34s %10s %10s %10s %10s\n", title, "ns per pixel", "median", "of stream", "least", "of stream");
  for (Row& row : rows) {
    std::printf("  %-34s %10.3f %9.0f%% %10.3f %9.0f%%\n", row.name.c_str(), row.median(),
                100 * median[row.stream] / row.median(), row.least(), 100 * least[row.stream] / row.least());
  }
  const double ratio = rows[15].median() / rows[16].median(), best = rows[15].least() / rows[16].least();
  double worst = 0;
  for (int k = 0; k < 5; ++k) worst = std::max(worst, std::fabs(derived[k] / by_hand[k] - 1));
  std::printf("  derived / by hand: %.3f (least %.3f); parameter gradients agree to %.1e\n", ratio, best, worst);
  for (int k = 0; k < 3; ++k) {
    std::free(const_cast<float*>(x[k]));
    std::free(const_cast<float*>(w[k]));
    std::free(y[k]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = 41;
  bool large = false;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--rounds") && i + 1 < argc) {
      rounds = std::max(1, std::atoi(argv[++i]));
    } else if (!std::strcmp(argv[i], "--hd")) {
      large = true;
    } else {
      std::fprintf(stderr, "usage: bench_formula [--rounds N] [--hd]\n");
      return 2;
    }
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  sched_setaffinity(0, sizeof one, &one);
  struct {
    Level level;
    const bench::Level& kernels;
  } levels[] = {
    {Level::baseline, bench::formula_baseline},
#if defined(__x86_64__)
    {Level::v3, bench::formula_v3},
    {Level::v4, bench::formula_v4}
#endif
  };
  for (const auto& [level, kernels] : levels) {
    if (!available(level)) continue;
    measure((std::string(name(level)) + ", 640x480 in cache").c_str(), kernels, 640 * 480, rounds, 0);
    if (large) {
      measure((std::string(name(level)) + ", 1920x1080x8 in memory").c_str(), kernels, 1920 * 1080 * 8,
              std::max(3, rounds / 8), stream_outputs);
    }
  }
  return 0;
}
