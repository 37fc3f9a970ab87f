// SPDX-License-Identifier: Apache-2.0
// How fast the fused alignment pass runs: megapixels of the fixed image per second, one thread, per instruction level.
//
//   bench_registration [SECONDS per figure]
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/vision/registration/refinement.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

namespace {

using namespace lumigrad;
using namespace lumigrad::registration;

Plane textured(int height, int width) {
  Plane p(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      p.row(y)[x] = static_cast<float>(0.5 + 0.2 * std::sin(0.11 * x + 0.05 * y) + 0.2 * std::sin(0.07 * x - 0.13 * y) +
                                       0.1 * std::sin(0.45 * x) * std::sin(0.38 * y));
  return p;
}

/// Processor seconds of this thread: what other programs do on the machine is not counted.
double processor_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Median over rounds of megapixels per processor second.
double megapixels_per_second(const AlignmentKernels& kernels, const AlignmentPass& pass, double seconds) {
  NormalEquations sums;
  kernels.accumulate(pass, sums);
  std::vector<double> rates;
  const double pixels = static_cast<double>(pass.fixed.width) * pass.fixed.height, end = processor_seconds() + seconds;
  while (processor_seconds() < end || rates.size() < 5) {
    const double begin = processor_seconds();
    for (int k = 0; k < 4; ++k) kernels.accumulate(pass, sums);
    rates.push_back(4e-6 * pixels / (processor_seconds() - begin));
  }
  std::nth_element(rates.begin(), rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2), rates.end());
  return rates[rates.size() / 2];
}

}  // namespace

int main(int count, char** words) {
  const double seconds = count > 1 ? std::atof(words[1]) : 0.5;
  struct Case {
    const char* name;
    Robust loss;
    bool gain_bias;
    Sampling sampling;
  };
  const Case cases[] = {{"homography, least squares", Robust::l2, false, Sampling::bilinear},
                        {"+ Geman-McClure", Robust::geman_mcclure, false, Sampling::bilinear},
                        {"+ gain and bias", Robust::geman_mcclure, true, Sampling::bilinear},
                        {"+ cubic B-splines", Robust::geman_mcclure, true, Sampling::spline}};
  std::printf("fused alignment pass, Mpx/s, one thread\n%-10s %-10s", "level", "size");
  for (const Case& c : cases) std::printf(" %26s", c.name);
  std::printf("\n");
  for (Level level : {Level::baseline, Level::v3, Level::v4}) {
    if (!available(level)) continue;
    for (auto [height, width] : {std::pair{480, 640}, std::pair{1080, 1920}}) {
      const Plane fixed = textured(height, width), moving = textured(height, width);
      const Matrix3 map = {0.998, -0.05, 8, 0.049, 1.003, -6, 1e-5, -8e-6, 1};
      std::printf("%-10s %-10s", name(level), (std::to_string(width) + "x" + std::to_string(height)).c_str());
      for (const Case& c : cases) {
        std::vector<float> scratch;
        RefinementOptions options;
        options.loss = c.loss;
        options.gain_bias = c.gain_bias;
        options.sampling = c.sampling;
        const AlignmentPass pass = make_pass({fixed, moving}, {map, {}}, options, 0.05, scratch);
        std::printf(" %26.0f", megapixels_per_second(alignment_kernels(level), pass, seconds));
      }
      std::printf("\n");
    }
  }
}
