// SPDX-License-Identifier: Apache-2.0
// From the images of a program to an alignment, and what it found back in their grey levels.
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/registration/device.h>
#include <lumigrad/vision/registration/grey.h>
#include <lumigrad/vision/registration/measure.h>
#include <lumigrad/vision/registration/mosaic.h>
#include <lumigrad/vision/registration/registration.h>

#include <chrono>
#include <cmath>

namespace lumigrad::registration {
namespace {

void check_mask(const Tensor& mask, const StoredPicture& image, const char* what) {
  if (!mask.defined()) return;
  const Shape expected{image.height, image.width};
  if (mask.rank() != 2 || mask.size(0) != image.height || mask.size(1) != image.width)
    throw ShapeError(std::string("register_images: expected ") + what + " " + to_string(expected) + ", got " +
                     to_string(mask.shape()));
}

Tensor part_of(const Tensor& image, Box b) {
  const int y = image.rank() - 2, x = image.rank() - 1;
  return slice(slice(image, y, b.y0, b.y1), x, b.x0, b.x1);
}

/// An image in the program's own memory, turned grey where it is looked at. `power` may still change.
LargeImage in_parts(const Tensor& image, const Tensor& mask, const StoredPicture& l, const int& power) {
  const Tensor pixels = image.detach();
  return {static_cast<int>(l.height), static_cast<int>(l.width), [pixels, mask, &power](Box b) {
            Plane plane = grey_plane(part_of(pixels, b), "an image");
            if (mask.defined()) apply_mask(plane, part_of(mask, b));
            scale_by_power(plane, power);
            return plane;
          }};
}

/// The motion, and by which powers of two the images were scaled on the way.
Alignment aligned(const Tensor& fixed, const Tensor& moving, const Options& o, const AlignmentOptions& a,
                  Powers& powers) {
  const StoredPicture f = picture_to_register(fixed, "fixed"), m = picture_to_register(moving, "moving");
  check_mask(o.fixed_mask, f, "fixed_mask");
  check_mask(o.moving_mask, m, "moving_mask");
  auto settled = [&](Plane& first, Plane& second) {
    return settle(first, fixed.dtype(), second, moving.dtype(), o.gain_bias);
  };
  const int halvings = halvings_for(static_cast<int>(f.height), static_cast<int>(f.width), static_cast<int>(m.height),
                                    static_cast<int>(m.width));
  if (halvings == 0) {
    Plane first = grey_plane(fixed, "fixed"), second = grey_plane(moving, "moving");
    apply_mask(first, o.fixed_mask);
    apply_mask(second, o.moving_mask);
    powers = settled(first, second);
    return align(std::move(first), std::move(second), a);
  }
  const LargeImage first = in_parts(fixed, o.fixed_mask, f, powers.fixed),
                   second = in_parts(moving, o.moving_mask, m, powers.moving);
  Plane small = reduced(first, halvings), other = reduced(second, halvings);
  powers = settled(small, other);
  return align_large(first, second, std::move(small), std::move(other), halvings, a);
}

}  // namespace

void require_start(const char* name, const Options& options) {
  if (options.start != Start::given) return;
  for (const double v : options.initial)
    require<NumericError>(std::isfinite(v), name, ": expected a finite initial matrix, got ", v);
  require<NumericError>(options.initial[8] != 0, name, ": expected an initial matrix with a nonzero last entry, got 0");
}

void unsettle(Result& result, Powers powers) {
  // G (m 2^pm) + B = f 2^pf, so that m G 2^(pm - pf) + B 2^-pf = f. The loss has no unit.
  result.gain = std::ldexp(result.gain, powers.moving - powers.fixed);
  result.bias = std::ldexp(result.bias, -powers.fixed);
}

Result register_images(const Tensor& fixed, const Tensor& moving, const Options& o) {
  const auto begin = std::chrono::steady_clock::now();
  const auto since_begin = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  if (device::device_of({&fixed, &moving}) != Device()) {
    Result there = register_there(fixed, moving, o);
    there.seconds = since_begin();
    return there;
  }
  if (o.measure != Measure::intensity) return register_by_measure(fixed, moving, o);
  AlignmentOptions a{.model = o.model,
                     .loss = o.loss,
                     .gain_bias = o.gain_bias,
                     .search = o.start == Start::automatic,
                     .max_iterations = o.max_iterations,
                     .tolerance = o.tolerance};
  require_start("register_images", o);
  if (o.start == Start::given) a.start = &o.initial;
  Powers powers;
  Alignment found = aligned(fixed, moving, o, a, powers);
  Result r;
  r.model = o.model;
  r.matrix = found.matrix;
  r.status = found.status;
  r.gain = found.tone.gain;
  r.bias = found.tone.bias;
  unsettle(r, powers);
  r.loss = found.loss;
  r.iterations = found.iterations;
  r.inlier_ratio = found.inlier_ratio;
  r.overlap = found.overlap;
  r.correlation = found.correlation;
  r.covariance = found.covariance;
  r.loss_curve = std::move(found.loss_curve);
  r.loss_breaks = std::move(found.loss_breaks);
  r.levels = std::move(found.levels);
  r.start = std::move(found.start);
  r.seconds = since_begin();
  return r;
}

std::vector<Result> register_batch(const Tensor& fixed, const Tensor& moving, const Options& o) {
  if (fixed.rank() != 4 || moving.rank() != 4 || fixed.size(0) != moving.size(0))
    throw ShapeError("register_batch: expected two [N, C, H, W] with equal N, got " + to_string(fixed.shape()) +
                     " and " + to_string(moving.shape()));
  std::vector<Result> results(static_cast<std::size_t>(fixed.size(0)));
  auto one_of = [](const Tensor& t, std::int64_t i) { return select(t.detach(), 0, i); };
  parallel_for(
      fixed.size(0),
      [&](std::int64_t i) {
        Options own = o;
        for (Tensor* mask : {&own.fixed_mask, &own.moving_mask})
          if (mask->defined() && mask->rank() == 3) *mask = one_of(*mask, i);
        results[static_cast<std::size_t>(i)] = register_images(one_of(fixed, i), one_of(moving, i), own);
      },
      1e4);
  return results;
}

}  // namespace lumigrad::registration
