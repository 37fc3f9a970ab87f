// SPDX-License-Identifier: Apache-2.0
#include "trace_registration.h"

#include <lumigrad/engine/families/contract.h>
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/geometry/transform.h>

#include <algorithm>
#include <cmath>

namespace lumigrad {

Tensor discs_scene(std::int64_t height, std::int64_t width) {
  struct Disc {
    double x, y, radius, colour[3];
  };
  constexpr Disc discs[] = {{0.30, 0.38, 0.22, {0.95, 0.45, 0.20}},
                            {0.68, 0.30, 0.15, {0.20, 0.55, 0.85}},
                            {0.60, 0.70, 0.24, {0.30, 0.70, 0.40}},
                            {0.22, 0.78, 0.12, {0.90, 0.80, 0.30}},
                            {0.85, 0.62, 0.10, {0.75, 0.25, 0.55}}};
  Tensor image = Tensor::empty({1, 3, height, width});
  float* to = image.mutable_data<float>();
  const auto h = static_cast<double>(height), w = static_cast<double>(width);
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      const auto fx = static_cast<double>(x), fy = static_cast<double>(y);
      double colour[3] = {0.25 + 0.2 * fx / w, 0.3 + 0.1 * fy / h, 0.45 - 0.15 * fy / h};
      for (const Disc& disc : discs) {
        const double inside = disc.radius * h - std::hypot(fx - disc.x * w, fy - disc.y * h);
        const double cover = std::clamp(0.5 + inside / 2, 0.0, 1.0);
        for (int c = 0; c < 3; ++c) colour[c] += cover * (disc.colour[c] - colour[c]);
      }
      for (std::int64_t c = 0; c < 3; ++c) to[(c * height + y) * width + x] = static_cast<float>(colour[c]);
    }
  return image;
}

Tensor trace_registration(Trace& trace) {
  const Tensor moving = discs_scene(72, 96);
  const auto warp_of = [&](const Tensor& turn, const Tensor& zoom, const Tensor& shift) {
    // x -> zoom R(turn) (x - centre) + centre + shift
    const Tensor c = (zoom * cos(turn)).named("c"), s = (zoom * sin(turn)).named("s");
    const Tensor linear =
        reshape(concat({reshape(c, {1}), reshape(-s, {1}), reshape(s, {1}), reshape(c, {1})}, 0), {2, 2})
            .named("linear");
    const Tensor centre = Tensor::from(std::vector<float>{47.5f, 35.5f}, {2, 1});
    const Tensor offset = (reshape(shift, {2, 1}) + centre - matmul(linear, centre)).named("offset");
    const Tensor matrix = reshape(concat({linear, offset}, 1), {1, 2, 3}).named("matrix");
    return geometry::warp_affine(moving, matrix, {.size = {72, 96}, .inverse_map = true});
  };
  const Tensor fixed =
      warp_of(Tensor::full({}, 0.12), Tensor::full({}, 1.06), Tensor::from(std::vector<float>{3, -2}, {2}));

  Tensor turn = Tensor::full({}, 0).requires_grad().named("turn"),
         zoom = Tensor::full({}, 1).requires_grad().named("zoom"),
         shift = Tensor::zeros({2}).requires_grad().named("shift");
  const Tensor warped = warp_of(turn, zoom, shift).named("warped");
  const Tensor difference = (warped - fixed).named("difference");
  const Tensor loss = mean(square(difference)).named("loss");
  trace.backward({loss});
  return loss;
}

}  // namespace lumigrad
