// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/pyramid.h>

#include <algorithm>

namespace lumigrad::registration {

Pyramid make_pyramid(Plane fixed, Plane moving) {
  Pyramid levels(1);
  levels[0].fixed = std::move(fixed);
  levels[0].moving = std::move(moving);
  auto smallest = [](const PyramidLevel& l) {
    return std::min({l.fixed.height(), l.fixed.width(), l.moving.height(), l.moving.width()});
  };
  while (smallest(levels.back()) >= 40) {
    PyramidLevel next;
    next.fixed = halved(levels.back().fixed);
    next.moving = halved(levels.back().moving);
    levels.push_back(std::move(next));
  }
  const std::size_t top = levels.size() - 1;
  for (std::size_t l = top ? 1 : 0; l <= top; ++l) {
    const double sigma = l == top ? 3 : 4;
    levels[l].fixed_contrast = local_contrast(levels[l].fixed, sigma);
    levels[l].moving_contrast = local_contrast(levels[l].moving, sigma);
  }
  return levels;
}

}  // namespace lumigrad::registration
