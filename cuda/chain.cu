// SPDX-License-Identifier: Apache-2.0
// Chains of pixel operators: a kernel that walks the numbers of formulas.
//
// Which steps a chain has is known at run time only. So all formulas that change pixels stand in one kernel, and every
// thread takes its pixel through the steps in turn: a number says which formula comes next, and since it is the same
// for all threads no warp diverges. The pixel's channels wait between steps in shared memory, a column for each thread;
// registers could not be counted through by a loop, and local memory would go where images go. An image is read once
// and its result written once, however long the chain.
//
// The adjoint keeps the channels before each step, in the same columns, then walks back through them. Gradients of
// parameters are added up in the columns too, over the pixels of a thread, then over the block in fixed order.
#include <lumigrad/cuda/tables.h>
#include <lumigrad/engine/device/chain.h>
#include <lumigrad/vision/color/formulas.h>
#include <lumigrad/vision/enhance/formulas.h>
#include <cstring>
#include <lumigrad/cuda/pixel_launch.cuh>

namespace lumigrad::cuda::pixels {
namespace {

using device::ChainCall;
using device::ChainStep;
using device::max_chain_channels;
using device::max_chain_params;
using device::max_chain_steps;

constexpr int chain_threads = 128;

template <class F>
constexpr bool fits_chain = inputs_of<F> <= max_chain_channels&& outputs_of<F> <= max_chain_channels &&
                            (inputs_of<F> == outputs_of<F> || inputs_of<F> == 3 || inputs_of<F> == 1);

// The formulas of a list that can be steps.
template <class List>
struct StepsOf;
template <>
struct StepsOf<FormulaList<>> {
  using List = FormulaList<>;
};
template <class F, class... Fs>
struct StepsOf<FormulaList<F, Fs...>> {
  using Rest = typename StepsOf<FormulaList<Fs...>>::List;
  using List = std::conditional_t<fits_chain<F>, decltype(FormulaList<F>() + Rest()), Rest>;
};
using Steps = decltype(StepsOf<color::ColorFormulas>::List() + StepsOf<enhance::EnhanceFormulas>::List());

template <int I, class List>
struct At;
template <int I, class F, class... Fs>
struct At<I, FormulaList<F, Fs...>> : At<I - 1, FormulaList<Fs...>> {};
template <class F, class... Fs>
struct At<0, FormulaList<F, Fs...>> {
  using Formula = F;
};

/// run.template operator()<F>() for formula `code`, found by halving.
template <int Low, int High, class Run>
LUMIGRAD_INLINE void with_formula(int code, const Run& run) {
  if constexpr (High - Low == 1) {
    run.template operator()<typename At<Low, Steps>::Formula>();
  } else {
    constexpr int middle = (Low + High) / 2;
    if (code < middle) {
      with_formula<Low, middle>(code, run);
    } else {
      with_formula<middle, High>(code, run);
    }
  }
}

// A thread's numbers in shared memory: its own column.
struct Column {
  float* at;
  int step;
  LUMIGRAD_INLINE float& operator[](int i) const { return at[i * step]; }
  LUMIGRAD_INLINE Column from(int i) const { return {at + i * step, step}; }
};

struct Chain {
  Groups domain;
  Lane<float> lanes[3 * max_chain_channels];
  Number<float> numbers[max_chain_params];
  ChainStep steps[max_chain_steps];
  int count, params, inputs, outputs;

  LUMIGRAD_INLINE bool takes(const ChainStep& step, int image) const {
    return step.gate < 0 || numbers[step.gate].of(image) != 0;
  }
  template <int K>
  LUMIGRAD_INLINE void parameters(const ChainStep& step, int image, float (&to)[K]) const {
    for (int k = 0; k + 1 < K; ++k) to[k] = numbers[step.first + k].of(image);
  }
  LUMIGRAD_INLINE void forward(const ChainStep& step, int image, const Column& x, const Column& y) const {
    with_formula<0, Steps::size>(step.code, [&]<class F>() {
      float p[params_of<F> + 1];
      parameters(step, image, p);
#if defined(__CUDA_ARCH__)
#pragma unroll 1
#endif
      for (int c = 0; c < (step.each ? step.inputs : 1); ++c) {
        float xs[inputs_of<F>];
        for (int i = 0; i < inputs_of<F>; ++i) xs[i] = x[c + i];
        const auto ys = lumigrad::forward<F>(xs, p);
        for (int m = 0; m < outputs_of<F>; ++m) y[c + m] = ys[m];
      }
    });
  }
  LUMIGRAD_INLINE void back(const ChainStep& step, int image, const Column& x, const Column& w,
                            const Column& gp) const {
    with_formula<0, Steps::size>(step.code, [&]<class F>() {
      constexpr int I = inputs_of<F>, M = outputs_of<F>, K = params_of<F>;
      float p[K + 1];
      parameters(step, image, p);
#if defined(__CUDA_ARCH__)
#pragma unroll 1
#endif
      for (int c = 0; c < (step.each ? step.inputs : 1); ++c) {
        float xs[I], ws[M], gx[I], gps[K + 1];
        for (int i = 0; i < I; ++i) xs[i] = x[c + i];
        for (int m = 0; m < M; ++m) ws[m] = w[c + m];
        lumigrad::vjp<F, (K > 0)>(xs, p, ws, gx, gps);
        for (int i = 0; i < I; ++i) w[c + i] = gx[i];
        for (int k = 0; k < K; ++k) gp[step.first + k] += gps[k];
      }
    });
  }
  template <class Found>
  LUMIGRAD_INLINE void read(const Found& found, int first, int lanes_count, const Column& to) const {
    for (int c = 0; c < max_chain_channels; ++c) {
      if (c >= lanes_count) continue;
      float one[1];
      load(lanes[first + c], found.at[first + c], 1, one);
      to[c] = one[0];
    }
  }
  template <class Found>
  LUMIGRAD_INLINE void write(const Found& found, int first, int lanes_count, const Column& from) const {
    for (int c = 0; c < max_chain_channels; ++c) {
      if (c >= lanes_count) continue;
      const float one[1] = {from[c]};
      store(lanes[first + c], found.at[first + c], 1, one);
    }
  }
};

struct ChainForward : Chain {
  template <class B>
  LUMIGRAD_KERNEL void operator()(const B& block) const {
    const Column v{block.template shared<float>() + block.thread(), block.threads()};
    each_group(domain, block, device::pixel_tile, [&](int image, std::uint32_t group) {
      const Found<float, 3 * max_chain_channels> found(domain, lanes, image, group, 1);
      read(found, 0, inputs, v);
      for (int s = 0; s < count; ++s)
        if (takes(steps[s], image)) forward(steps[s], image, v, v);
      write(found, max_chain_channels, outputs, v);
    });
  }
};

struct ChainBack : Chain {
  double* to;
  template <class B>
  LUMIGRAD_KERNEL void operator()(const B& block) const {
    // The channels before each step, the cotangent, the parameters' gradients.
    const Column v{block.template shared<float>() + block.thread(), block.threads()};
    const Column w = v.from(count * max_chain_channels), gp = w.from(max_chain_channels);
    for (int k = 0; k < params; ++k) gp[k] = 0;
    each_group(domain, block, device::pixel_chunk, [&](int image, std::uint32_t group) {
      const Found<float, 3 * max_chain_channels> found(domain, lanes, image, group, 1);
      read(found, 0, inputs, v);
      read(found, max_chain_channels, outputs, w);
      for (int s = 0; s + 1 < count; ++s) {
        const Column x = v.from(s * max_chain_channels), y = v.from((s + 1) * max_chain_channels);
        if (takes(steps[s], image)) {
          forward(steps[s], image, x, y);
        } else {
          for (int c = 0; c < max_chain_channels; ++c) y[c] = x[c];
        }
      }
      for (int s = count - 1; s >= 0; --s)
        if (takes(steps[s], image)) back(steps[s], image, v.from(s * max_chain_channels), w, gp);
      write(found, 2 * max_chain_channels, inputs, w);
    });
    if (!to) return;
    for (int k = 0; k < params; ++k) {
      const double total = block.sum(static_cast<double>(gp[k]));
      if (block.thread() == 0) to[block.index() * params + k] = total;
    }
  }
};

// Lanes that a chain of fewer channels does not have are no memory.
Status fill(Chain& body, const ChainCall& call, int length, bool adjoint, std::int64_t& blocks) {
  if (call.count > max_chain_steps || call.params_count > max_chain_params)
    return {device::Code::unsupported, "a chain of more steps than a kernel takes"};
  body.count = call.count;
  body.params = call.params_count;
  body.inputs = call.steps[0].inputs;
  body.outputs = call.steps[call.count - 1].outputs;
  PixelLane lanes[3 * max_chain_channels];
  const int counts[] = {body.inputs, body.outputs, adjoint ? body.inputs : 0};
  const PixelLane* from = call.lanes;
  for (int part = 0; part < 3; ++part)
    for (int c = 0; c < counts[part]; ++c) lanes[part * max_chain_channels + c] = *from++;
  LUMIGRAD_TRY(fill_domain(body.domain, call.domain, 1, length, blocks));
  LUMIGRAD_TRY(fill_lanes(body.lanes, 3 * max_chain_channels, lanes, call.domain, 1));
  for (int k = 0; k < call.params_count; ++k) body.numbers[k] = number_of<float>(call.params[k]);
  for (int s = 0; s < call.count; ++s) body.steps[s] = call.steps[s];
  return {};
}

Status forward(Place place, const ChainCall* call) {
  ChainForward body;
  std::int64_t blocks = 0;
  LUMIGRAD_TRY(fill(body, *call, device::pixel_tile, false, blocks));
  return for_each_block(place, blocks, chain_threads, chain_threads * max_chain_channels * sizeof(float), body);
}

Status vjp(Place place, const ChainCall* call) {
  ChainBack body;
  std::int64_t blocks = 0;
  LUMIGRAD_TRY(fill(body, *call, device::pixel_chunk, true, blocks));
  body.to = call->sums;
  const int column = (call->count + 1) * max_chain_channels + call->params_count;
  return for_each_block(place, blocks, chain_threads, static_cast<std::size_t>(chain_threads * column) * sizeof(float),
                        body);
}

// Codes by number in a list.
template <class List>
struct Codes;
template <class... F>
struct Codes<FormulaList<F...>> {
  static constexpr std::int32_t of[] = {(Steps::contains<F> ? Steps::index<F>() : -1)...};
};

std::int32_t code(const char* list, std::int32_t number) {
  const auto is = [&](const char* name) { return std::strcmp(list, name) == 0; };
  if (is("color") && number < color::ColorFormulas::size) return Codes<color::ColorFormulas>::of[number];
  if (is("enhance") && number < enhance::EnhanceFormulas::size) return Codes<enhance::EnhanceFormulas>::of[number];
  return -1;
}

}  // namespace
}  // namespace lumigrad::cuda::pixels

namespace lumigrad::cuda {
const device::ChainTable chain_table = {pixels::code, pixels::forward, pixels::vjp};
}  // namespace lumigrad::cuda
