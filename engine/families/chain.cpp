// SPDX-License-Identifier: Apache-2.0
// A chain on the tape.
#include <lumigrad/engine/families/chain_device.h>
#include <lumigrad/engine/families/pixel_device.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/stored_pixels.h>

namespace lumigrad {
namespace {

// ---- one operator after the other, recorded: what second order is made of ------------------------------------------

// A step by itself: the image as its lanes want it.
struct Single {
  const PixelStep& step;
  Lanes lanes = Lanes::planes;
  bool unsqueezed = false;

  Single(const PixelStep& s, const Tensor& x) : step(s) {
    unsqueezed = takes_each_value(*s.kernels) && stores_bytes(x);
    if (takes_each_value(*s.kernels) && !unsqueezed) lanes = Lanes::elements;
  }
  Tensor in(const Tensor& x, Here here) const { return unsqueezed ? unsqueeze(x, -3, here) : x; }
  Tensor out(const Tensor& y, Here here) const { return unsqueezed ? squeeze(y, -3, here) : y; }
  // One number an image that broadcasts to x, false where the step is skipped.
  Tensor gate(const Tensor& x) const {
    const Tensor numbers = step.applies.detach().to(DType::f64);
    Shape shape;
    for (int i = 0; i < x.rank(); ++i) shape = shape.inserted(i, 1);
    return reshape(numbers, numbers.numel() == 1 ? shape : shape.with(0, x.size(0)));
  }
  bool skips_some() const { return step.applies.defined(); }
};

// What a stored image stands for.
Tensor as_numbers(const Tensor& x, DType dtype, Here here) {
  const Tensor y = x.to(dtype, here);
  return stores_bytes(x) ? div(y, Tensor(largest_of(x.dtype())), here) : y;
}

Tensor run_alone(const PixelStep& step, const Tensor& x, Here here) {
  const Single single(step, x);
  const Tensor in = single.in(x, here);
  Tensor y = single.out(pixel(step.name, *step.kernels, single.lanes, {&in, 1}, step.params, here), here);
  return single.skips_some() ? where(single.gate(y), y, as_numbers(x, y.dtype(), here), here) : y;
}

// ---- on the tape ----------------------------------------------------------------------------------------------------

struct ChainNode final : Node {
  using Node::Node;
  std::vector<PixelStep> steps;  // without their tensors, which are kept below
  std::vector<Saved> kept;       // the images, then all parameters
  std::span<Saved> saved() override { return kept; }

  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor x = kept[0].get(*this);
    std::vector<PixelStep> live = steps;
    std::size_t at = 1;
    for (PixelStep& step : live)
      for (Tensor& p : step.params) p = kept[at++].get(*this);
    recording() ? recorded(x, live, w[0], g) : blocks(x, live, w[0], g);
  }

  void blocks(const Tensor& x, std::span<const PixelStep> live, const Tensor& w, std::span<Tensor> g) const {
    const Chain chain(x, live, here());
    const std::size_t count = 1 + chain.params.size();
    InlineVector<bool, 16> wanted(count);
    std::vector<std::size_t> input_of;  // where each parameter of the chain stands among the inputs; 0: a gate
    std::size_t input = 1;
    for (const PixelStep& step : live) {
      for (std::size_t k = 0; k < step.params.size(); ++k) input_of.push_back(input++);
      if (step.applies.defined()) input_of.push_back(0);
    }
    wanted[0] = wants(0);
    for (std::size_t k = 1; k < count; ++k) wanted[k] = input_of[k - 1] > 0 && wants(input_of[k - 1]);
    std::vector<Tensor> results(count);
    const Tensor cotangent = chain.by_value && chain.lanes == Lanes::planes ? unsqueeze(w, -3, here()) : w;
    const std::span<const bool> want(wanted.data(), count);
    chain_adjoint(chain, cotangent, want, results);
    if (wanted[0]) g[0] = results[0];
    for (std::size_t k = 1; k < count; ++k)
      if (wanted[k]) g[input_of[k - 1]] = results[k];
  }

  // Every value between the steps is a recorded tensor here, and so is every cotangent.
  void recorded(const Tensor& x, std::span<const PixelStep> live, Tensor w, std::span<Tensor> g) const {
    std::vector<Tensor> value = {x};
    for (std::size_t s = 0; s + 1 < live.size(); ++s) value.push_back(run_alone(live[s], value[s], here()));
    std::size_t first = g.size();
    for (std::size_t s = live.size(); s-- > 0;) {
      const PixelStep& step = live[s];
      const std::size_t K = step.params.size();
      first -= K;
      const Single single(step, value[s]);
      const Tensor in = single.in(value[s], here());
      const Tensor taken =
          single.skips_some() ? where(single.gate(w), w, Tensor::zeros(Shape(), w.dtype(), w.device()), here()) : w;
      InlineVector<bool, 8> want(1 + K);
      want[0] = value[s].needs_grad();
      for (std::size_t k = 0; k < K; ++k) want[1 + k] = wants(first + k);
      std::vector<Tensor> results(1 + K);
      pixel_gradients(step.name, *step.kernels, single.lanes, {&in, 1}, step.params, single.in(taken, here()),
                      {want.data(), 1 + K}, results, here());
      for (std::size_t k = 0; k < K; ++k)
        if (want[1 + k]) g[first + k] = results[1 + k];
      if (!want[0]) return;
      const Tensor back = single.out(results[0], here());
      w = single.skips_some() ? where(single.gate(w), back, w, here()) : back;
    }
    if (wants(0)) g[0] = w;
  }
};

// The steps with their numbers beside images of a device.
std::vector<PixelStep> steps_beside(const Tensor& images, std::span<const PixelStep> steps, Here here) {
  std::vector<PixelStep> result;
  for (const PixelStep& step : steps) {
    TensorList x{images}, p;
    for (const Tensor& t : step.params) p.push_back(t);
    meet_on_device(step.name, x, p, here);
    PixelStep& own = result.emplace_back(PixelStep{step.name, step.kernels, {p.begin(), p.end()}, step.applies});
    if (own.applies.defined() && own.applies.numel() != 1) own.applies = own.applies.detach().to(images.device());
  }
  return result;
}

}  // namespace

Tensor fuse(const Tensor& images, std::span<const PixelStep> given, Here here) {
  const bool away = images.device() != Device();
  const std::vector<PixelStep> beside = away ? steps_beside(images, given, here) : std::vector<PixelStep>();
  const std::span<const PixelStep> steps = away ? std::span<const PixelStep>(beside) : given;
  const Chain chain(images, steps, here);
  const DType dtype = pixel_dtype(steps[0].name, chain.lanes, {&chain.images, 1});
  if (steps.size() == 1 && !steps[0].applies.defined()) return run_alone(steps[0], images, here);
  Tensor y;
  if (away && !device_takes(chain, dtype)) {
    y = images;
    for (const PixelStep& step : steps) y = run_alone(step, y, here);
    return y;
  }
  {
    const NoGrad outside;  // the node below is the whole chain
    y = chain.restored(chain_forward(chain, dtype), here);
  }
  InlineVector<const Tensor*, 8> sources{&images};
  for (const PixelStep& step : steps)
    for (const Tensor& p : step.params) sources.push_back(&p);
  if (auto node = record<ChainNode>("fuse", here, std::span<const Tensor* const>(sources))) {
    for (std::size_t i = 0; i < sources.size(); ++i) node->kept.push_back(node->save_input(i, *sources[i]));
    for (const PixelStep& step : steps) {
      node->steps.push_back(step);
      for (Tensor& p : node->steps.back().params) p = Tensor();
      if (step.applies.defined()) node->steps.back().applies = step.applies.detach().clone();
    }
    node->attach(y);
  }
  return y;
}
Tensor fuse(const Tensor& images, std::initializer_list<PixelStep> steps, Here here) {
  return fuse(images, std::span(steps.begin(), steps.size()), here);
}

}  // namespace lumigrad
