// SPDX-License-Identifier: Apache-2.0
// A chain understood (Chain), run over blocks forward and back, and on the tape.
#include <lumigrad/engine/families/chain.h>
#include <lumigrad/engine/families/pixel_blocks.h>
#include <lumigrad/engine/machine.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/stored_pixels.h>

namespace lumigrad {
namespace {

// Pixels that go through all steps together: few enough that their values stay in the first cache while the image
// streams past, many enough that a call of a kernel costs little beside its work.
constexpr std::size_t longest_block = 512;
constexpr std::size_t block_of(int lanes) { return lanes <= 3 ? longest_block : longest_block / 2; }

// A step as the blocks see it.
struct Link {
  const PixelKernels* kernels;
  bool each;            // one input, one result: runs on every lane by itself
  int inputs, outputs;  // lanes before and after
  std::size_t first;    // its parameters in the list of all
  std::ptrdiff_t gate;  // where `applies` stands in that list; -1: there is none
};

bool stores_bytes(const Tensor& x) { return x.dtype() == DType::u8 || x.dtype() == DType::u16; }
bool takes_each_value(const PixelKernels& kernels) { return kernels.inputs == 1 && kernels.outputs == 1; }

// What plan_pixel and the lanes know a formula by: the chain as if it were one.
struct Chain {
  std::vector<Link> links;
  PixelKernels whole{};
  const char* name;       // in errors about the image
  std::size_t block = 0;  // pixels that go through together
  Lanes lanes = Lanes::planes;
  bool by_value = true;  // all formulas take each value
  Tensor images;         // as they are cut into lanes
  TensorList params;     // of all steps, and their gates

  Chain(const Tensor& x, std::span<const PixelStep> steps, Here here);
  PixelPlan plan() const { return plan_pixel(name, whole, lanes, {&images, 1}, params); }
  Tensor restored(const Tensor& y, Here here) const {
    return by_value && lanes == Lanes::planes ? squeeze(y, -3, here) : y;
  }
};

void check_numbers(const PixelStep& step, const Tensor& p, const Shape& images) {
  require<ShapeError>(p.numel() == 1 || (images.rank() >= 4 && p.numel() == images[0]), step.name,
                      ": expected a parameter of one number, or one an image, got shape ", p.shape(), " for images ",
                      images);
}

Chain::Chain(const Tensor& x, std::span<const PixelStep> steps, Here here) : name("fuse"), images(x) {
  require<ShapeError>(!steps.empty(), "fuse: expected at least one step, got none");
  name = steps[0].name;
  require<ShapeError>(x.rank() >= 3, steps[0].name, ": expected images [.., C, H, W], got shape ", x.shape());
  for (const PixelStep& step : steps) by_value = by_value && takes_each_value(*step.kernels);
  if (by_value) {
    if (stores_bytes(x)) {  // only the lanes of planes know what a stored byte stands for
      images = unsqueeze(x, -3, here);
    } else {
      lanes = Lanes::elements;
    }
  }
  int widest = 0;
  std::int64_t channels = by_value ? 1 : x.size(-3);
  whole.inputs = static_cast<int>(std::min<std::int64_t>(channels, max_lanes));
  for (const PixelStep& step : steps) {
    const PixelKernels& k = *step.kernels;
    const bool each = takes_each_value(k);
    require<ShapeError>(each || k.inputs == channels, step.name, ": expected [.., C, H, W] with ", k.inputs,
                        " channels, got ", channels);
    require<ShapeError>(channels < max_lanes, step.name, ": too many channels for a chain of channels, got ", channels);
    require<ShapeError>(static_cast<int>(step.params.size()) == k.params, step.name, ": expected ", k.params,
                        " parameters, got ", step.params.size());
    Link link{&k, each, static_cast<int>(channels), each ? static_cast<int>(channels) : k.outputs, params.size(), -1};
    for (const Tensor& p : step.params) {
      check_numbers(step, p, x.shape());
      require<DTypeError>(is_differentiable(p.dtype()), step.name, ": expected parameters of f32 or f64, got ",
                          p.dtype());
      params.push_back(p);
    }
    if (step.applies.defined()) {
      check_numbers(step, step.applies, x.shape());
      require<ShapeError>(link.inputs == link.outputs, step.name,
                          ": expected `applies` with a step of as many results "
                          "as channels, got ",
                          link.outputs, " of ", link.inputs);
      link.gate = static_cast<std::ptrdiff_t>(params.size());
      params.push_back(step.applies.detach().to(DType::f64));
    }
    channels = link.outputs;
    widest = std::max({widest, link.inputs, link.outputs});
    links.push_back(link);
  }
  whole.outputs = static_cast<int>(channels);
  whole.params = static_cast<int>(params.size());
  block = block_of(widest);
}

// The steps that an image with parameters p takes.
template <class T>
InlineVector<const Link*, 8> taken(const Chain& chain, const T* p) {
  InlineVector<const Link*, 8> links;
  for (const Link& link : chain.links)
    if (link.gate < 0 || p[link.gate] != T(0)) links.push_back(&link);
  return links;
}

// The lanes of a block, in memory or in a buffer of ours, where one stands behind the other.
template <class T>
struct BlockLanes {
  T* at[max_lanes];
  bool joined = false;
  void memory(T* const* lanes, int count, std::size_t begin) {
    for (int c = 0; c < count; ++c) at[c] = lanes[c] ? lanes[c] + begin : nullptr;
    joined = count == 1;
  }
  void buffer(T* room, int count, std::size_t n) {
    for (int c = 0; c < count; ++c) at[c] = room + static_cast<std::size_t>(c) * n;
    joined = true;
  }
};

// A formula of single values runs over all lanes at once where they are one.
template <class T>
void run_link(const Link& link, const BlockLanes<T>& x, const T* p, const BlockLanes<T>& y, std::size_t n,
              unsigned flags) {
  const PixelKernel<T>& kernel = kernel_of<T>(*link.kernels);
  const bool whole = !link.each || (x.joined && y.joined);
  const std::size_t length = link.each && whole ? n * static_cast<std::size_t>(link.inputs) : n;
  for (int c = 0; c < (whole ? 1 : link.inputs); ++c) kernel.forward(x.at + c, p + link.first, y.at + c, length, flags);
}

template <class T>
void run_link_back(const Link& link, const BlockLanes<T>& x, const T* p, const BlockLanes<T>& w,
                   const BlockLanes<T>& gx, double* gp, std::size_t n, unsigned flags) {
  const PixelKernel<T>& kernel = kernel_of<T>(*link.kernels);
  const bool whole = !link.each || (x.joined && w.joined && gx.joined);
  const std::size_t length = link.each && whole ? n * static_cast<std::size_t>(link.inputs) : n;
  for (int c = 0; c < (whole ? 1 : link.inputs); ++c) {
    if (gp)
      kernel.vjp_params(x.at + c, p + link.first, w.at + c, gx.at + c, gp + link.first, length, flags);
    else
      kernel.vjp(x.at + c, p + link.first, w.at + c, gx.at + c, length, flags);
  }
}

// Asks for the next block while this one is computed.
template <class T>
void fetch_ahead(T* const* lanes, int count, std::size_t begin, std::size_t end) {
  for (int c = 0; c < count; ++c)
    for (std::size_t i = begin; i < end; i += 64 / sizeof(T)) __builtin_prefetch(lanes[c] + i, 0, 2);
}

template <class T>
void copy_lanes(T* const* from, T* const* to, int count, std::size_t n) {
  for (int c = 0; c < count; ++c)
    if (to[c]) std::copy_n(from[c], n, to[c]);
}

template <class T>
Tensor forward(const Chain& chain) {
  const PixelPlan plan = chain.plan();
  const std::size_t K = chain.params.size();
  Tensor y = Tensor::empty(plan.result, plan.dtype);
  LaneSet set;
  input_lanes(plan, {&chain.images, 1}, set.add(chain.whole.inputs));
  set.read = set.count;
  result_lanes(plan, y, set.add(chain.whole.outputs));
  const auto p = params_of<T>(plan.domain, chain.params);
  const unsigned stream = y.numel() * std::int64_t{sizeof(T)} > stream_threshold() ? stream_outputs : 0;
  run_blocks<T>(plan, set, nullptr, 0,
                [&](const Block<T>& b) {
                  const T* at = p.data() + static_cast<std::size_t>(b.image) * K;
                  const auto links = taken(chain, at);
                  alignas(64) T room[max_lanes * longest_block];
                  for (std::size_t begin = 0; begin < b.n; begin += chain.block) {
                    const std::size_t n = std::min(chain.block, b.n - begin);
                    const unsigned flags = stream == 0 ? 0 : begin + n < b.n ? stream | more_follow : stream;
                    BlockLanes<T> now, out, buffer;
                    now.memory(b.lanes, chain.whole.inputs, begin);
                    out.memory(b.lanes + set.read, chain.whole.outputs, begin);
                    buffer.buffer(room, max_lanes, n);
                    for (std::size_t s = 0; s < links.size();
                         ++s) {  // a kernel reads a batch before it writes it: in place
                      const bool last = s + 1 == links.size();
                      run_link<T>(*links[s], now, at, last ? out : buffer, n, last && !b.staged ? flags : 0);
                      now = buffer;
                    }
                    if (links.empty()) copy_lanes(now.at, out.at, chain.whole.outputs, n);
                  }
                },
                {.cost = 0.1 * static_cast<double>(chain.links.size())});
  return y;
}

// wants: the image, then every parameter of the list.
template <class T>
void adjoint(const Chain& chain, const Tensor& w, std::span<const bool> wants, std::span<Tensor> gradients) {
  const PixelPlan plan = chain.plan();
  const std::size_t K = chain.params.size();
  const int inputs = chain.whole.inputs, outputs = chain.whole.outputs;
  LaneSet set;
  input_lanes(plan, {&chain.images, 1}, set.add(inputs));
  result_lanes(plan, w, set.add(outputs));
  set.read = set.count;
  gradient_lanes(plan, {&chain.images, 1}, wants.first(1), gradients, set.add(inputs));
  const auto p = params_of<T>(plan.domain, chain.params);
  const unsigned stream = plan.result.numel() * std::int64_t{sizeof(T)} > stream_threshold() ? stream_outputs : 0;
  bool sum_params = false;
  for (std::size_t k = 0; k < K; ++k) sum_params |= wants[1 + k];
  const auto wanted = [&](const Link& link) {
    bool any = false;
    for (int k = 0; k < link.kernels->params; ++k) any |= wants[1 + link.first + static_cast<std::size_t>(k)];
    return any;
  };

  std::vector<double> sums;
  run_blocks<T>(plan, set, sum_params ? &sums : nullptr, K,
                [&](const Block<T>& b) {
                  const T* at = p.data() + static_cast<std::size_t>(b.image) * K;
                  const auto links = taken(chain, at);
                  std::size_t until = 0;  // steps before this one need no cotangent
                  if (!wants[0])
                    while (until < links.size() && !wanted(*links[until])) ++until;
                  std::size_t lanes = 0;
                  for (const Link* link : links) lanes += static_cast<std::size_t>(link->inputs);
                  const LineRoom<T> room((lanes + max_lanes) * chain.block);
                  InlineVector<BlockLanes<T>, 8> value(links.size());  // what each step takes
                  for (std::size_t begin = 0; begin < b.n; begin += chain.block) {
                    const std::size_t n = std::min(chain.block, b.n - begin);
                    const unsigned flags = stream == 0 ? 0 : begin + n < b.n ? stream | more_follow : stream;
                    BlockLanes<T> now, out, cotangent;
                    now.memory(b.lanes + inputs, outputs, begin);
                    out.memory(b.lanes + set.read, inputs, begin);
                    cotangent.buffer(room.get(), max_lanes, n);
                    T* next = room.get() + max_lanes * chain.block;
                    for (std::size_t s = 0; s < links.size(); ++s) {
                      if (s == 0) {
                        value[s].memory(b.lanes, inputs, begin);
                        continue;
                      }
                      value[s].buffer(next, links[s]->inputs, n);
                      next += static_cast<std::size_t>(links[s]->inputs) * chain.block;
                      run_link<T>(*links[s - 1], value[s - 1], at, value[s], n, 0);
                      if (s == 1) fetch_ahead(b.lanes + inputs, outputs, begin, begin + n);
                    }
                    for (std::size_t s = links.size(); s-- > until;) {
                      run_link_back<T>(*links[s], value[s], at, now, s == 0 ? out : cotangent,
                                       wanted(*links[s]) ? b.sums : nullptr, n, s == 0 && !b.staged ? flags : 0);
                      now = cotangent;
                    }
                    if (links.empty()) copy_lanes(now.at, out.at, inputs, n);
                  }
                },
                {.cost = 0.2 * static_cast<double>(chain.links.size())});
  if (sum_params) finish_params(plan, sums, chain.params, gradients.subspan(1));
}

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
    cotangent.dtype() == DType::f32 ? lumigrad::adjoint<float>(chain, cotangent, want, results)
                                    : lumigrad::adjoint<double>(chain, cotangent, want, results);
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
          single.skips_some() ? where(single.gate(w), w, Tensor::zeros(Shape(), w.dtype()), here()) : w;
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

}  // namespace

Tensor fuse(const Tensor& images, std::span<const PixelStep> steps, Here here) {
  const Chain chain(images, steps, here);
  const DType dtype = pixel_dtype(steps[0].name, chain.lanes, {&chain.images, 1});
  if (steps.size() == 1 && !steps[0].applies.defined()) return run_alone(steps[0], images, here);
  Tensor y;
  {
    const NoGrad outside;  // the node below is the whole chain
    y = chain.restored(dtype == DType::f32 ? forward<float>(chain) : forward<double>(chain), here);
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

}  // namespace lumigrad
