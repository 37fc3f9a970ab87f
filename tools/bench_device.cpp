// SPDX-License-Identifier: Apache-2.0
// What a device is asked to do in one go: registration of a pair, of many pairs and of a large pair, and a chain of
// small operators; asked for each time, and captured once and replayed.
//
//   bench_device [--tiny] [FILE.json]     (--tiny: sizes that the stand-in can do)
#include <lumigrad/engine/capture.h>
#include <lumigrad/engine/device_memory.h>
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/geometry/transform.h>
#include <lumigrad/vision/registration/batch.h>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include "tools/stream.h"

namespace {

using namespace lumigrad;
using Json = nlohmann::ordered_json;

const Device gpu{Device::Kind::cuda, 0};

// Work is only asked for, so every group of calls ends by waiting.
Timing timed(FunctionRef<void()> work, double seconds) {
  return time_of(work, seconds, now, 1e-2, [] { synchronize(gpu); });
}

// A scene of many scales, [1, 1, h, w].
Tensor scene(std::int64_t h, std::int64_t w) {
  const Tensor y = reshape(Tensor::arange(h).to(DType::f32), {1, 1, h, 1});
  const Tensor x = reshape(Tensor::arange(w).to(DType::f32), {1, 1, 1, w});
  const auto wave = [&](double a, double b, double c) { return sin(add(add(mul(x, a), mul(y, b)), c)); };
  Tensor sum = mul(wave(0.11, 0.05, 0), 0.15);
  sum = add(sum, mul(wave(0.07, -0.13, 1), 0.15));
  sum = add(sum, mul(mul(wave(0.021, 0.004, 2), wave(-0.003, 0.017, 0)), 0.15));
  sum = add(sum, mul(mul(wave(0.45, 0.02, 0), wave(0.01, 0.38, 0)), 0.05));
  return add(sum, 0.5);
}

// `pairs` pairs whose corners have moved by some pixels each.
struct Pairs {
  Tensor fixed, moving;
};
Pairs rendered(std::int64_t pairs, std::int64_t h, std::int64_t w, double pixels) {
  const Tensor large = scene(h + 64, w + 64);
  const Tensor fixed = slice(slice(large, 2, 32, 32 + h), 3, 32, 32 + w);
  std::vector<double> matrices;
  for (std::size_t i = 0; i < static_cast<std::size_t>(pairs); ++i) {
    const double s = pixels / static_cast<double>(std::max(h, w));
    double u[8];  // in [-1, 1]
    for (std::size_t k = 0; k < 8; ++k) u[k] = std::sin(12.9898 * static_cast<double>(8 * i + k) + 1);
    // Pixels of the moving image -> pixels of the scene.
    for (const double v :
         {1 + s * u[0], s * u[1], 32 + pixels * u[2] / 2, s * u[3], 1 + s * u[4], 32 + pixels * u[5] / 2,
          0.3 * s * u[6] / static_cast<double>(w), 0.3 * s * u[7] / static_cast<double>(h), 1.0})
      matrices.push_back(v);
  }
  const Tensor maps = Tensor::from(matrices, {pairs, 3, 3}).to(DType::f32);
  const Tensor moving = geometry::warp_perspective(expand(large, {pairs, 1, h + 64, w + 64}), maps,
                                                   {.size = {h, w}, .inverse_map = true});
  return {expand(fixed, {pairs, 1, h, w}).contiguous().to(gpu), moving.to(gpu)};
}

Json registration_of(const char* what, std::int64_t pairs, std::int64_t h, std::int64_t w, double seconds) {
  const Pairs given = rendered(pairs, h, w, 6);
  const registration::Options options{.model = registration::Model::homography, .start = registration::Start::identity};
  int converged = 0, iterations = 0;
  for (const registration::Result& result : registration::align_batch(given.fixed, given.moving, options).results()) {
    converged += result.converged();
    iterations = std::max(iterations, result.iterations);
  }
  const Timing eager = timed([&] { registration::align_batch(given.fixed, given.moving, options); }, seconds);
  Json json = {{"name", what},
               {"pairs", pairs},
               {"size", {h, w}},
               {"converged", converged},
               {"iterations", iterations},
               {"eager_ms", 1e3 * eager.median},
               {"spread", eager.spread()}};
  try {
    Tensor matrices;
    CapturedStep step(gpu,
                      [&] { matrices = registration::align_batch(given.fixed, given.moving, options).matrices(); });
    const Timing captured = timed([&] { step.replay(); }, seconds);
    json["captured_ms"] = 1e3 * captured.median;
    json["pairs_per_s"] = static_cast<double>(pairs) / std::min(captured.median, eager.median);
  } catch (const Error& error) {
    json["captured_error"] = error.what();
    json["pairs_per_s"] = static_cast<double>(pairs) / eager.median;
  }
  return json;
}

// Operators so small that asking for them is all they cost.
Json chain(int operators, double seconds) {
  const Tensor image = Tensor::full({1, 3, 64, 64}, 0.5, DType::f32, gpu);
  Tensor result = Tensor::zeros({1, 3, 64, 64}, DType::f32, gpu);
  const auto work = [&] {
    NoGrad off;
    Tensor x = image;
    for (int i = 0; i < operators; i += 2) x = mul(add(x, 0.01), 0.99);
    result.assign(x);
  };
  const Timing eager = timed(work, seconds);
  CapturedStep step(gpu, work);
  const Timing captured = timed([&] { step.replay(); }, seconds);
  return {{"name", "chain of small operators"},
          {"operators", operators},
          {"eager_us", 1e6 * eager.median},
          {"captured_us", 1e6 * captured.median},
          {"eager_us_an_operator", 1e6 * eager.median / operators},
          {"captured_us_an_operator", 1e6 * captured.median / operators}};
}

}  // namespace

int main(int count, char** words) try {
  bool tiny = false;
  std::string file;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    (word == "--tiny" ? tiny = true : (file = word, false));
  }
  const double seconds = tiny ? 0.02 : 0.3;
  Json list = Json::array();
  const auto add = [&](const char* name, auto measure) {
    Json item;
    try {
      item = measure();
    } catch (const Error& error) {
      item = {{"name", name}, {"error", error.what()}};
    }
    std::printf("%s\n", item.dump().c_str());
    std::fflush(stdout);
    list.push_back(item);
    if (!file.empty()) write_file(file, list.dump(1) + "\n");
  };
  const auto one = [&](const char* name, std::int64_t pairs, std::int64_t h, std::int64_t w) {
    add(name, [=] { return registration_of(name, pairs, h, w, seconds); });
  };
  add("chain of small operators", [&] { return chain(100, seconds); });
  one("one pair, 512x512", 1, tiny ? 64 : 512, tiny ? 80 : 512);
  one("256 pairs, 512x512", tiny ? 2 : 256, tiny ? 48 : 512, tiny ? 48 : 512);
  if (!tiny) one("256 pairs, 256x256", 256, 256, 256);
  one("one pair, 3 megapixels", 1, tiny ? 96 : 1536, tiny ? 96 : 2048);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_device: %s\n", error.what());
  return 3;
}
