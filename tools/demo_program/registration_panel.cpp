// SPDX-License-Identifier: Apache-2.0
#include "panel.h"
#include "scene.h"
#include "tools/report/page.h"
#include "tools/report/picture.h"
#include "tools/report/registration_page.h"

#include <lumigrad/vision/image_io/image_io.h>
#include <lumigrad/vision/registration/motion.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace lumigrad::demo {
namespace {

using namespace report;

std::string stem_of(const std::string& path) { return std::filesystem::path(path).stem().string(); }
std::string name_of(const std::string& path) { return std::filesystem::path(path).filename().string(); }

struct Trial {
  RegisteredPair pair;
  Matrix3 truth;
  double error;
};

Trial trial_of(const Views& views) {
  Trial t{.pair = {views.name + ", the view that stays",
                   views.name + " through a homography, in other light",
                   views.fixed,
                   views.moving,
                   {}},
          .truth = views.truth,
          .error = 0};
  t.pair.result = registration::register_images(views.fixed, views.moving, {.model = registration::Model::homography});
  t.error = registration::corner_distance(t.pair.result.matrix, t.truth, static_cast<int>(views.fixed.size(1)),
                                          static_cast<int>(views.fixed.size(2)));
  return t;
}

std::string views_shown(const RegisteredPair& pair) {
  return section("Two views", "<div class=\"grid\">" +
                                  figure(shrunk(colours(pair.fixed)), "<b>Fixed.</b> " + escaped(pair.fixed_name)) +
                                  figure(shrunk(colours(pair.moving)), "<b>Moving.</b> " + escaped(pair.moving_name)) +
                                  "</div>");
}

std::string pixels(double error) { return number(error, 2) + " px"; }

}  // namespace

Panel known_registration(const std::vector<std::string>& photographs) {
  std::vector<std::string> names;
  std::vector<Trial> trials;
  for (const std::string& path : photographs) {
    names.push_back(stem_of(path));
    trials.push_back(trial_of(views_of(names.back(), load_image(path), trials.size() + 1)));
  }
  if (trials.empty()) {
    names.emplace_back("painted scene");
    trials.push_back(trial_of(views_of(names.back(), painted_scene(), 1)));
  }

  const Trial& shown = trials.front();
  const auto& result = shown.pair.result;
  const bool real = !photographs.empty();
  const char* source = real ? "a photograph" : "a painted scene (no photographs were found)";
  std::string html = "<div class=\"cards\">";
  html += card(pixels(shown.error), "mean error at the four corners, against the known motion");
  html += card(duration(result.seconds), "time, " + std::to_string(shown.pair.fixed.size(2)) + " x " +
                                             std::to_string(shown.pair.fixed.size(1)) + " pixels");
  html += card(std::to_string(result.iterations), "steps on all pyramid levels");
  html += card(name(result.status), "what the library says about it", result.converged() ? Tone::good : Tone::bad);
  html += "</div>\n";
  html +=
      section("Registration by gradient",
              std::string("<p>Both views below are rendered from ") + source +
                  ", each pixel as the mean over its own area, so that the motion between them is known exactly. The "
                  "moving view sees the scene through a homography, in other light and with noise. Second-order steps "
                  "on the photometric error find the motion back from the pixels alone.</p>");
  html += views_shown(shown.pair) + registration_pictures(shown.pair);

  std::vector<std::vector<std::string>> rows = {
      {"Scene", "size", "status", "mean corner error", "said standard deviation", "pixels that agree", "time"}};
  double worst = 0;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const auto& r = trials[i].pair.result;
    double variance = 0;  // of a corner's distance, the mean over the corners
    for (std::size_t k = 0; k < 8; ++k) variance += r.covariance[9 * k] / 4;
    rows.push_back({escaped(names[i]),
                    std::to_string(trials[i].pair.fixed.size(2)) + " x " + std::to_string(trials[i].pair.fixed.size(1)),
                    name(r.status), pixels(trials[i].error), pixels(std::sqrt(variance)),
                    number(100 * r.inlier_ratio, 3) + " %", duration(r.seconds)});
    worst = std::max(worst, trials[i].error);
  }
  html += section("Every scene", table(rows));
  std::string sentence = "registered " + std::to_string(trials.size()) + (real ? " photograph" : " painted scene") +
                         (trials.size() > 1 ? "s" : "") + ": worst error " + pixels(worst) + ", " +
                         duration(result.seconds) + " for " + names.front();
  return {html, sentence, worst <= 0.05};
}

Panel own_registration(const std::string& fixed_path, const std::string& moving_path) {
  RegisteredPair pair{
      name_of(fixed_path), name_of(moving_path), colours(load_image(fixed_path)), colours(load_image(moving_path)), {}};
  pair.result = registration::register_images(pair.fixed, pair.moving, {.model = registration::Model::homography});
  std::string html = registration_cards(pair);
  html +=
      section("Registration by gradient",
              "<p>Your second picture, brought onto the first by a homography that second-order steps found from the "
              "pixels alone. A homography holds for flat scenes and for a camera that turns without moving.</p><p><b>" +
                  std::string(name(pair.result.status)) + ".</b> " + registration_meaning(pair.result.status) + "</p>");
  html += views_shown(pair) + registration_pictures(pair) + registration_figures(pair);
  return {html, pair.moving_name + " onto " + pair.fixed_name + ": " + registration_sentence(pair.result) + ", " +
                    duration(pair.result.seconds)};
}

}  // namespace lumigrad::demo
