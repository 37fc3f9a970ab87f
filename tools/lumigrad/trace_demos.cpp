// SPDX-License-Identifier: Apache-2.0
#include "trace_demos.h"

#include <lumigrad/engine/families/contract.h>
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/enhance/enhance.h>
#include <lumigrad/vision/geometry/transform.h>
#include <lumigrad/vision/losses/losses.h>

#include <algorithm>
#include <cmath>

namespace lumigrad::command {
namespace {

/// A scene of a few coloured discs on a soft ground, [1, 3, height, width].
Tensor scene(std::int64_t height, std::int64_t width) {
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

/// One step of registration: the moving image is warped by a guess and compared with the fixed one. The gradient says
/// how the shift, the turn and the zoom should change.
void registration(Trace& trace) {
  const Tensor moving = scene(72, 96);
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
}

/// A colour jitter that is to make one picture look like another: four parameters, each with its gradient.
void color_jitter(Trace& trace) {
  Tensor image = scene(60, 80).named("image").requires_grad();
  const Tensor target = enhance::adjust_saturation(enhance::adjust_brightness(scene(60, 80), 0.08), 1.5);
  Tensor brightness = Tensor::full({1}, 0).requires_grad().named("brightness"),
         contrast = Tensor::full({1}, 1.2).requires_grad().named("contrast"),
         saturation = Tensor::full({1}, 0.8).requires_grad().named("saturation"),
         hue = Tensor::full({1}, 0.1).requires_grad().named("hue");
  const Tensor brighter = enhance::adjust_brightness(image, brightness).named("brighter");
  const Tensor harder = enhance::adjust_contrast(brighter, contrast).named("harder");
  const Tensor richer = enhance::adjust_saturation(harder, saturation).named("richer");
  const Tensor jittered = enhance::adjust_hue(richer, hue).named("jittered");
  const Tensor loss = losses::mse_loss(jittered, target).named("loss");
  trace.backward({loss});
}

/// The published example of micrograd (A. Karpathy): scalars only, every value used and reused.
void micrograd(Trace& trace) {
  Tensor a = Tensor::full({}, -4, DType::f64).requires_grad().named("a");
  Tensor b = Tensor::full({}, 2, DType::f64).requires_grad().named("b");
  Tensor c = a + b, d = a * b + b * b * b;
  c = c + (c + 1);
  c = (c + (1 + c + (-a))).named("c");
  d = d + (d * 2 + relu(b + a));
  d = (d + (3 * d + relu(b - a))).named("d");
  const Tensor e = (c - d).named("e"), f = square(e).named("f");
  const Tensor g = (f / 2 + 10 / f).named("g");
  trace.backward({g});
}

constexpr TraceDemo demos[] = {
    {"registration", "one gradient step of a warp and a loss", registration},
    {"color_jitter", "brightness, contrast, saturation and hue, learned", color_jitter},
    {"micrograd", "scalars, each used many times", micrograd},
};

}  // namespace

std::span<const TraceDemo> trace_demos() { return demos; }

}  // namespace lumigrad::command
