// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/features/descriptor.h>

#include <algorithm>
#include <cmath>

namespace lumigrad::features {
namespace {

/// Whether the pixels at and around a keypoint count.
bool counts(const PlaneView& image, const Keypoint& k) {
  const float reach = 2 * k.scale;
  const float dx[] = {0, -reach, reach, 0, 0}, dy[] = {0, 0, 0, -reach, reach};
  for (int i = 0; i < 5; ++i) {
    const long x = std::clamp(std::lround(k.x + dx[i]), 0l, image.width - 1l),
               y = std::clamp(std::lround(k.y + dy[i]), 0l, image.height - 1l);
    if (std::isnan(image.data[y * image.stride + x])) return false;
  }
  return true;
}

Plane plane_of(const Tensor& image) {
  require<ShapeError>(image.defined() && (image.rank() == 2 || (image.rank() == 3 && image.size(0) == 1)),
                      "features.sift: expected an image [H, W] or [1, H, W], got ",
                      image.defined() ? to_string(image.shape()) : "an undefined tensor");
  require<DTypeError>(image.dtype() == DType::u8 || image.dtype() == DType::f32,
                      "features.sift: expected u8 or f32, got ", image.dtype());
  const int first = image.rank() - 2;
  const std::int64_t h = image.size(first), w = image.size(first + 1);
  require<ShapeError>(h <= 65535 && w <= 65535, "features.sift: expected at most 65535 pixels a side, got ",
                      image.shape());
  Plane to(static_cast<int>(h), static_cast<int>(w));
  const std::ptrdiff_t down = image.strides()[static_cast<std::size_t>(first)],
                       across = image.strides()[static_cast<std::size_t>(first) + 1];
  for (int y = 0; y < to.height(); ++y)
    for (int x = 0; x < to.width(); ++x) {
      const std::ptrdiff_t at = y * down + x * across;
      to.row(y)[x] = image.dtype() == DType::u8 ? static_cast<float>(image.data<std::uint8_t>()[at]) / 255.0f
                                                : image.data<float>()[at];
      if (!std::isfinite(to.row(y)[x])) to.row(y)[x] = std::nanf("");
    }
  return to;
}

}  // namespace

Features sift(const PlaneView& image, const SiftOptions& options) {
  Features result;
  if (image.height < 16 || image.width < 16) return result;
  const std::vector<Octave> octaves = scale_space(filled(image), options.doubled);
  std::vector<Blob> blobs;
  for (std::size_t k = 0; k < octaves.size(); ++k) find_blobs(octaves, k, options, blobs);
  std::stable_sort(blobs.begin(), blobs.end(), [](const Blob& a, const Blob& b) { return a.response > b.response; });
  const auto most = static_cast<std::size_t>(std::max(0, options.most));
  for (const Blob& b : blobs) {
    if (result.size() >= most) break;
    const Octave& o = octaves[b.octave];
    Keypoint k;
    k.x = static_cast<float>(o.unit * b.x + o.offset), k.y = static_cast<float>(o.unit * b.y + o.offset);
    k.scale = static_cast<float>(o.unit * b.width);
    k.response = b.response;
    if (!counts(image, k)) continue;
    const Plane& gaussian = o.gaussian[b.layer];
    for (const Direction& d : main_directions(gaussian, b)) {
      if (result.size() >= most) break;
      k.angle = static_cast<float>(std::atan2(-d.sine, d.cosine));
      result.points.push_back(k);
      result.descriptors.resize(result.descriptors.size() + descriptor_length);
      describe(gaussian, b, d, &result.descriptors[result.descriptors.size() - descriptor_length]);
    }
  }
  return result;
}

Features sift(const Tensor& image, const SiftOptions& options) { return sift(plane_of(image).view(), options); }

}  // namespace lumigrad::features
