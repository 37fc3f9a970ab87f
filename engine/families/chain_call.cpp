// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/chain_call.h>

#include <lumigrad/engine/cpu/relay_kernels.h>
#include <lumigrad/engine/families/chain_device.h>
#include <lumigrad/engine/families/line_room.h>
#include <lumigrad/engine/families/pixel_blocks.h>
#include <lumigrad/engine/machine.h>
#include <lumigrad/engine/ops.h>

namespace lumigrad {
namespace {

// Pixels that go through all steps together: few enough that their values stay in the first cache while the image
// streams past, many enough that a call of a kernel costs little beside its work.
constexpr std::size_t longest_block = 512;
constexpr std::size_t block_of(int lanes) { return lanes <= 3 ? longest_block : longest_block / 2; }

void check_numbers(const PixelStep& step, const Tensor& p, const Shape& images) {
  require<ShapeError>(p.numel() == 1 || (images.rank() >= 4 && p.numel() == images[0]), step.name,
                      ": expected a parameter of one number, or one an image, got shape ", p.shape(), " for images ",
                      images);
}

}  // namespace

Chain::Chain(const Tensor& x, std::span<const PixelStep> steps, Here here) : name("fuse"), images(x) {
  require<ShapeError>(!steps.empty(), "fuse: expected at least one step, got none");
  for (const PixelStep& step : steps) require<ShapeError>(bool(step), "fuse: expected steps with a formula, got none");
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

namespace {

// Consecutive links that run together: one by its kernel, or several in a relay (cpu/relay.h).
struct Stage {
  std::size_t first, count;
  bool each;  // on every lane by itself
};

// What an image goes through.
template <class T>
struct Course {
  const T* p;                          // parameters of the chain
  InlineVector<const Link*, 8> links;  // the steps that the image takes
  InlineVector<RelayLeg, 8> legs;      // the same
  InlineVector<Stage, 8> stages;
  bool relays = false;

  Course(const Chain& chain, const T* params, bool may_relay) : p(params) {
    bool open = false;  // the last stage takes more
    for (const Link& link : chain.links) {
      if (link.gate >= 0 && p[link.gate] == T(0)) continue;
      bool runs = false;
      if constexpr (std::is_same_v<T, float>) {
        runs = may_relay && link.kernels->relay && link.inputs == link.outputs;
        legs.push_back({link.kernels, p + link.first, nullptr});
      }
      if (runs && open && stages[stages.size() - 1].count < longest_relay) {
        Stage& stage = stages[stages.size() - 1];
        ++stage.count;
        stage.each = stage.each && link.each;
        relays = true;
      } else {
        stages.push_back({links.size(), 1, link.each});
      }
      links.push_back(&link);
      open = runs;
    }
  }
};

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

// Single values run over all lanes at once where they are one.
template <class T>
struct Pass {
  int count;           // calls, one a lane
  std::size_t length;  // of each
  Pass(const Stage& stage, const Link& link, bool joined, std::size_t n)
      : count(stage.each && !joined ? link.inputs : 1),
        length(stage.each && joined ? n * static_cast<std::size_t>(link.inputs) : n) {}
};

template <class T>
void run_stage(const Course<T>& course, const Stage& stage, const BlockLanes<T>& x, const BlockLanes<T>& y,
               std::size_t n, unsigned flags) {
  const Link& link = *course.links[stage.first];
  const Pass<T> pass(stage, link, x.joined && y.joined, n);
  for (int c = 0; c < pass.count; ++c) {
    if constexpr (std::is_same_v<T, float>) {
      if (stage.count > 1) {
        relay_kernels().forward(course.legs.data() + stage.first, static_cast<int>(stage.count), stage.each ? 1 : 3,
                                x.at + c, y.at + c, pass.length, flags);
        continue;
      }
    }
    kernel_of<T>(*link.kernels).forward(x.at + c, course.p + link.first, y.at + c, pass.length, flags);
  }
}

// sums: of the chunk, where those of a link with wanted parameters belong. For relays they stand in the legs.
template <class T>
void run_stage_back(const Course<T>& course, const Stage& stage, const BlockLanes<T>& x, const BlockLanes<T>& w,
                    const BlockLanes<T>& gx, double* sums, std::size_t n, unsigned flags) {
  const Link& link = *course.links[stage.first];
  const Pass<T> pass(stage, link, x.joined && w.joined && gx.joined, n);
  const PixelKernel<T>& kernel = kernel_of<T>(*link.kernels);
  const T* p = course.p + link.first;
  for (int c = 0; c < pass.count; ++c) {
    if constexpr (std::is_same_v<T, float>) {
      if (stage.count > 1) {
        relay_kernels().vjp(course.legs.data() + stage.first, static_cast<int>(stage.count), stage.each ? 1 : 3,
                            x.at + c, w.at + c, gx.at + c, pass.length, flags);
        continue;
      }
    }
    if (sums)
      kernel.vjp_params(x.at + c, p, w.at + c, gx.at + c, sums + link.first, pass.length, flags);
    else
      kernel.vjp(x.at + c, p, w.at + c, gx.at + c, pass.length, flags);
  }
}

// An image's course, in relays and link by link.
template <class T>
struct Courses {
  Course<T> relayed, singly;
  std::size_t block;
  Courses(const Chain& chain, const T* p) : relayed(chain, p, true), singly(chain, p, false), block(chain.block) {}

  // Runs step(course, begin, n) over the blocks of a stretch of the image's pixels: whole tiles in relays, the rest
  // link by link. A course of one stage needs no blocks: nothing is left between stages.
  template <class Self, class Step>
  static void each_block(Self& courses, std::size_t n, const Step& step) {
    auto& course = courses.relayed;
    const std::size_t tile = relay_kernels().tile[0], whole = course.relays ? n / tile * tile : n;
    const std::size_t once = course.stages.size() == 1 ? n : courses.block;
    for (std::size_t begin = 0; begin < whole; begin += once) step(course, begin, std::min(once, whole - begin));
    for (std::size_t begin = whole; begin < n; begin += courses.block)
      step(courses.singly, begin, std::min(courses.block, n - begin));
  }
};

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

// All steps for n pixels of an image whose lanes lie plainly in memory.
template <class T>
void stretch(const Courses<T>& courses, int inputs, int outputs, T* const* x, T* const* y, std::size_t n,
             unsigned stream) {
  alignas(64) T room[max_lanes * longest_block];
  Courses<T>::each_block(courses, n, [&](const Course<T>& course, std::size_t begin, std::size_t count) {
    const unsigned flags = stream == 0 ? 0 : begin + count < n ? stream | more_follow : stream;
    BlockLanes<T> now, out, buffer;
    now.memory(x, inputs, begin);
    out.memory(y, outputs, begin);
    buffer.buffer(room, max_lanes, count);
    for (std::size_t s = 0; s < course.stages.size(); ++s) {  // a kernel reads a batch before it writes it: in place
      const bool last = s + 1 == course.stages.size();
      run_stage(course, course.stages[s], now, last ? out : buffer, count, last ? flags : 0);
      now = buffer;
    }
    if (course.stages.empty()) copy_lanes(now.at, out.at, outputs, count);
  });
}

template <class T>
Tensor forward(const Chain& chain) {
  const PixelPlan plan = chain.plan();
  const int inputs = chain.whole.inputs, outputs = chain.whole.outputs;
  Tensor y = Tensor::empty(plan.result, plan.dtype);
  LaneSet set;
  input_lanes(plan, {&chain.images, 1}, set.add(inputs));
  set.read = set.count;
  result_lanes(plan, y, set.add(outputs));
  const auto p = params_of<T>(plan.domain, chain.params);
  const unsigned stream = y.numel() * std::int64_t{sizeof(T)} > stream_threshold() ? stream_outputs : 0;
  const auto run = [&](const Block<T>& b) {
    const T* of_image = p.data() + static_cast<std::size_t>(b.image) * chain.params.size();
    stretch(Courses<T>(chain, of_image), inputs, outputs, b.lanes, b.lanes + set.read, b.n, b.staged ? 0 : stream);
  };
  run_blocks<T>(plan, set, nullptr, 0, run, {.cost = 0.1 * static_cast<double>(chain.links.size())});
  return y;
}

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
  const auto run = [&](const Block<T>& b) {
    std::size_t lanes = max_lanes;
    for (const Link& link : chain.links) lanes += static_cast<std::size_t>(link.inputs);
    const LineRoom<T> room(lanes * chain.block);
    InlineVector<BlockLanes<T>, 8> value(chain.links.size());  // what each stage takes
    const T* of_image = p.data() + static_cast<std::size_t>(b.image) * K;
    Courses<T> courses(chain, of_image);
    Courses<T>::each_block(courses, b.n, [&](Course<T>& course, std::size_t begin, std::size_t n) {
      const unsigned flags = stream == 0 || b.staged ? 0 : begin + n < b.n ? stream | more_follow : stream;
      const std::size_t count = course.stages.size();
      std::size_t until = 0;  // stages before this one need no cotangent
      const auto asks = [&](const Stage& stage) {
        bool any = wants[0];
        for (std::size_t s = stage.first; s < stage.first + stage.count; ++s) any |= wanted(*course.links[s]);
        return any;
      };
      while (until < count && !asks(course.stages[until])) ++until;
      for (std::size_t s = 0; s < course.legs.size(); ++s)
        course.legs[s].sums = wanted(*course.links[s]) ? b.sums + course.links[s]->first : nullptr;
      BlockLanes<T> now, out, cotangent;
      now.memory(b.lanes + inputs, outputs, begin);
      out.memory(b.lanes + set.read, inputs, begin);
      cotangent.buffer(room.get(), max_lanes, n);
      T* next = room.get() + max_lanes * chain.block;
      for (std::size_t s = 0; s < count; ++s) {
        if (s == 0) {
          value[s].memory(b.lanes, inputs, begin);
          continue;
        }
        const int width = course.links[course.stages[s].first]->inputs;
        value[s].buffer(next, width, n);
        next += static_cast<std::size_t>(width) * chain.block;
        run_stage(course, course.stages[s - 1], value[s - 1], value[s], n, 0);
        if (s == 1) fetch_ahead(b.lanes + inputs, outputs, begin, begin + n);
      }
      for (std::size_t s = count; s-- > until;) {
        const Stage& stage = course.stages[s];
        run_stage_back(course, stage, value[s], now, s == 0 ? out : cotangent,
                       wanted(*course.links[stage.first]) ? b.sums : nullptr, n, s == 0 ? flags : 0);
        now = cotangent;
      }
      if (count == 0) copy_lanes(now.at, out.at, inputs, n);
    });
  };
  run_blocks<T>(plan, set, sum_params ? &sums : nullptr, K, run,
                {.cost = 0.2 * static_cast<double>(chain.links.size())});
  if (sum_params) finish_params(plan, sums, chain.params, gradients.subspan(1));
}

}  // namespace

struct ChainCourses {
  InlineVector<float, 16> params;
  Courses<float> courses;
  explicit ChainCourses(const Chain& chain)
      : params(params_of<float>({}, chain.params)), courses(chain, params.data()) {}
};

ChainRun::ChainRun(const Chain& chain)
    : inputs_(chain.whole.inputs), outputs_(chain.whole.outputs), courses_(std::make_unique<ChainCourses>(chain)) {}
ChainRun::~ChainRun() = default;

void ChainRun::operator()(float* const* x, float* const* y, std::size_t n) const {
  stretch(courses_->courses, inputs_, outputs_, x, y, n, 0);
}

// A formula with fewer results than three ends its chain: no step behind it sees three lanes.
bool ChainRun::takes_bytes() const {
  const auto& links = courses_->courses.singly.links;
  bool all = !links.empty() && links.size() <= longest_relay;
  for (std::size_t s = 0; s < links.size(); ++s) {
    const Link& link = *links[s];
    all = all && link.kernels->relay && (link.each || link.inputs == 3) &&
          (link.inputs == link.outputs || s + 1 == links.size());
  }
  return all;
}
void ChainRun::bytes(const InterleavedPixels<const std::uint8_t>& x, const InterleavedPixels<std::uint8_t>& y,
                     std::size_t rows, std::size_t columns) const {
  const Course<float>& course = courses_->courses.singly;
  relay_kernels().bytes(course.legs.data(), static_cast<int>(course.legs.size()), x, y, rows, columns);
}
std::size_t ChainRun::shortest_bytes() { return relay_kernels().tile[1]; }

Tensor chain_forward(const Chain& chain, DType dtype) {
  if (chain.images.device() != Device()) return device_chain_forward(chain);
  return dtype == DType::f32 ? forward<float>(chain) : forward<double>(chain);
}

void chain_adjoint(const Chain& chain, const Tensor& w, std::span<const bool> wants, std::span<Tensor> gradients) {
  if (chain.images.device() != Device()) return device_chain_adjoint(chain, w, wants, gradients);
  w.dtype() == DType::f32 ? adjoint<float>(chain, w, wants, gradients) : adjoint<double>(chain, w, wants, gradients);
}

}  // namespace lumigrad
