// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/features/scale_space.h>

#include <algorithm>
#include <cmath>

namespace lumigrad::features {
namespace {

Plane blurred(const Plane& from, double variance) { return correlated(from, gaussian_taps(variance), true); }

/// Twice the size, between pixels by straight lines: pixel (X, Y) stands at ((X - 0.5) / 2, (Y - 0.5) / 2).
Plane doubled_size(const Plane& from) {
  Plane to(2 * from.height(), 2 * from.width());
  std::vector<float> mixed(static_cast<std::size_t>(from.width()) + 2);
  for (int y = 0; y < to.height(); ++y) {
    const int near = y / 2, far = std::clamp(y % 2 ? near + 1 : near - 1, 0, from.height() - 1);
    const float *a = from.row(near), *b = from.row(far);
    for (int x = 0; x < from.width(); ++x) mixed[static_cast<std::size_t>(x) + 1] = 0.75f * a[x] + 0.25f * b[x];
    mixed.front() = mixed[1];
    mixed.back() = mixed[mixed.size() - 2];
    float* out = to.row(y);
    for (int x = 0; x < from.width(); ++x) {
      const float* m = &mixed[static_cast<std::size_t>(x) + 1];
      out[2 * x] = 0.75f * m[0] + 0.25f * m[-1];
      out[2 * x + 1] = 0.75f * m[0] + 0.25f * m[1];
    }
  }
  return to;
}

Plane every_second(const Plane& from) {
  Plane to((from.height() + 1) / 2, (from.width() + 1) / 2);
  for (int y = 0; y < to.height(); ++y)
    for (int x = 0; x < to.width(); ++x) to.row(y)[x] = from.row(2 * y)[2 * x];
  return to;
}

}  // namespace

Plane filled(const PlaneView& image) {
  Plane to(image.height, image.width);
  bool whole = true;
  double sum = 0, count = 0;
  for (int y = 0; y < image.height; ++y) {
    const float* from = image.data + y * image.stride;
    std::copy(from, from + image.width, to.row(y));
    for (int x = 0; x < image.width; ++x)
      if (std::isnan(from[x]))
        whole = false;
      else
        sum += static_cast<double>(from[x]), ++count;
  }
  if (whole) return to;
  // Halving with normalised weights until every pixel has a value is what a pyramid would do; two passes of running
  // means along rows and columns reach as far and are simpler.
  const float mean = count > 0 ? static_cast<float>(sum / count) : 0.0f;
  Plane weight(image.height, image.width), value(image.height, image.width);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const float v = to.row(y)[x];
      weight.row(y)[x] = std::isnan(v) ? 0.0f : 1.0f;
      value.row(y)[x] = std::isnan(v) ? 0.0f : v - mean;
    }
  weight = blurred(weight, 36);
  value = blurred(value, 36);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      if (float& v = to.row(y)[x]; std::isnan(v)) v = mean + value.row(y)[x] / (weight.row(y)[x] + 0.01f);
  return to;
}

std::vector<Octave> scale_space(Plane image, bool doubled) {
  std::vector<Octave> octaves;
  const double taken_width = 0.5;  // of the blur that an image has when it is taken
  Plane base = doubled ? doubled_size(image) : std::move(image);
  const double has = doubled ? 2 * taken_width : taken_width;
  base = blurred(base, first_width * first_width - has * has);
  double unit = doubled ? 0.5 : 1, offset = doubled ? -0.25 : 0;
  while (std::min(base.height(), base.width()) >= 16) {
    Octave& o = octaves.emplace_back();
    o.unit = unit, o.offset = offset;
    o.gaussian[0] = std::move(base);
    for (std::size_t k = 1; k < o.gaussian.size(); ++k) {
      const double before = first_width * std::exp2(static_cast<double>(k - 1) / steps),
                   after = before * std::exp2(1.0 / steps);
      o.gaussian[k] = blurred(o.gaussian[k - 1], after * after - before * before);
      Plane& d = o.difference[k - 1] = Plane(o.gaussian[k].height(), o.gaussian[k].width());
      float* out = d.row(0);
      const float *wide = o.gaussian[k].row(0), *narrow = o.gaussian[k - 1].row(0);
      for (std::size_t i = 0; i < d.floats(); ++i) out[i] = wide[i] - narrow[i];
    }
    base = every_second(o.gaussian[steps]);
    unit *= 2;
  }
  return octaves;
}

}  // namespace lumigrad::features
