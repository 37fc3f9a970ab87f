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

using Chain = std::vector<PixelStep>;

void measure(const char* title, const Tensor& image, const Tensor& seed, const Chain& chain, int rounds) {
  const Tensor leaf = image.detach().requires_grad();
  std::vector<Tensor> learned;
  for (const PixelStep& step : chain)
    for (const Tensor& p : step.params)
      if (p.needs_grad()) learned.push_back(p);
  const auto apart = [&](const Tensor& x, std::span<const PixelStep> steps) {
    Tensor y = x;
    for (const PixelStep& step : steps) y = fuse(y, {step});
    return y;
  };
  const auto both = [&](const Tensor& y, bool params) {
    std::vector<Tensor> inputs = {leaf};
    if (params) inputs.insert(inputs.end(), learned.begin(), learned.end());
    grad({y}, inputs, {.seeds = {seed}});
  };
  const double n = static_cast<double>(chain.size());
  std::vector<Row> rows;
  for (const PixelStep& step : chain)
    rows.push_back({step.name, [&, one = std::span(&step, 1)] { apart(image, one); }, 2});
  rows.push_back({"one after the other", [&] { apart(image, chain); }, 2 * n});
  rows.push_back({"in a chain", [&] { fuse(image, chain); }, 2});
  const std::size_t part = rows.size();
  for (std::size_t i = 0; i < part; ++i)  // nothing is recorded in the first part
    rows[i].run = [run = rows[i].run] {
      const NoGrad plain;
      run();
    };
  Chain fixed = chain;  // parameters without gradients
  for (PixelStep& step : fixed)
    for (Tensor& p : step.params) p = p.detach();
  for (const bool params : {false, true}) {
    const Chain& steps = params ? chain : fixed;
    for (const PixelStep& step : steps)
      rows.push_back({step.name, [&both, &leaf, params, one = &step] { both(fuse(leaf, {*one}), params); }, 5});
    rows.push_back({"one after the other", [&, params, &steps = steps] { both(apart(leaf, steps), params); }, 5 * n});
    rows.push_back({"in a chain", [&, params, &steps = steps] { both(fuse(leaf, steps), params); }, 5});
  }
  const double bytes = static_cast<double>(image.numel()) * sizeof(float);
  lumigrad::MemoryStream stream(static_cast<std::size_t>(2 * bytes));
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
      for (Row& row : rows) row.seconds.clear();
  }
  const double rate = 2 * bytes / std::min(copies[0].median(), copies[1].median());
  std::printf("%s, %s f32, one thread; a copy moves %.1f GB/s\n", title, to_string(image.shape()).c_str(), rate * 1e-9);
  std::printf("%-54s %9s %10s %10s\n", "", "ms", "predicted", "measured");
  const char* titles[] = {"forward", "forward and backward, to the image",
                          "forward and backward, to image and parameters"};
  for (std::size_t k = 0; k < 3; ++k) {
    std::printf("%s\n", titles[k]);
    double mean = 0, least = 1e9;
    for (std::size_t i = k * part; i < (k + 1) * part; ++i) {
      Row& row = rows[i];
      if (i < k * part + chain.size()) mean += row.median() / n, least = std::min(least, row.median());
      std::printf("  %-52s %9.2f %7.0f MB %7.0f MB\n", row.name.c_str(), 1e3 * row.median(), row.images * bytes * 1e-6,
                  row.median() * rate * 1e-6);
    }
    const double whole = rows[(k + 1) * part - 1].median(), separate = rows[(k + 1) * part - 2].median();
    std::printf(
        "  a chain costs %.2f of one operator (mean; %.2f of the fastest), and %.2f of them one after the other\n",
        whole / mean, whole / least, whole / separate);
  }
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
  const Tensor image = noise(shape, 1), seed = noise(shape, 2);
  const auto learned = [](double value) { return Tensor(value).to(DType::f32).requires_grad(); };
  measure(
      "Six that wait for memory", image, seed,
      {steps::adjust_brightness(learned(0.05), {.clip = false}), steps::adjust_contrast(learned(1.1), {.clip = false}),
       steps::invert(learned(1)), steps::rescale(learned(0.9)), steps::adjust_brightness(learned(0.1), {.clip = false}),
       steps::invert(learned(1))},
      rounds);
  const Tensor shift = learned(0.02);
  measure("Six with limits and colours", image, seed,
          {steps::adjust_brightness(learned(0.05)), steps::adjust_contrast(learned(1.1)), steps::invert(learned(1)),
           steps::adjust_saturation_with_gray_subtraction(learned(0.9)), steps::shift_rgb(shift, shift, shift),
           steps::adjust_brightness(learned(-0.01))},
          rounds);
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "bench_chain: %s\n", error.what());
  return 3;
}
