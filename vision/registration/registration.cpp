// SPDX-License-Identifier: Apache-2.0
// From tensors to grey planes and back.
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/registration/device.h>
#include <lumigrad/vision/registration/measure.h>
#include <lumigrad/vision/registration/mosaic.h>
#include <lumigrad/vision/registration/registration.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <limits>

namespace lumigrad::registration {
namespace {

/// Full scale of an integer dtype: 255 for bytes. Floats are taken as they are.
double full_scale(DType dtype) {
  switch (dtype) {
    case DType::u8:
      return 255;
    case DType::u16:
      return 65535;
    default:
      return 1;
  }
}

struct Layout {
  std::int64_t channels, height, width, channel_step, row_step, step;
};

Layout layout_of(const Tensor& image, const char* what) {
  if (!image.defined()) throw ShapeError(std::string("register_images: expected an image, ") + what + " is undefined");
  const int rank = image.rank();
  const bool planar = rank == 3 && (image.size(0) == 1 || image.size(0) == 3);
  if (rank != 2 && !planar)
    throw ShapeError(std::string("register_images: expected ") + what + " [H, W], [1, H, W] or [3, H, W], got " +
                     to_string(image.shape()));
  const std::int64_t height = image.size(planar ? 1 : 0), width = image.size(planar ? 2 : 1);
  if (height > 65535 || width > 65535)
    throw ShapeError(std::string("register_images: expected at most 65535 pixels a side, got ") +
                     to_string(image.shape()));
  const auto& s = image.strides();
  const std::size_t y = planar ? 1 : 0;
  return {planar ? image.size(0) : 1, height, width, planar ? s[0] : 0, s[y], s[y + 1]};
}

template <class T>
Plane grey_of(const T* data, const Layout& l, double scale) {
  Plane plane(static_cast<int>(l.height), static_cast<int>(l.width));
  const PlaneKernels& kernels = plane_kernels(simd_level());
  const float unit = static_cast<float>(1 / scale);
  std::vector<float> rows(static_cast<std::size_t>(l.width) * 3);
  const auto n = static_cast<std::size_t>(l.width);
  std::vector<std::uint8_t> bytes(std::is_same_v<T, std::uint8_t> ? 3 * n : 0);
  for (std::int64_t y = 0; y < l.height; ++y) {
    const T* row = data + y * l.row_step;
    float* to = plane.row(static_cast<int>(y));
    if constexpr (std::is_same_v<T, std::uint8_t>)
      if (l.channels == 3) {
        const std::uint8_t* channel[3];
        for (std::size_t c = 0; c < 3; ++c) {
          channel[c] = row + static_cast<std::int64_t>(c) * l.channel_step;
          if (l.step == 1) continue;
          // Interleaved pixels come apart here, so that they give the same bits as planes.
          std::uint8_t* part = &bytes[c * n];
          for (std::size_t x = 0; x < n; ++x) part[x] = channel[c][static_cast<std::int64_t>(x) * l.step];
          channel[c] = part;
        }
        kernels.grey_bytes(channel[0], channel[1], channel[2], to, n);
        continue;
      }
    for (std::int64_t c = 0; c < l.channels; ++c) {
      float* part = l.channels == 3 ? &rows[static_cast<std::size_t>(c) * n] : to;
      const T* from = row + c * l.channel_step;
      if (l.step == 1)
        for (std::int64_t x = 0; x < l.width; ++x) part[x] = static_cast<float>(from[x]) * unit;
      else
        for (std::int64_t x = 0; x < l.width; ++x) part[x] = static_cast<float>(from[x * l.step]) * unit;
    }
    if (l.channels == 3) kernels.grey_floats(&rows[0], &rows[n], &rows[2 * n], to, n);
  }
  return plane;
}

/// The pixels without their signs, as integers: in the order of their sizes, infinity and then NaN last.
constexpr std::uint32_t infinite_size = 0x7F800000u;
std::uint32_t size_bits(float v) { return std::bit_cast<std::uint32_t>(v) & 0x7FFFFFFFu; }

/// Infinite and NaN pixels become NaN.
void mask_what_is_not_finite(Plane& plane) {
  bool all_finite = true;
  for (int y = 0; y < plane.height(); ++y) {
    std::uint32_t odd = 0;
    for (int x = 0; x < plane.width(); ++x) odd |= size_bits(plane.row(y)[x]) >= infinite_size;
    all_finite = all_finite && !odd;
  }
  if (all_finite) return;
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x)
      if (float& v = plane.row(y)[x]; !std::isfinite(v))
        v = std::numeric_limits<float>::quiet_NaN(), plane.masked = true;
}

bool is_integer(const Tensor& image) { return image.dtype() == DType::u8 || image.dtype() == DType::u16; }

float largest_grey(const Plane& plane) {
  std::uint32_t largest = 0;
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x) {
      const std::uint32_t size = size_bits(plane.row(y)[x]);
      largest = std::max(largest, size > infinite_size ? 0 : size);  // passes over NaN
    }
  return std::bit_cast<float>(largest);
}

int settling_power(float largest) {
  return largest > 4.0f || (largest > 0 && largest < 0.0625f) ? -std::ilogb(largest) : 0;
}

void scale_by_power(Plane& plane, int power) {
  if (power == 0) return;
  for (std::size_t i = 0; i < plane.floats(); ++i) plane.row(0)[i] = std::ldexp(plane.row(0)[i], power);
}

Powers settle(Plane& f, bool f_is_integer, Plane& m, bool m_is_integer, bool gain_bias) {
  const Powers powers = settling_powers(largest_grey(f), f_is_integer, largest_grey(m), m_is_integer, gain_bias);
  scale_by_power(f, powers.fixed);
  scale_by_power(m, powers.moving);
  return powers;
}

Plane grey_plane(const Tensor& image, const char* what) {
  const Layout l = layout_of(image, what);
  if (l.height == 0 || l.width == 0) return Plane(1, 1);
  const double scale = full_scale(image.dtype());
  Plane plane;
  switch (image.dtype()) {
    case DType::u8:
      plane = grey_of(image.data<std::uint8_t>(), l, scale);
      break;
    case DType::u16:
      plane = grey_of(image.data<std::uint16_t>(), l, scale);
      break;
    case DType::f32:
      plane = grey_of(image.data<float>(), l, scale);
      break;
    case DType::f64:
      plane = grey_of(image.data<double>(), l, scale);
      break;
    default:
      throw DTypeError(std::string("register_images: expected ") + what + " as u8, u16, f32 or f64, got " +
                       to_string(image.dtype()));
  }
  if (!is_integer(image)) mask_what_is_not_finite(plane);
  return plane;
}

void check_mask(const Tensor& mask, const Layout& image, const char* what) {
  if (!mask.defined()) return;
  const Shape expected{image.height, image.width};
  if (mask.rank() != 2 || mask.size(0) != image.height || mask.size(1) != image.width)
    throw ShapeError(std::string("register_images: expected ") + what + " " + to_string(expected) + ", got " +
                     to_string(mask.shape()));
}

/// `mask` has the plane's size.
void apply_mask(Plane& plane, const Tensor& mask) {
  if (!mask.defined()) return;
  const std::vector<double> values = mask.values();
  std::size_t i = 0;
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x)
      if (const double v = values[i++]; v == 0 || std::isnan(v))
        plane.row(y)[x] = std::numeric_limits<float>::quiet_NaN(), plane.masked = true;
}

Tensor part_of(const Tensor& image, Box b) {
  const int y = image.rank() - 2, x = image.rank() - 1;
  return slice(slice(image, y, b.y0, b.y1), x, b.x0, b.x1);
}

/// An image in the program's own memory, turned grey where it is looked at. `power` may still change.
LargeImage in_parts(const Tensor& image, const Tensor& mask, const Layout& l, const int& power) {
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
  const Layout f = layout_of(fixed, "fixed"), m = layout_of(moving, "moving");
  check_mask(o.fixed_mask, f, "fixed_mask");
  check_mask(o.moving_mask, m, "moving_mask");
  auto settled = [&](Plane& first, Plane& second) {
    return settle(first, is_integer(fixed), second, is_integer(moving), o.gain_bias);
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

Powers settling_powers(float fixed, bool fixed_is_integer, float moving, bool moving_is_integer, bool gain_bias) {
  if (fixed_is_integer && moving_is_integer) return {};
  if (gain_bias) return {fixed_is_integer ? 0 : settling_power(fixed), moving_is_integer ? 0 : settling_power(moving)};
  const int both = settling_power(std::max(fixed, moving));
  return {both, both};
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
  if (fixed.defined() && fixed.device() != Device()) {
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
