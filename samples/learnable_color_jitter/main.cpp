// SPDX-License-Identifier: Apache-2.0
// Augmentations whose parameters are learned.
//
//   learnable_color_jitter [PHOTO] [--out DIR]
//
// 1. The demonstration of J. Shi et al., Differentiable data augmentation with Kornia, 2020: a colour jitter whose
// ranges of
//    brightness, contrast and saturation are parameters, and whose hue is a number. Gradient descent takes ten steps on
//    the image and on the ranges together, down the squared difference that the jitter makes. (The learning rate of the
//    image, 1e5, undoes the division by the number of pixels in the mean.)
// 2. The same with a range of hues that learns too.
// 3. What it is good for: one photograph is another one, jittered; which jitter was it? Four numbers are learned back.
//
// With --out, steps.png shows image and result of each step of 1 and 2, and photo.npy and steps.json have every number,
// for comparing with the original (tools/compare_color_jitter.py). Without a photograph a scene is rendered.
#include <lumigrad/lumigrad.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

using namespace lumigrad;
using augment::ColorJitter;
using augment::Distribution;

constexpr double turn = 2 * 3.14159265358979323846;

// A scene of coloured waves, [3, height, width].
static Tensor scene(std::int64_t height, std::int64_t width, double phase) {
  const Tensor y = reshape(Tensor::arange(height) / height, {1, height, 1}),
               x = reshape(Tensor::arange(width) / width, {1, 1, width});
  std::vector<Tensor> channels;
  for (const double k : {1.0, 2.3, 3.1})
    channels.push_back(sin(x * (4 * k) + y * 3 + phase) * 0.2 + cos(y * (7 - k) - x + phase * k) * 0.15 +
                       (0.35 + 0.08 * k));
  return concat(channels, 0);
}

// ---- 1 and 2: ten steps of gradient descent on image and ranges
// -------------------------------------------------------

static double number(const Tensor& x) { return x.item(); }

// Ten steps; appends rows of (image, result) to `pictures` and a JSON object a step to `log`.
static void descend(const Tensor& photo, bool hue_learns, std::vector<Tensor>& pictures, std::string& log) {
  const auto range = [](double value) { return Distribution(value, value); };
  ColorJitter jitter(
      {.brightness = range(0.8), .contrast = range(0.7), .saturation = range(0.6), .hue = range(0.1 * turn)});
  jitter.learn({"brightness", "contrast", "saturation"});
  if (hue_learns) jitter.learn({"hue"});
  jitter.seed(42);
  // The same draws from ranges [0, 1]: where in its range each number lies.
  const ColorJitter unit({.brightness = {0, 1}, .contrast = {0, 1}, .saturation = {0, 1}, .hue = {0, 1}});

  Tensor image = photo.clone().requires_grad();
  Sgd image_descent({image}, {.learning_rate = 1e5}), range_descent(jitter.parameters(), {.learning_rate = 0.1});
  std::printf("step      loss   brightness           contrast             saturation           hue\n");
  for (int step = 0; step < 10; ++step) {
    image_descent.clear_grad();
    range_descent.clear_grad();
    const Tensor result = jitter(image);  // draws, and applies
    const Tensor loss = losses::mse_loss(result, image);
    const augment::Draw noise =
        unit.draw({.seed = jitter.seed(), .first_sample = jitter.samples_seen() - 1}, image.shape());
    std::printf("%4d  %.6f", step, number(loss));
    char text[200];
    std::snprintf(text, sizeof text, "%s{\"hue_learns\": %s, \"step\": %d, \"loss\": %.9g", log.empty() ? "" : ",\n",
                  hue_learns ? "true" : "false", step, number(loss));
    log += text;
    for (const char* name : {"brightness", "contrast", "saturation", "hue"}) {
      const auto& ends = jitter.distribution(name).ends();
      std::printf("   [%.5f, %.5f]", number(ends[0]), number(ends[1]));
      std::snprintf(text, sizeof text, ", \"%s\": {\"low\": %.9g, \"high\": %.9g, \"u\": %.17g}", name, number(ends[0]),
                    number(ends[1]), number(noise.value(name)));
      log += text;
    }
    std::printf("\n");
    log += "}";
    pictures.push_back(concat({image.detach().clone(), result.detach()}, 2));
    loss.backward();
    image_descent.step();
    range_descent.step();
  }
}

// ---- 3: which jitter was it?
// ------------------------------------------------------------------------------------------

// True when the four numbers are found to 1 % in at most 100 steps.
static bool recover(const Tensor& photo, std::uint64_t seed) {
  const Generator generator{.seed = seed};
  const auto drawn = [&](const char* name, double low, double high) {
    return number(uniform(generator.then(name), {}, low, high, DType::f64));
  };
  const double truth[4] = {drawn("brightness", 0.7, 1.1), drawn("contrast", 0.7, 1.3), drawn("saturation", 0.6, 1.4),
                           drawn("hue", -0.1, 0.1) * turn};
  const Tensor jittered = enhance::color_jitter(
      photo, {.brightness = truth[0], .contrast = truth[1], .saturation = truth[2], .hue = truth[3]});

  ColorJitter jitter({.brightness = Distribution::constant(1.0),
                      .contrast = Distribution::constant(1.0),
                      .saturation = Distribution::constant(1.0),
                      .hue = Distribution::constant(0.0)});
  jitter.learn();
  Lbfgs lbfgs(jitter.parameters());
  const auto report = lbfgs.minimize([&] { return losses::mse_loss(jitter(photo), jittered) * 100; });

  double worst = 0;
  int k = 0;
  std::printf("photo %d:", static_cast<int>(seed));
  for (const char* name : {"brightness", "contrast", "saturation", "hue"}) {
    const double found = number(jitter.distribution(name).ends()[0]);
    std::printf("  %s %.4f (%.4f)", name, found, truth[k]);
    // Hue is compared with a turn's tenth, the size of the range: an angle near 0 has no relative error to speak of.
    worst = std::max(worst, std::fabs(found - truth[k]) / (k < 3 ? truth[k] : 0.1 * turn));
    ++k;
  }
  std::printf("  %d steps, off by %.2g %%\n", report.iterations, 100 * worst);
  return worst < 0.01 && report.iterations <= 100;
}

int main(int count, char** words) try {
  std::string photo_path, out;
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(words[i], "--out") == 0 && i + 1 < count)
      out = words[++i];
    else
      photo_path = words[i];
  }
  // The photograph at 320 pixels a side, drawn in a little from 0 and 1: at these limits the slope is a matter of
  // agreement (1 here, 0 in PyTorch 2.15, and 1 in versions before), and photographs have many pixels there.
  const Tensor read = photo_path.empty()
                          ? unsqueeze(scene(120, 160, 0), 0)
                          : geometry::resize_side(unsqueeze(load_image(photo_path, {.channels = Channels::rgb}), 0),
                                                  320, geometry::Side::longer, {.mode = geometry::Resampling::area});
  const Tensor photo = read * 0.96 + 0.02;
  std::vector<Tensor> pictures;
  std::string log;
  std::puts("ranges of brightness, contrast and saturation learn:");
  descend(photo, false, pictures, log);
  std::puts("\nthe range of hue learns too:");
  descend(photo, true, pictures, log);
  if (!out.empty()) {
    std::filesystem::create_directories(out);
    const double shrink = std::max(1.0, static_cast<double>(photo.size(3)) / 160);
    std::vector<Tensor> rows[2];
    for (std::size_t i = 0; i < pictures.size(); ++i)
      rows[i / 10].push_back(
          geometry::rescale(pictures[i], 1 / shrink, 1 / shrink, {.mode = geometry::Resampling::area}));
    save_image(out + "/steps.png", concat({concat(rows[0], 3), concat(rows[1], 3)}, 2));
    save_npy(out + "/photo.npy", photo);
    std::ofstream(out + "/steps.json") << "[" << log << "]\n";
  }

  std::puts("\nwhich jitter was it? found (truth):");
  bool found = true;
  for (std::uint64_t seed = 1; seed <= 5; ++seed)
    found &= recover(photo_path.empty() ? unsqueeze(scene(120, 160, static_cast<double>(seed)), 0) : photo, seed);
  return found ? 0 : 1;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
