// SPDX-License-Identifier: Apache-2.0
#include "trace_demos.h"

#include "trace_registration.h"

#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/enhance/enhance.h>
#include <lumigrad/vision/losses/losses.h>

namespace lumigrad::command {
namespace {

/// A colour jitter that is to make one picture look like another: four parameters, each with its gradient.
void color_jitter(Trace& trace) {
  Tensor image = discs_scene(60, 80).named("image").requires_grad();
  const Tensor target = enhance::adjust_saturation(enhance::adjust_brightness(discs_scene(60, 80), 0.08), 1.5);
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
    {"registration", "one gradient step of a warp and a loss", [](Trace& trace) { trace_registration(trace); }},
    {"color_jitter", "brightness, contrast, saturation and hue, learned", color_jitter},
    {"micrograd", "scalars, each used many times", micrograd},
};

}  // namespace

std::span<const TraceDemo> trace_demos() { return demos; }

}  // namespace lumigrad::command
