// SPDX-License-Identifier: Apache-2.0
// The jitter's formula is compiled here, for this program alone: the library's own kernels of it come with a hundred
// others that the demonstration has no use for.
#include "panel.h"
#include "scene.h"
#include "tools/report/page.h"
#include "tools/report/picture.h"

#include <lumigrad/engine/formula_simd.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/optim.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/vision/enhance/tone.h>
#include <lumigrad/vision/image_io/image_io.h>

#include <cmath>
#include <filesystem>

namespace lumigrad::demo {
namespace {

struct Jitter : enhance::ColorJitter<enhance::HueTurn::hexagon> {};
LUMIGRAD_USER_FORMULA(Jitter);

/// Brightness, contrast about the mean grey level, saturation and hue of [1, 3, H, W]; four numbers [4].
Tensor jittered(const Tensor& image, const Tensor& four) {
  const Tensor brightness = select(four, 0, 0);
  const Tensor bright = clamp(image * brightness, 0, 1);
  const auto channel = [&](std::int64_t c) { return mean(select(bright, 1, c)); };
  const Tensor pivot = channel(0) * 0.299 + channel(1) * 0.587 + channel(2) * 0.114;
  return pixel_planes(Jitter{}, {image},
                      {brightness, select(four, 0, 1), pivot, select(four, 0, 2), select(four, 0, 3)}, "color_jitter");
}

}  // namespace

Panel recovered_jitter(const std::vector<std::string>& photographs) {
  const bool real = !photographs.empty();
  const Tensor whole = real ? report::colours(load_image(photographs.back())) : painted_scene();
  const Tensor image = unsqueeze(report::shrunk(whole, 360), 0);
  const double truth[4] = {0.85, 1.2, 0.6, 0.5};
  const Tensor target = jittered(image, Tensor::from(std::vector<float>(truth, truth + 4), {4}));

  Tensor four = Tensor::from(std::vector<float>{1, 1, 1, 0}, {4}).requires_grad();
  Lbfgs lbfgs({four});
  const MinimizationReport report = lbfgs.minimize([&] { return mean(square(jittered(image, four) - target)) * 100; });

  const char* names[4] = {"brightness", "contrast", "saturation", "hue, radians"};
  std::vector<std::vector<std::string>> rows = {{"", "unknown", "start", "learned", "off by"}};
  double worst = 0;
  const std::vector<double> found = four.detach().values();
  for (std::size_t k = 0; k < 4; ++k) {
    const double off = std::fabs(found[k] - truth[k]) / truth[k];
    rows.push_back({names[k], report::number(truth[k], 4), k < 3 ? "1" : "0", report::number(found[k], 6),
                    report::number(100 * off, 2) + " %"});
    worst = std::max(worst, off);
  }
  const NoGrad plain;
  const auto shown = [](const Tensor& picture, const char* caption) {
    return report::figure(select(picture, 0, 0), caption);
  };
  std::string html =
      "<p>The second picture is the first one in other colours: four numbers that nobody tells the program. A colour "
      "jitter is applied to the first picture, the two are compared, and the gradient of the difference, through every "
      "pixel, says how the four numbers should change. Augmentations learn their ranges in the same way.</p>\n";
  html += "<div class=\"grid\">" + shown(image, "<b>Given.</b>") + shown(target, "<b>Given: in other colours.</b>") +
          shown(jittered(image, four.detach()), "<b>Found</b>, by applying the learned jitter to the first.") +
          "</div>\n";
  html += report::table(rows);
  const std::string sentence = "a colour jitter learned back to " + report::number(100 * worst, 2) + " % in " +
                               std::to_string(report.iterations) + " steps";
  return {report::section("A colour jitter learned back", html), sentence, worst <= 0.01};
}

}  // namespace lumigrad::demo
