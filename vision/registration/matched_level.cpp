// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/matched_level.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace lumigrad::registration {

MatchedLevel matched_level(const Pyramid& pyramid, int level, const Matrix3& map) {
  const PyramidLevel& own = pyramid[static_cast<std::size_t>(level)];
  const double scale = local_scale(map, {0.5 * (own.fixed.width() - 1), 0.5 * (own.fixed.height() - 1)});
  const int last = static_cast<int>(pyramid.size()) - 1, first = std::min(last, 1);
  const int wanted = scale > 1e-3 && scale < 1e3 ? static_cast<int>(std::lround(std::log2(scale))) : 0;
  MatchedLevel m;
  m.moving_octaves = std::clamp(level + wanted, first, last) - level;
  m.fixed_octaves = std::clamp(level + m.moving_octaves - wanted, first, last) - level;
  m.contrast = {pyramid[static_cast<std::size_t>(level + m.fixed_octaves)].fixed_contrast,
                pyramid[static_cast<std::size_t>(level + m.moving_octaves)].moving_contrast};
  return m;
}

Matrix3 to_octaves(const Matrix3& map, int fixed_octaves, int moving_octaves) {
  Matrix3 m = map;
  for (int k = 0; k < std::abs(moving_octaves); ++k) m = (moving_octaves > 0 ? halving : doubling) * m;
  for (int k = 0; k < std::abs(fixed_octaves); ++k) m = m * (fixed_octaves > 0 ? doubling : halving);
  return scaled_to_unit(m);
}

}  // namespace lumigrad::registration
