// SPDX-License-Identifier: Apache-2.0
// Means of a window weighed by likeness, built once per instruction level.
//
// What such a filter costs are its weights, one exponential for each place of each window, whatever the number of
// channels. So the weights of one row of the window are made for a few vectors of pixels, and left in the nearest cache
// for as long as the channels take to use them.
#include <lumigrad/engine/cpu/bilateral_kernels.h>
#include <lumigrad/engine/cpu/simd_math.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

using V = Vec<float, 2>;
static_assert(bilateral_stretch % V::width == 0);

// e^x for x <= 0, and 0 below e^-80, where its products with weights would be subnormal numbers, which take ten times
// as long: exp of simd_math.h, whose fit this is, without what it does for other arguments.
LUMIGRAD_SIMD V likeness(const V& x) {
  const V n = nearest(x * V(1.44269504f));
  const V r = fma(n, V(-1.42860677e-6f), fma(n, V(-0.693145752f), x));
  const V q = polynomial(r, 0.49999994f, 0.166665211f, 0.0416682921f, 0.00836872123f, 0.00138187385f);
  const V e = (fma(r * r, q, r) + 1) * V::from_bits((to_int(n) + 127) << 23);
  return select(x < V(-80.0f), V(0), e);
}

// How far the guide at `place` is from that at `pixel`: |d| summed, or d^2.
LUMIGRAD_SIMD V distance(const BilateralWindow& w, const float* pixel, const float* place, std::int64_t channels) {
  V sum(0);
  for (std::int64_t c = 0; c < channels; ++c, pixel += w.plane, place += w.plane) {
    const V d = V::load(place) - V::load(pixel);
    sum = w.absolute ? sum + abs(d) : fma(d, d, sum);
  }
  return sum;
}

void mean(const BilateralWindow& w, BilateralPlanes guide, BilateralPlanes image, float* to, std::int64_t to_plane,
          std::int64_t count) {
  float* const weights = w.room;
  const V sharpness = V::splat(w.sharpness);
  const std::int64_t middle = w.row * w.line + w.column;
  for (std::int64_t i = 0; i < count; i += V::width) {
    V total(0);
    for (std::int64_t r = 0; r < w.rows; ++r) {
      const std::int64_t at = r * w.line + i;
      for (std::int64_t j = 0; j < w.columns; ++j) {
        const V far = distance(w, guide.from + middle + i, guide.from + at + j, guide.channels);
        const V weight = V::splat(w.near[r * w.columns + j]) * likeness(sharpness * (w.absolute ? far * far : far));
        total = total + weight;
        weight.store(weights + j * V::width);
      }
      for (std::int64_t c = 0; c < image.channels; ++c) {
        V sum = r == 0 ? V(0) : V::load(to + c * to_plane + i);
        const float* from = image.from + c * w.plane + at;
        for (std::int64_t j = 0; j < w.columns; ++j) sum = fma(V::load(weights + j * V::width), V::load(from + j), sum);
        sum.store(to + c * to_plane + i);
      }
    }
    for (std::int64_t c = 0; c < image.channels; ++c)
      (V::load(to + c * to_plane + i) / total).store(to + c * to_plane + i);
    total.store(to + image.channels * to_plane + i);
  }
}

// Both registers added, into lanes in memory.
LUMIGRAD_SIMD void add_lanes(const V& v, float* sums) {
  Vec<float> sum = Vec<float>::load(sums);
  sum.raw[0] += v.raw[0] + v.raw[1];
  sum.store(sums);
}

// Two pixels p and q with weight w = near e, e = exp(s D), seen from q. As a place of p's window q is given w g_p /
// W_p. The weight is worth a_p = sum over c of g_p (x_q - y_p) / W_p to the window of p, and a_q to that of q; both
// move D, whose slope along q's guide is 2 (d_q - d_p), or 2 |d| sign where it is (sum |d|)^2.
void adjoint(const BilateralWindow& w, BilateralPlanes guide, BilateralPlanes image, const float* scaled, float* to,
             std::int64_t to_plane, std::int64_t count, float* sums) {
  float *const weights = w.room, *const slopes = w.room + w.columns * V::width;
  const V sharpness = V::splat(w.sharpness);
  const std::int64_t middle = w.row * w.line + w.column, mean_at = image.channels * w.plane;
  for (std::int64_t i = 0; i < count; i += V::width) {
    const float* const x = image.from + middle + i;
    const float* const own = scaled + middle + i;
    const float* const pixel = guide.from + middle + i;
    const V own_mean = V::load(own + mean_at);
    V of_sharpness(0);
    for (std::int64_t r = 0; r < w.rows; ++r) {
      const std::int64_t at = r * w.line + i;
      for (std::int64_t j = 0; j < w.columns; ++j) {
        const std::int64_t t = r * w.columns + j;
        const V far = distance(w, pixel, guide.from + at + j, guide.channels);
        const V square = w.absolute ? far * far : far, e = likeness(sharpness * square);
        V to_own = -own_mean, to_other = -V::load(scaled + mean_at + at + j);
        for (std::int64_t c = 0; c < image.channels; ++c) {
          const std::int64_t other = c * w.plane + at + j;
          to_own = fma(V::load(own + c * w.plane), V::load(image.from + other), to_own);
          to_other = fma(V::load(scaled + other), V::load(x + c * w.plane), to_other);
        }
        const V near = V::splat(w.near[t]), back = V::splat(w.back[t]), both = fma(near, to_own, back * to_other);
        (back * e).store(weights + j * V::width);
        const V slope = V::splat(2 * w.sharpness) * e * both;
        (w.absolute ? slope * far : slope).store(slopes + j * V::width);
        if (sums == nullptr) continue;
        add_lanes(e * to_own, sums + 16 * t);
        of_sharpness = fma(near * e * to_own, square, of_sharpness);
      }
      for (std::int64_t c = 0; c < image.channels; ++c) {
        V sum = r == 0 ? V(0) : V::load(to + c * to_plane + i);
        const float* from = scaled + c * w.plane + at;
        for (std::int64_t j = 0; j < w.columns; ++j) sum = fma(V::load(weights + j * V::width), V::load(from + j), sum);
        sum.store(to + c * to_plane + i);
      }
      for (std::int64_t c = 0; c < guide.channels; ++c) {
        float* const gradient = to + (image.channels + c) * to_plane + i;
        V sum = r == 0 ? V(0) : V::load(gradient);
        const V here = V::load(pixel + c * w.plane);
        const float* from = guide.from + c * w.plane + at;
        for (std::int64_t j = 0; j < w.columns; ++j) {
          const V d = here - V::load(from + j), slope = V::load(slopes + j * V::width);
          sum = w.absolute ? sum + select(d == 0, V(0), slope * copysign(V(1), d)) : fma(slope, d, sum);
        }
        sum.store(gradient);
      }
    }
    if (sums) add_lanes(of_sharpness, sums + 16 * w.rows * w.columns);
  }
}

}  // namespace

extern const BilateralKernels bilateral_table = {mean, adjoint};

}  // namespace lumigrad::LUMIGRAD_LEVEL
