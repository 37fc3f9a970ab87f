// SPDX-License-Identifier: Apache-2.0
// Formulas that hand registers on to one another.
//
// A kernel reads lanes and writes lanes. Six short formulas in a row, each a multiplication and a clamp, then spend
// their time on loads and stores even if the lanes lie in the first cache: a processor multiplies faster than it
// stores. In a relay nothing is stored on the way. Eight vector registers, a *tile*, are the first eight vector
// arguments of a function, and that is where a call leaves them:
//
//     void runner(const RelayStep* step, std::size_t i, R r0, ... R r7) {
//       r0 = formula(r0, parameters of this step);  ...
//       return step[1].run(step + 1, i, r0, ... r7);        // a jump: the last thing that a function does
//     }
//
// A program is an array of such steps: load a tile, formula, formula, ..., store it. Every formula is compiled once, by
// itself, and which of them follow one another is known at run time only, as in a chain of kernels; but a tile goes
// through all of them in registers, and the processor, which sees one stream of instructions, computes while the next
// tiles are on their way from memory. (A compiler that does not make the jump a jump makes a call of it: right, slower,
// and as deep as the program is long.)
//
// On the way back the program is: load, formula, ..., formula, load the cotangent, adjoint, ..., adjoint, store.
// Adjoints that need the values their formula had (a product needs them for the gradient of its factor, a sum needs
// none) find them where a step `keep` has left them; what no adjoint needs is neither kept nor computed. A compile-time
// recording of the adjoint (recorded.h run on symbols) knows which those are.
//
// Registers are eight stretches of one lane, for formulas of single values, or two stretches of three lanes, for
// formulas of pixels: r0 r1 r2 and r3 r4 r5. A formula of single values does not care which. From interleaved bytes
// into interleaved bytes a program has steps at its ends that take them apart and put them together; there the last
// formula may make one lane of three, r0 and r3.
#pragma once
#include <lumigrad/engine/cpu/simd.h>
#include <lumigrad/engine/derivatives.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

struct RelayStep;
using Tile = Vec<float>;
using TileRegister = Tile::Real;
#define LUMIGRAD_RUNNER_ARGUMENTS                                                                           \
  const RelayStep *step, std::size_t i, TileRegister r0, TileRegister r1, TileRegister r2, TileRegister r3, \
      TileRegister r4, TileRegister r5, TileRegister r6, TileRegister r7
using Runner = void (*)(LUMIGRAD_RUNNER_ARGUMENTS);

inline constexpr int tile_registers = 8, pixel_registers = 6, most_params = 5;

/// One step of a program, and what it works with. (Nothing is set by itself: a program has room for many and is made
/// for every block.)
struct RelayStep {
  Runner run;
  bool full;            // all eight registers are in use, otherwise six
  bool reversed;        // the channels of `bytes` stand in the order B, G, R
  const float* params;  // of a formula
  float* room;          // where values are kept, a tile
  float* sums;          // of the parameters' gradients, a register each
  float* lanes[3];      // of a load or store
  std::uint8_t* bytes;  // the same of interleaved pixels
};

/// What a program needs of a formula.
struct RelayFormula {
  Runner forward;
  Runner vjp[2];  // without and with gradients of the parameters
  bool reads[2];  // whether those need the values that the formula had
  int params;
};

LUMIGRAD_SIMD Tile as_tile(TileRegister raw) {
  Tile r;
  r.raw[0] = raw;
  return r;
}
/// body(k) for k = Begin, Begin + By, .. below End, written out: what is kept in registers has no index at run time.
template <int Begin, int End, int By = 1, class Body>
LUMIGRAD_SIMD void each_register(const Body& body) {
  if constexpr (Begin < End) {
    body(std::integral_constant<int, Begin>());
    each_register<Begin + By, End, By>(body);
  }
}
#define LUMIGRAD_INLINED __attribute__((always_inline))
/// The arguments of a runner as the array r.
#define LUMIGRAD_TILE                                                           \
  Tile r[tile_registers] = {as_tile(r0), as_tile(r1), as_tile(r2), as_tile(r3), \
                            as_tile(r4), as_tile(r5), as_tile(r6), as_tile(r7)}
/// The last statement of a runner: a jump.
#if defined(__clang__)
#define LUMIGRAD_JUMP [[clang::musttail]] return
#else
#define LUMIGRAD_JUMP return
#endif
#define LUMIGRAD_HAND_ON                                                                                               \
  LUMIGRAD_JUMP step[1].run(step + 1, i, r[0].raw[0], r[1].raw[0], r[2].raw[0], r[3].raw[0], r[4].raw[0], r[5].raw[0], \
                            r[6].raw[0], r[7].raw[0])

/// What the adjoint of F takes: it is recorded, as if it were a formula.
struct AdjointWork {
  bool reads_inputs = false;  ///< whether anything is computed from the formula's inputs
  int cost = 0;               ///< steps for every pixel, functions counted for ten
};
template <class F, bool WithParams>
constexpr AdjointWork adjoint_work() {
  constexpr int inputs = inputs_of<F>, params = params_of<F>, outputs = outputs_of<F>;
  FormulaRecord r;
  Symbol x[inputs], p[params + 1], w[outputs], g[inputs + params];
  for (int k = 0; k < inputs; ++k) x[k] = Symbol(&r, r.add({Word::input, k}));
  for (int k = 0; k < params; ++k) p[k] = Symbol(&r, r.add({Word::input, inputs + k}));
  for (int k = 0; k < outputs; ++k) w[k] = Symbol(&r, r.add({Word::input, inputs + params + k}));
  recorded_vjp<F, WithParams>(x, p, w, g, g + inputs);
  bool needed[max_steps] = {};
  for (int k = 0; k < inputs + (WithParams ? params : 0); ++k) needed[g[k].in(&r)] = true;
  AdjointWork work;
  for (int k = r.count - 1; k >= 0; --k) {
    const Step& s = r.step[k];
    if (!needed[k]) continue;
    if (s.word == Word::input) {
      work.reads_inputs |= k < inputs;
      continue;
    }
    work.cost += s.word == Word::constant ? 0 : is_transcendental(s.word) ? 10 : 1;
    for (const int from : {s.a, s.b, s.c}) {
      if (from >= 0) needed[from] = true;
    }
  }
  return work;
}

/// The runners of a formula of single values, or of pixels of three channels.
template <class F>
struct Runners {
  static constexpr int lanes = inputs_of<F>, results = outputs_of<F>, params = params_of<F>;

  static LUMIGRAD_SIMD void splat(Tile* to, const float* p) {
    for (int k = 0; k < params; ++k) to[k] = Tile(p[k]);
  }

  template <int Begin, int End>
  static LUMIGRAD_SIMD void values(Tile* r, const Tile* p) {
    each_register<Begin, End, lanes>([&](auto k) LUMIGRAD_INLINED {
      const Pixel<Tile, results> y = lumigrad::forward<F>(r + k, p);
      each_register<0, results>([&](auto c) LUMIGRAD_INLINED { r[k + c] = y[c]; });
    });
  }
  static void forward(LUMIGRAD_RUNNER_ARGUMENTS) {
    LUMIGRAD_TILE;
    Tile p[params + 1];
    splat(p, step->params);
    values<0, pixel_registers>(r, p);
    if (lanes == 1 && step->full) values<pixel_registers, tile_registers>(r, p);
    LUMIGRAD_HAND_ON;
  }

  template <bool WithParams, int Begin, int End>
  static LUMIGRAD_SIMD void adjoints(Tile* r, const Tile* p, const float* room, Tile* sum) {
    each_register<Begin, End, lanes>([&](auto k) LUMIGRAD_INLINED {
      Tile x[lanes], g[lanes], gp[params + 1];
      each_register<0, lanes>([&](auto c) LUMIGRAD_INLINED { x[c] = Tile::load(room + (k + c) * Tile::width); });
      lumigrad::vjp<F, WithParams>(x, p, r + k, g, gp);
      each_register<0, lanes>([&](auto c) LUMIGRAD_INLINED { r[k + c] = g[c]; });
      for (int q = 0; WithParams && q < params; ++q) sum[q] = sum[q] + gp[q];
    });
  }
  template <bool WithParams>
  static void vjp(LUMIGRAD_RUNNER_ARGUMENTS) {
    LUMIGRAD_TILE;
    Tile p[params + 1];
    splat(p, step->params);
    Tile sum[params + 1];
    float* sums = step->sums;
    for (int q = 0; WithParams && q < params; ++q) sum[q] = Tile::load(sums + q * Tile::width);
    adjoints<WithParams, 0, pixel_registers>(r, p, step->room, sum);
    if (lanes == 1 && step->full) adjoints<WithParams, pixel_registers, tile_registers>(r, p, step->room, sum);
    for (int q = 0; WithParams && q < params; ++q) sum[q].store(sums + q * Tile::width);
    LUMIGRAD_HAND_ON;
  }

  static constexpr RelayFormula formula() {
    RelayFormula f = {&forward, {}, {}, params};
    if constexpr (lanes == results)
      f = {&forward,
           {&vjp<false>, &vjp<(params > 0)>},
           {adjoint_work<F, false>().reads_inputs, adjoint_work<F, (params > 0)>().reads_inputs},
           params};
    return f;
  }
};
template <class F>
inline constexpr RelayFormula relay_formula = Runners<F>::formula();

/// Formulas short enough to be worth it, whose channels stay as many, or become one on the way to bytes.
template <class F>
constexpr bool runs_in_relay() {
  constexpr int from = inputs_of<F>, to = outputs_of<F>;
  if constexpr (!(from == 1 && to == 1) && !(from == 3 && (to == 3 || to == 1))) {
    return false;
  } else {
    return Recorded<F>::steps <= 40 && params_of<F> <= most_params && !transcendental<F>;
  }
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
