// SPDX-License-Identifier: Apache-2.0
#include "figures.h"
#include "views.h"

namespace proofs {

using namespace lumigrad;
using namespace lumigrad::registration;

Certainty certainty(Model model, bool correlated, double sigma, int pairs) {
  constexpr int height = 96, width = 128, of_a_scene = 25;
  Certainty c;
  double squares = 0, predicted = 0, normalised = 0;
  int counted = 0;
  Tensor fixed, moving;
  Matrix3 truth{};
  for (int k = 0; k < pairs; ++k) {
    scene::Dice dice(static_cast<std::uint64_t>(1000 + k));
    if (k % of_a_scene == 0) {
      const scene::Texture texture(static_cast<std::uint64_t>(51 + k));
      truth = drawn_motion(dice, model, height, width);
      fixed = scene::seen(texture, unit_matrix, height, width);
      moving = scene::moved(texture, truth, height, width);
    }
    const Result r = register_images(noisy(fixed, sigma, correlated, dice), noisy(moving, sigma, correlated, dice),
                                     {.model = model});
    if (!r.converged()) continue;
    ++c.converged;
    const auto frame = corners(height, width);
    for (std::size_t i = 0; i < 4; ++i) {
      const Point p = lumigrad::apply(r.matrix, frame[i]), q = lumigrad::apply(truth, frame[i]);
      const double error[2] = {p.x - q.x, p.y - q.y};
      for (std::size_t a = 0; a < 2; ++a) {
        const double variance = r.covariance[9 * (2 * i + a)];
        squares += error[a] * error[a], predicted += variance, normalised += error[a] * error[a] / variance;
        ++counted;
      }
    }
  }
  c.variance_ratio = squares / predicted;
  c.normalised = std::sqrt(normalised / counted);
  return c;
}

}  // namespace proofs
