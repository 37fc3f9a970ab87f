// SPDX-License-Identifier: Apache-2.0
// From a formula to machine code: the loops over contiguous lanes, for one instruction level.
//
// Each loop reads one batch of every input lane, runs the formula (or its derivative) on vectors, and writes one batch
// of every output lane. The last, incomplete batch is copied into a buffer and goes through the same code, so a value
// never depends on where it stands. Formulas of long functions take two registers a batch (simd.h).
//
// Parameter gradients are sums over all elements. They run in lanes of T over blocks of 1,024 elements and from block
// to block in double, in order; whoever cuts the work at multiples of the block gets the same bits.
//
// Only level sources (and formula_simd.h) include this. The functions have internal linkage and leave as pointers.
#pragma once
#include <cstddef>
#include <cstdint>

#include <lumigrad/engine/cpu/formula_table.h>
#include <lumigrad/engine/cpu/relay.h>
#include <lumigrad/engine/cpu/simd.h>
#include <lumigrad/engine/cpu/simd_math.h>
#include <lumigrad/engine/derivatives.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

inline constexpr std::size_t sum_block = 1024;

/// Pointers to N lanes, held by value so that the compiler keeps them in registers.
template <class T, int N>
struct LanePointers {
  T* at[N];

  LUMIGRAD_SIMD void set(int first, T* const* from, int count) {
    for (int k = 0; k < count; ++k) at[first + k] = from ? from[k] : nullptr;
  }
  template <int Count, class V>
  LUMIGRAD_SIMD void load(V* to, int first, std::size_t i) const {
    each_register<0, Count>([&](int k) LUMIGRAD_INLINED { to[k] = V::load(at[first + k] + i); });
  }
  /// Writes the lanes that are wanted (not null).
  template <int Count, class V>
  LUMIGRAD_SIMD void store(const V* from, int first, std::size_t i, bool past_caches = false) const {
    each_register<0, Count>([&](int k) LUMIGRAD_INLINED {
      if (!at[first + k]) return;
      if (past_caches) {
        from[k].stream(at[first + k] + i);
      } else {
        from[k].store(at[first + k] + i);
      }
    });
  }
  /// Whether results can be streamed: every wanted lane must start on a register's boundary.
  LUMIGRAD_SIMD bool aligned() const {
    std::uintptr_t bits = 0;
    for (int k = 0; k < N; ++k) bits |= reinterpret_cast<std::uintptr_t>(at[k]);
    return bits % vector_bytes == 0;
  }
};

// One copy of these serves all formulas: an incomplete batch goes into full ones, and back.
template <class T>
[[gnu::noinline]] void fill_batch(T* to, const T* from, int count, int width) {
  const T first = from[0];
  for (int j = 0; j < width; ++j) to[j] = first;  // whole registers, as they are read: a scalar costs no more than this
  for (int j = 1; j < count; ++j) to[j] = from[j];
}
template <class T>
[[gnu::noinline]] void take_batch(T* to, const T* from, int count) {
  for (int j = 0; to && j < count; ++j) to[j] = from[j];
}

/// Calls batch(in, out, i) for the elements [0, n), `Width` at a time, in blocks of `longest`; start() before a block
/// and finish(Width) after it. The incomplete rest is a block of its own, finish(count) with count < Width: it is
/// copied and goes through the same loop; the copy's unused lanes repeat an element of the real data.
template <int Width, int In, int Out, class T, class Batch, class Start, class Finish>
LUMIGRAD_SIMD void for_batches(const LanePointers<const T, In>& in, const LanePointers<T, Out>& out, std::size_t n,
                               std::size_t longest, Batch batch, Start start, Finish finish) {
  const std::size_t whole = n / Width * Width;
  alignas(64) T inputs[In][Width], outputs[Out][Width];
  LanePointers<const T, In> from = in;
  LanePointers<T, Out> to = out;
  int count = Width;
  for (std::size_t i = 0; count == Width;) {
    std::size_t stop = whole - i < longest ? whole : i + longest;
    if (i == whole) {
      if (whole == n) return;
      count = static_cast<int>(n - whole);
      for (int k = 0; k < In; ++k) {
        fill_batch(inputs[k], in.at[k] + whole, count, Width);
        from.at[k] = inputs[k];
      }
      for (int k = 0; k < Out; ++k) to.at[k] = out.at[k] ? outputs[k] : nullptr;
      i = 0;
      stop = Width;
    }
    start();
    for (; i < stop; i += Width) batch(from, to, i);
    finish(count);
  }
  for (int k = 0; k < Out; ++k) take_batch(out.at[k] ? out.at[k] + whole : nullptr, outputs[k], count);
}

inline constexpr auto no_start = [] {};
inline constexpr auto no_finish = [](int) {};
#define LUMIGRAD_BATCH(In, Out) \
  (const LanePointers<const T, In>& in, const LanePointers<T, Out>& out, std::size_t i) __attribute__((always_inline))

/// Kernels that are kept small rather than fast: double precision, and the level of x86-64 processors before 2013.
template <class T>
constexpr bool kept_small() {
#if defined(__x86_64__)
  if (vector_bytes == 16) return true;
#endif
  return sizeof(T) == 8;
}

/// Two registers a batch hide the latency of long functions; several spread the loop's own cost over short formulas.
template <class F, class T>
constexpr int registers_a_batch() {
  if (kept_small<T>()) return 1;
  if (sizeof(T) == 4 && transcendental<F>) return 2;
  return Recorded<F>::steps <= 10 ? (vector_bytes == 16 ? 4 : 2) : 1;
}

// Chains of dependent operations, one a channel and one a register, run side by side only if they stand close together:
// g++ interleaves them when it schedules before it allocates registers. rgb_to_lab is 1.2 to 1.5 times as fast for it.
#if !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("schedule-insns", "sched-pressure")
#endif

/// The kernels of formula F for lanes of T.
template <class F, class T>
struct Loops {
  static constexpr int inputs = inputs_of<F>, outputs = outputs_of<F>, params = params_of<F>;
  using V = Vec<T, registers_a_batch<F, T>()>;
  using Slow = Vec<T, 1>;  // for derivatives of directions, whose dual numbers fill the registers

  template <class W>
  static LUMIGRAD_SIMD void splat(W* to, const T* p) {
    each_register<0, params>([&](int k) LUMIGRAD_INLINED { to[k] = W(p[k]); });
  }
  template <class W>
  static LUMIGRAD_SIMD void clear(W* sum) {
    each_register<0, params>([&](int k) LUMIGRAD_INLINED { sum[k] = W(0); });
  }
  /// Adds the lanes of the sums to gp; of an incomplete batch, its first `count`.
  template <class W>
  static LUMIGRAD_SIMD void hand_on(const W* sum, double* gp, int count) {
    if (!gp) return;
    each_register<0, params>([&](int k) LUMIGRAD_INLINED {
      gp[k] += sum_lanes(count == W::width ? sum[k] : select(W::ramp() < W(count), sum[k], W(0)));
    });
  }

  static void forward(const T* const* x, const T* p, T* const* y, std::size_t n, unsigned flags) {
    LanePointers<const T, inputs> in;
    LanePointers<T, outputs> out;
    in.set(0, x, inputs);
    out.set(0, y, outputs);
    V ps[params + 1];
    splat(ps, p);
    const bool past_caches = (flags & stream_outputs) && out.aligned();
    for_batches<V::width>(
        in, out, n, n,
        [&] LUMIGRAD_BATCH(inputs, outputs) {
          V xs[inputs];
          in.template load<inputs>(xs, 0, i);
          const Pixel<V, outputs> ys = lumigrad::forward<F>(xs, ps);
          out.template store<outputs>(ys.channel, 0, i, past_caches);
        },
        no_start, no_finish);
    if (past_caches && !(flags & more_follow)) fence();
  }

  static void vjp(const T* const* x, const T* p, const T* const* w, T* const* gx, std::size_t n, unsigned flags) {
    LanePointers<const T, inputs + outputs> in;
    LanePointers<T, inputs> out;
    in.set(0, x, inputs);
    in.set(inputs, w, outputs);
    out.set(0, gx, inputs);
    V ps[params + 1];
    splat(ps, p);
    const bool past_caches = (flags & stream_outputs) && out.aligned();
    for_batches<V::width>(
        in, out, n, n,
        [&] LUMIGRAD_BATCH(inputs + outputs, inputs) {
          V xs[inputs], ws[outputs], g[inputs], none[params + 1];
          in.template load<inputs>(xs, 0, i);
          in.template load<outputs>(ws, inputs, i);
          lumigrad::vjp<F, false>(xs, ps, ws, g, none);
          out.template store<inputs>(g, 0, i, past_caches);
        },
        no_start, no_finish);
    if (past_caches && !(flags & more_follow)) fence();
  }

  static void vjp_params(const T* const* x, const T* p, const T* const* w, T* const* gx, double* gp, std::size_t n,
                         unsigned flags) {
    LanePointers<const T, inputs + outputs> in;
    LanePointers<T, inputs> out;
    in.set(0, x, inputs);
    in.set(inputs, w, outputs);
    out.set(0, gx, inputs);
    V ps[params + 1];
    splat(ps, p);
    const bool past_caches = (flags & stream_outputs) && out.aligned();
    V sum[params + 1];
    for_batches<V::width>(
        in, out, n, sum_block,
        [&] LUMIGRAD_BATCH(inputs + outputs, inputs) {
          V xs[inputs], ws[outputs], g[inputs], gs[params + 1];
          in.template load<inputs>(xs, 0, i);
          in.template load<outputs>(ws, inputs, i);
          lumigrad::vjp<F, true>(xs, ps, ws, g, gs);
          out.template store<inputs>(g, 0, i, past_caches);
          each_register<0, params>([&](int k) LUMIGRAD_INLINED { sum[k] = sum[k] + gs[k]; });
        },
        [&]() __attribute__((always_inline)) { clear(sum); },
        [&](int count) __attribute__((always_inline)) { hand_on(sum, gp, count); });
    if (past_caches && !(flags & more_follow)) fence();
  }

  /// vjp, where one kernel has to do for both.
  static void vjp_in_params(const T* const* x, const T* p, const T* const* w, T* const* gx, std::size_t n,
                            unsigned flags) {
    double unused[params + 1] = {};
    vjp_params(x, p, w, gx, unused, n, flags);
  }

  static void second(const T* const* x, const T* p, const T* const* u, const T* up, const T* const* w, T* const* gx,
                     double* gp, T* const* gw, std::size_t n) {
    LanePointers<const T, 2 * inputs + outputs> in;
    LanePointers<T, inputs + outputs> out;
    in.set(0, x, inputs);
    in.set(inputs, u, inputs);
    in.set(2 * inputs, w, outputs);
    out.set(0, gx, inputs);
    out.set(inputs, gw, outputs);
    Slow ps[params + 1], ups[params + 1];
    splat(ps, p);
    splat(ups, up);
    Slow sum[params + 1];
    for_batches<Slow::width>(
        in, out, n, sum_block,
        [&] LUMIGRAD_BATCH(2 * inputs + outputs, inputs + outputs) {
          Slow xs[inputs], us[inputs], ws[outputs], g[inputs], gs[params + 1], gws[outputs];
          in.template load<inputs>(xs, 0, i);
          in.template load<inputs>(us, inputs, i);
          in.template load<outputs>(ws, 2 * inputs, i);
          lumigrad::second<F>(xs, ps, us, ups, ws, g, gs, gws);
          out.template store<inputs>(g, 0, i);
          out.template store<outputs>(gws, inputs, i);
          each_register<0, params>([&](int k) LUMIGRAD_INLINED { sum[k] = sum[k] + gs[k]; });
        },
        [&]() __attribute__((always_inline)) { clear(sum); },
        [&](int count) __attribute__((always_inline)) { hand_on(sum, gp, count); });
  }
};
#undef LUMIGRAD_BATCH
#if !defined(__clang__)
#pragma GCC pop_options
#endif

/// Whether one kernel does for gradients with and without parameters: where it is to be small, and where the gradients
/// of the parameters cost next to nothing beside those of the inputs.
template <class F, class T>
constexpr bool one_adjoint() {
  if constexpr (params_of<F> == 0) {
    return false;
  } else {
    return kept_small<T>() || 4 * adjoint_work<F, true>().cost <= 5 * adjoint_work<F, false>().cost;
  }
}

/// Which kernels a level compiles. Double precision is for checking and for small unknowns and stays at the baseline,
/// and with it second order, which f32 tensors run in double as well (families/pixel_call.cpp). It keeps the library
/// small.
enum class Kernels { none, first_order_f32, all };

template <class F, class T, Kernels which>
constexpr PixelKernel<T> kernel() {
  using L = Loops<F, T>;
  PixelKernel<T> k = {};
  if constexpr (which == Kernels::all || (which == Kernels::first_order_f32 && sizeof(T) == 4)) {
    k.forward = &L::forward;
    if constexpr (L::params > 0) k.vjp_params = &L::vjp_params;
    if constexpr (one_adjoint<F, T>()) {
      k.vjp = &L::vjp_in_params;
    } else {
      k.vjp = &L::vjp;
    }
  }
  if constexpr (which == Kernels::all && sizeof(T) == 8) k.second = &L::second;
  return k;
}

template <class F, Kernels which>
constexpr PixelKernels kernels() {
  return {inputs_of<F>, outputs_of<F>, params_of<F>, kernel<F, float, which>(), kernel<F, double, which>()};
}

/// The same for formulas that are steps of chains: short ones run in relays too.
template <class F, Kernels which>
constexpr PixelKernels chained_kernels() {
  PixelKernels k = kernels<F, which>();
  if constexpr (which != Kernels::none && !kept_small<float>() && runs_in_relay<F>()) k.relay = &relay_formula<F>;
  return k;
}

template <Kernels which, class... F>
constexpr KernelTable<int(sizeof...(F))> kernel_table(FormulaList<F...>) {
  return {{kernels<F, which>()...}};
}
template <Kernels which, class... F>
constexpr KernelTable<int(sizeof...(F))> chained_table(FormulaList<F...>) {
  return {{chained_kernels<F, which>()...}};
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL

#if LUMIGRAD_VECTOR_BYTES > 16
#define LUMIGRAD_LARGE_KERNELS Kernels::first_order_f32
#define LUMIGRAD_SMALL_KERNELS Kernels::none
#else
#define LUMIGRAD_LARGE_KERNELS Kernels::all
#define LUMIGRAD_SMALL_KERNELS Kernels::all
#endif

#define LUMIGRAD_COMPILE_(area, List, table, which)                                                         \
  constinit const ::lumigrad::KernelTable<List::size> LUMIGRAD_TABLE_NAME(area##_kernels, LUMIGRAD_LEVEL) = \
      ::lumigrad::LUMIGRAD_LEVEL::table<::lumigrad::LUMIGRAD_LEVEL::which>(List())

/// In a level source, inside the namespace where the list was declared by LUMIGRAD_FORMULA_TABLE: compiles all of it.
#define LUMIGRAD_COMPILE_FORMULAS(area, List) LUMIGRAD_COMPILE_(area, List, kernel_table, LUMIGRAD_LARGE_KERNELS)
/// The same for formulas that are steps of chains (families/chain.h).
#define LUMIGRAD_COMPILE_CHAINED_FORMULAS(area, List) \
  LUMIGRAD_COMPILE_(area, List, chained_table, LUMIGRAD_LARGE_KERNELS)
/// The same for formulas of a few numbers, such as matrices: at the baseline only.
#define LUMIGRAD_COMPILE_SMALL_FORMULAS(area, List) LUMIGRAD_COMPILE_(area, List, kernel_table, LUMIGRAD_SMALL_KERNELS)
