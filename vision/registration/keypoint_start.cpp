// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/keypoint_start.h>

#include <lumigrad/engine/parallel.h>
#include <lumigrad/vision/features/scale_space.h>

#include <algorithm>
#include <cmath>

namespace lumigrad::registration {
namespace {

/// Longest side on which keypoints are looked for, px.
constexpr int longest_side = 1000;
/// Matches that must agree beyond those that determine the motion.
constexpr std::size_t least_agreeing = 8;

/// A similarity with its scale, or scale and turn, taken out about the middle of the fixed image.
Matrix3 within(Model model, const Matrix3& m, const PlaneView& fixed) {
  if (model != Model::rigid && model != Model::translation) return m;
  const Point middle = {0.5 * (fixed.width - 1), 0.5 * (fixed.height - 1)}, to = apply(m, middle);
  const double size = std::hypot(m[0], m[3]);
  const double c = model == Model::rigid ? m[0] / size : 1, s = model == Model::rigid ? m[3] / size : 0;
  return {c, -s, to.x - c * middle.x + s * middle.y, s, c, to.y - s * middle.x - c * middle.y, 0, 0, 1};
}

}  // namespace

std::optional<Matrix3> keypoint_start(const Pyramid& pyramid, Model model, bool thorough) {
  std::size_t level = 0;
  auto longest = [&] {
    const PyramidLevel& l = pyramid[level];
    return std::max({l.fixed.height(), l.fixed.width(), l.moving.height(), l.moving.width()});
  };
  while (level + 1 < pyramid.size() && longest() > longest_side) ++level;
  const PyramidLevel& images = pyramid[level];
  // The response of a blob grows with the contrast of its image.
  auto options = [&](const Plane& image) {
    features::SiftOptions o;
    o.doubled = thorough;
    o.most = thorough ? 4000 : 2000;
    o.contrast = std::max(1e-4, (thorough ? 0.02 : 0.03) * spread(image).deviation);
    return o;
  };
  features::Features found[2];
  parallel_for(
      2,
      [&](std::int64_t k) {
        const Plane& image = k == 0 ? images.fixed : images.moving;
        found[k] = features::sift(image.view(), options(image));
      },
      1e4);
  const std::vector<features::Match> matches =
      features::match(found[0], found[1], {.ratio = thorough ? 0.92 : 0.85, .mutual = true});
  const features::Planar motion = model == Model::homography ? features::Planar::homography
                                  : model == Model::affine   ? features::Planar::affine
                                                             : features::Planar::similarity;
  const features::Consensus agreed = features::consensus(found[0], found[1], matches, {.motion = motion});
  if (agreed.inliers.size() < least_agreeing) return std::nullopt;
  Matrix3 map = within(model, agreed.matrix, images.fixed);
  for (; level > 0; --level) map = to_double_size(map);
  if (!is_plausible(map, pyramid[0].fixed.height(), pyramid[0].fixed.width())) return std::nullopt;
  return map;
}

}  // namespace lumigrad::registration
