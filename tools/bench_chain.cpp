// SPDX-License-Identifier: Apache-2.0
// What a chain of pixel operators costs in one pass: bench_chain [--rounds N] [--size NxCxHxW].
//
// Six operators that wait for memory (a few operations a value): brightness, contrast, inversion, saturation about
// grey, shifts of the channels, brightness again. Each alone, the six one after the other, and the six as one chain run
// in turn, round after round, in one thread; times are of the processor, medians over the rounds. Bytes are predicted
// by counting the images that must be read and written; measured are those that a plain copy of this machine moves in
// the same time in the same run, so what is beyond the prediction is arithmetic that memory does not hide.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/vision/enhance/steps.h>
#include "tools/stream.h"

using namespace lumigrad;

namespace {

struct Row {
  std::string name;
  std::function<void()> run;
  double images = 0;  // read or written
  std::vector<double> seconds = {};
  double median() {
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 2];
  }
};

Shape shape_of(const char* text) {
  long long n = 0, c = 0, h = 0, w = 0;
  if (std::sscanf(text, "%lldx%lldx%lldx%lld", &n, &c, &h, &w) != 4) {
    std::fprintf(stderr, "bench_chain: expected a size such as 8x3x1080x1920, got %s\n", text);
    std::exit(2);
  }
  return Shape{n, c, h, w};
}

Tensor noise(const Shape& shape, unsigned seed) {
  std::vector<float> values(static_cast<std::size_t>(shape.numel()));
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) / 16777216.0f;
  }
  return Tensor::from(values, shape);
}

}  // namespace

int main(int argc, char** argv) try {
  int rounds = 15;
  Shape shape{8, 3, 1080, 1920};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--rounds")) rounds = std::max(1, std::atoi(argv[i + 1]));
    if (!std::strcmp(argv[i], "--size")) shape = shape_of(argv[i + 1]);
  }
  set_num_threads(1);
  namespace steps = enhance::steps;
  const Tensor image = noise(shape, 1);
  const Tensor leaf = image.detach().requires_grad(), seed = noise(shape, 2);
  const Tensor factors[] = {0.05, 1.1, 1.0, 0.9, 0.02, -0.01};
  std::vector<Tensor> p;
  for (const Tensor& f : factors) p.push_back(f.to(DType::f32).requires_grad());
  const std::vector<PixelStep> chain = {steps::adjust_brightness(p[0]),
                                        steps::adjust_contrast(p[1]),
                                        steps::invert(p[2]),
                                        steps::adjust_saturation_with_gray_subtraction(p[3]),
                                        steps::shift_rgb(p[4], p[4], p[5]),
                                        steps::adjust_brightness(p[5])};
  const auto forward = [&](std::span<const PixelStep> some) {
    const NoGrad plain;
    Tensor y = image;
    for (const PixelStep& step : some) y = fuse(y, {step});
  };
  const auto both = [&](const Tensor& y, bool params) {
    std::vector<Tensor> inputs = {leaf};
    if (params) inputs.insert(inputs.end(), p.begin(), p.end());
    grad({y}, inputs, {.seeds = {seed}});
  };
  std::vector<Row> rows;
  const double n = 6;
  for (const PixelStep& step : chain)
    rows.push_back({std::string(step.name), [&, one = std::span(&step, 1)] { forward(one); }, 2});
  rows.push_back({"six, one after the other", [&] { forward(chain); }, 2 * n});
  rows.push_back({"six in a chain",
                  [&] {
                    const NoGrad plain;
                    fuse(image, chain);
                  },
                  2});
  const std::size_t back = rows.size();
  for (const bool params : {false, true}) {
    for (const PixelStep& step : chain)
      rows.push_back({std::string(step.name), [&, params, one = &step] { both(fuse(leaf, {*one}), params); }, 5});
    rows.push_back({"six, one after the other",
                    [&, params] {
                      Tensor y = leaf;
                      for (const PixelStep& step : chain) y = fuse(y, {step});
                      both(y, params);
                    },
                    5 * n});
    rows.push_back({"six in a chain", [&, params] { both(fuse(leaf, chain), params); }, 5});
  }
  const double bytes = static_cast<double>(shape.numel()) * sizeof(float);
  Stream stream(static_cast<std::size_t>(2 * bytes));
  Row copies[] = {{"copy", [&] { stream.plain(); }, 2}, {"copy past the caches", [&] { stream.past_caches(); }, 2}};
  const auto time = [](Row& row) {
    const double begin = worked();
    row.run();
    row.seconds.push_back(worked() - begin);
  };
  for (int round = 0; round <= rounds; ++round) {
    for (Row& row : copies) time(row);
    for (Row& row : rows) time(row);
    if (round == 0)  // pages and caches are warm after the first
      for (auto* all : {&rows})
        for (Row& row : *all) row.seconds.clear();
  }
  const double rate = 2 * bytes / std::min(copies[0].median(), copies[1].median());
  std::printf("%s f32, one thread; a copy moves %.1f GB/s\n", to_string(shape).c_str(), rate * 1e-9);
  std::printf("%-52s %9s %10s %10s\n", "", "ms", "predicted", "measured");
  const char* titles[] = {"forward", "forward and backward, to the image",
                          "forward and backward, to image and parameters"};
  for (std::size_t part = 0; part < 3; ++part) {
    std::printf("%s\n", titles[part]);
    std::vector<double> single;
    for (std::size_t i = part * back; i < (part + 1) * back; ++i) {
      Row& row = rows[i];
      if (single.size() < chain.size()) single.push_back(row.median());
      std::printf("  %-50s %9.2f %7.0f MB %7.0f MB\n", row.name.c_str(), 1e3 * row.median(), row.images * bytes * 1e-6,
                  row.median() * rate * 1e-6);
    }
    double mean = 0;
    for (const double s : single) mean += s / static_cast<double>(single.size());
    std::printf("  chain / one operator: %.2f (of the mean of the six), %.2f (of the first)\n",
                rows[part * back + back - 1].median() / mean, rows[part * back + back - 1].median() / single[0]);
  }
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "bench_chain: %s\n", error.what());
  return 3;
}
