// SPDX-License-Identifier: Apache-2.0
// A tape that the compiler runs.
//
// Reverse-mode differentiation needs a record of what was computed: walk it backwards, and at each step hand the
// derivative of the result on to the operands by the chain rule. A tensor program keeps that record in memory while it
// runs (tape.h). A formula is so small, and so free of branches, that the record can be made before the program runs:
//
//  1. *Record.* The formula is called once, inside a constant expression, with `Symbol` for its number type. A Symbol
//     computes nothing; each operation appends a `Step` to a `FormulaRecord` and returns the step's number. Constants
//     are folded, equal steps are recorded once, x * 1 and x + 0 are not recorded at all.
//
//         V y = x * x + sin(x);     becomes     0: input     1: mul 0 0     2: sin 0     3: add 1 2
//
//  2. *Plan.* Still at compile time: which steps depend on what we differentiate by (active), which of those reach an
//     output (wanted), and for each of them who writes its adjoint first. The others cost nothing.
//
//  3. *Replay.* The recording is a template argument now, so a pack expansion over its steps is straight-line code: one
//     pass from first to last that computes values, one from last to first that computes adjoints. The arrays that hold
//     both are indexed by constants only, so they live in registers; no tape, no loop, no branch remains.
//
//         a3 = w;   a1 = a3;   a2 = a3;   a0 = a2 * cos(v0);   a0 += a1 * v0;   a0 += a1 * v0;
//
// All gradients together cost a small multiple of the formula itself, however many inputs and parameters it has; that
// is what makes reverse mode worth having. Run on dual numbers instead of plain ones, the replay gives second order.
//
// The parts are free functions over template constants because that is what g++ 12, clang 14 and nvcc all accept.
#pragma once
#include <cstddef>
#include <type_traits>
#include <utility>

#include <lumigrad/engine/symbol.h>

namespace lumigrad {

// ---- plan -----------------------------------------------------------------------------------------------------------

/// What the backward pass needs to know of each step.
struct Plan {
  bool active[max_steps] = {};  // depends on something we differentiate by
  bool wanted[max_steps] = {};  // active, and an output depends on it: it has an adjoint
  bool is_output[max_steps] = {};
  bool guarded[max_steps] = {};      // its slope may be infinite where a choice has set its adjoint to 0
  int first_reader[max_steps] = {};  // the step that writes its adjoint first: the last one that reads it
};

/// The operands of a step through which a derivative passes: a, b, c, except conditions and the bounds of a clamp.
constexpr int operand(const Step& s, int slot) {
  if (s.word == Word::input || s.word == Word::constant || s.word == Word::floor || is_condition(s.word)) return -1;
  if (s.word == Word::select && slot == 0) return -1;
  if (s.word == Word::clamp && slot > 0) return -1;
  return slot == 0 ? s.a : slot == 1 ? s.b : s.c;
}

constexpr bool picks(Word word) { return word == Word::select || (word >= Word::min && word <= Word::clamp); }

/// Marks the steps at which 0 times infinity must be 0. A choice hands adjoint 0 to the branch it does not take; if a
/// slope in there is infinite or not a number (a division by 0, the root of a negative number), their product would
/// poison the sum. So: slopes that can be non-finite for finite inputs, below a choice. Elsewhere nothing is spent.
constexpr void mark_guards(const FormulaRecord& r, Plan& plan) {
  bool wild[max_steps] = {}, below_choice[max_steps] = {};
  for (int i = 0; i < r.count; ++i) {
    const Step& s = r.step[i];
    bool a = s.a >= 0 && wild[s.a], b = s.b >= 0 && wild[s.b], c = s.c >= 0 && wild[s.c];
    if (s.word == Word::input || s.word == Word::constant || is_condition(s.word)) continue;
    const bool root_or_power = s.word == Word::sqrt || (s.word >= Word::cbrt && s.word <= Word::positive_pow);
    const bool divides = s.word == Word::div && r.step[s.b].word != Word::constant;
    wild[i] = a || b || c || root_or_power || divides;
    const bool product = (s.word == Word::mul || s.word == Word::fma || s.word == Word::hypot) && (a || b);
    const bool angle = s.word == Word::atan2 || ((s.word == Word::sin || s.word == Word::cos) && a);
    plan.guarded[i] = root_or_power || divides || product || angle;
  }
  for (int i = r.count - 1; i >= 0; --i) {
    plan.guarded[i] = plan.guarded[i] && below_choice[i];
    for (int slot = 0; slot < 3; ++slot) {
      const int from = operand(r.step[i], slot);
      if (from >= 0 && (below_choice[i] || picks(r.step[i].word))) below_choice[from] = true;
    }
  }
}

/// Differentiates by the first `variables` inputs of the recording.
constexpr Plan make_plan(const FormulaRecord& r, int variables, int outputs) {
  Plan plan;
  for (int i = 0; i < r.count; ++i) {
    const Step& s = r.step[i];
    plan.first_reader[i] = -1;
    plan.active[i] = s.word == Word::input && s.a < variables;
    for (int slot = 0; slot < 3; ++slot) {
      const int from = operand(s, slot);
      if (from >= 0 && plan.active[from]) plan.active[i] = true;
    }
  }
  for (int m = 0; m < outputs; ++m) plan.is_output[r.output[m]] = true;
  for (int i = r.count - 1; i >= 0; --i) {
    plan.wanted[i] = plan.active[i] && (plan.is_output[i] || plan.first_reader[i] >= 0);
    for (int slot = 0; slot < 3 && plan.wanted[i]; ++slot) {
      const int from = operand(r.step[i], slot);
      if (from >= 0 && plan.active[from] && plan.first_reader[from] < 0) plan.first_reader[from] = i;
    }
  }
  mark_guards(r, plan);
  return plan;
}

/// The recording of a formula and its plans, as constants.
template <class F>
struct Recorded {
  static constexpr FormulaRecord recording = record_formula<F>();
  static constexpr int steps = recording.count;
  static constexpr int inputs = inputs_of<F>, params = params_of<F>, outputs = outputs_of<F>;
};
template <class F, bool WithParams>
struct Planned : Recorded<F> {
  static constexpr Plan plan =
      make_plan(Recorded<F>::recording, inputs_of<F> + (WithParams ? params_of<F> : 0), outputs_of<F>);
};

/// Whether a formula computes, for every pixel, a function that takes a long polynomial. Functions of parameters alone
/// do not count: they are the same for all pixels.
template <class F>
inline constexpr bool transcendental = [] {
  bool varies[max_steps] = {};
  for (int i = 0; i < Recorded<F>::steps; ++i) {
    const Step s = Recorded<F>::recording.step[i];
    varies[i] = s.word == Word::input
                    ? s.a < Recorded<F>::inputs
                    : (s.a >= 0 && varies[s.a]) || (s.b >= 0 && varies[s.b]) || (s.c >= 0 && varies[s.c]);
    if (varies[i] && is_transcendental(s.word)) return true;
  }
  return false;
}();

// ---- replay: values, first to last ----------------------------------------------------------------------------------

template <class V>
using MaskOf = decltype(std::declval<V>() < std::declval<V>());

template <class R, int I, class V>
LUMIGRAD_HD void replay_value(V* v, MaskOf<V>* m, const V* x, const V* p) {
  constexpr Step s = R::recording.step[I];
  constexpr Word word = s.word;
  if constexpr (word == Word::input) {
    if constexpr (s.a < R::inputs) {
      v[I] = x[s.a];
    } else {
      v[I] = p[s.a - R::inputs];
    }
  } else if constexpr (word == Word::constant) {
    v[I] = V(s.constant);
  } else if constexpr (word == Word::add) {
    v[I] = v[s.a] + v[s.b];
  } else if constexpr (word == Word::sub) {
    v[I] = v[s.a] - v[s.b];
  } else if constexpr (word == Word::mul) {
    v[I] = v[s.a] * v[s.b];
  } else if constexpr (word == Word::div) {
    v[I] = v[s.a] / v[s.b];
  } else if constexpr (word == Word::neg) {
    v[I] = -v[s.a];
  } else if constexpr (word == Word::fma) {
    v[I] = fma(v[s.a], v[s.b], v[s.c]);
  } else if constexpr (word == Word::min) {
    v[I] = min(v[s.a], v[s.b]);
  } else if constexpr (word == Word::max) {
    v[I] = max(v[s.a], v[s.b]);
  } else if constexpr (word == Word::largest) {
    v[I] = largest(v[s.a], v[s.b], v[s.c]);
  } else if constexpr (word == Word::smallest) {
    v[I] = smallest(v[s.a], v[s.b], v[s.c]);
  } else if constexpr (word == Word::clamp) {
    v[I] = clamp(v[s.a], v[s.b], v[s.c]);
  } else if constexpr (word == Word::abs) {
    v[I] = abs(v[s.a]);
  } else if constexpr (word == Word::floor) {
    v[I] = floor(v[s.a]);
  } else if constexpr (word == Word::sqrt) {
    v[I] = sqrt(v[s.a]);
  } else if constexpr (word == Word::hypot) {
    v[I] = hypot(v[s.a], v[s.b]);
  } else if constexpr (word == Word::cbrt) {
    v[I] = cbrt(v[s.a]);
  } else if constexpr (word == Word::exp) {
    v[I] = exp(v[s.a]);
  } else if constexpr (word == Word::log) {
    v[I] = log(v[s.a]);
  } else if constexpr (word == Word::pow) {
    v[I] = pow(v[s.a], v[s.b]);
  } else if constexpr (word == Word::positive_pow) {
    v[I] = positive_pow(v[s.a], s.constant);
  } else if constexpr (word == Word::sin) {
    v[I] = sin(v[s.a]);
  } else if constexpr (word == Word::cos) {
    v[I] = cos(v[s.a]);
  } else if constexpr (word == Word::atan2) {
    v[I] = atan2(v[s.a], v[s.b]);
  } else if constexpr (word == Word::select) {
    v[I] = select(m[s.a], v[s.b], v[s.c]);
  } else if constexpr (word == Word::less) {
    m[I] = v[s.a] < v[s.b];
  } else if constexpr (word == Word::less_equal) {
    m[I] = v[s.a] <= v[s.b];
  } else if constexpr (word == Word::equal) {
    m[I] = v[s.a] == v[s.b];
  } else if constexpr (word == Word::both) {
    m[I] = m[s.a] & m[s.b];
  } else if constexpr (word == Word::either) {
    m[I] = m[s.a] | m[s.b];
  } else if constexpr (word == Word::negation) {
    m[I] = !m[s.a];
  } else {
    m[I] = V(s.constant) == V(1);
  }
}

// ---- replay: adjoints, last to first --------------------------------------------------------------------------------

/// True where reader I, through this operand slot, is the first to write the adjoint of `From`; later ones add to it.
template <class R, int I, int Slot, int From>
constexpr bool writes_first() {
  constexpr Step s = R::recording.step[I];
  for (int earlier = 0; earlier < Slot; ++earlier) {
    if (operand(s, earlier) == From) return false;
  }
  return !R::plan.is_output[From] && R::plan.first_reader[From] == I;
}

/// 0, and for a dual number 0 in every direction.
template <class V>
LUMIGRAD_HD auto is_zero(const V& a) {
  if constexpr (is_dual<V>) {
    auto zero = is_zero(a.value);
    for (const auto& tangent : a.tangent) zero = zero & is_zero(tangent);
    return zero;
  } else {
    return a == V(0);
  }
}

/// Adds a share to the adjoint of one operand, if anybody wants it.
template <class R, int I, int Slot, class V>
LUMIGRAD_HD void pass_share(V* adjoint, const V& share) {
  constexpr int from = operand(R::recording.step[I], Slot);
  if constexpr (R::plan.wanted[from]) {
    V guarded = share;
    if constexpr (R::plan.guarded[I]) guarded = select(is_zero(adjoint[I]), V(0), share);
    if constexpr (writes_first<R, I, Slot, from>()) {
      adjoint[from] = guarded;
    } else {
      adjoint[from] = adjoint[from] + guarded;
    }
  }
}

/// Hands `slope * adjoint of I` on to one operand.
template <class R, int I, int Slot, class V>
LUMIGRAD_HD void pass(V* adjoint, const V& slope) {
  constexpr int from = operand(R::recording.step[I], Slot);
  if constexpr (R::plan.wanted[from]) {
    if constexpr (R::plan.guarded[I] || writes_first<R, I, Slot, from>()) {
      pass_share<R, I, Slot>(adjoint, slope * adjoint[I]);
    } else {
      adjoint[from] = fma(slope, adjoint[I], adjoint[from]);
    }
  }
}

template <class R, int I, int Slot>
constexpr bool wants() {
  constexpr int from = operand(R::recording.step[I], Slot);
  if constexpr (from < 0) {
    return false;
  } else {
    return R::plan.wanted[from];
  }
}

template <class R, int I, class V>
LUMIGRAD_HD void replay_adjoint(const V* v, const MaskOf<V>* m, V* adjoint) {
  constexpr Step s = R::recording.step[I];
  constexpr Word word = s.word;
  if constexpr (!R::plan.wanted[I] || word == Word::input) {
    return;
  } else if constexpr (word == Word::add) {  // y = a + b
    pass_share<R, I, 0>(adjoint, adjoint[I]);
    pass_share<R, I, 1>(adjoint, adjoint[I]);
  } else if constexpr (word == Word::sub) {  // y = a - b
    pass_share<R, I, 0>(adjoint, adjoint[I]);
    pass_share<R, I, 1>(adjoint, -adjoint[I]);
  } else if constexpr (word == Word::mul) {  // y = a b
    pass<R, I, 0>(adjoint, v[s.b]);
    pass<R, I, 1>(adjoint, v[s.a]);
  } else if constexpr (word == Word::div) {  // y = a / b:  dy/da = 1 / b,  dy/db = -y / b
    const V share = adjoint[I] / v[s.b];
    pass_share<R, I, 0>(adjoint, share);
    pass_share<R, I, 1>(adjoint, -(share * v[I]));
  } else if constexpr (word == Word::neg) {
    pass_share<R, I, 0>(adjoint, -adjoint[I]);
  } else if constexpr (word == Word::fma) {  // y = a b + c
    pass<R, I, 0>(adjoint, v[s.b]);
    pass<R, I, 1>(adjoint, v[s.a]);
    pass_share<R, I, 2>(adjoint, adjoint[I]);
  } else if constexpr (word == Word::min || word == Word::max) {  // a tie goes to the first
    const auto second = word == Word::min ? v[s.b] < v[s.a] : v[s.b] > v[s.a];
    pass_share<R, I, 0>(adjoint, select(second, V(0), adjoint[I]));
    pass_share<R, I, 1>(adjoint, select(second, adjoint[I], V(0)));
  } else if constexpr (word == Word::largest || word == Word::smallest) {  // equals share
    const V share = shared_slope(v[I], v[s.a], v[s.b], v[s.c]) * adjoint[I];
    pass_share<R, I, 0>(adjoint, select(v[s.a] == v[I], share, V(0)));
    pass_share<R, I, 1>(adjoint, select(v[s.b] == v[I], share, V(0)));
    pass_share<R, I, 2>(adjoint, select(v[s.c] == v[I], share, V(0)));
  } else if constexpr (word == Word::clamp) {  // slope 1 on the closed interval
    pass_share<R, I, 0>(adjoint, select(v[I] == v[s.a], adjoint[I], V(0)));
  } else if constexpr (word == Word::abs) {
    pass_share<R, I, 0>(adjoint, select(v[s.a] > V(0), adjoint[I], select(v[s.a] < V(0), -adjoint[I], V(0))));
  } else if constexpr (word == Word::select) {
    pass_share<R, I, 1>(adjoint, select(m[s.a], adjoint[I], V(0)));
    pass_share<R, I, 2>(adjoint, select(m[s.a], V(0), adjoint[I]));
  } else if constexpr (word == Word::sqrt) {
    pass<R, I, 0>(adjoint, sqrt_slope(v[s.a], v[I]));
  } else if constexpr (word == Word::hypot) {
    if constexpr (wants<R, I, 0>()) pass<R, I, 0>(adjoint, hypot_slope(v[s.a], v[I]));
    if constexpr (wants<R, I, 1>()) pass<R, I, 1>(adjoint, hypot_slope(v[s.b], v[I]));
  } else if constexpr (word == Word::cbrt) {
    pass<R, I, 0>(adjoint, cbrt_slope(v[s.a], v[I]));
  } else if constexpr (word == Word::exp) {
    pass<R, I, 0>(adjoint, v[I]);
  } else if constexpr (word == Word::log) {
    pass_share<R, I, 0>(adjoint, adjoint[I] / v[s.a]);
  } else if constexpr (word == Word::sin) {
    pass<R, I, 0>(adjoint, cos(v[s.a]));
  } else if constexpr (word == Word::cos) {
    pass<R, I, 0>(adjoint, -sin(v[s.a]));
  } else if constexpr (word == Word::pow) {
    if constexpr (wants<R, I, 0>()) pass<R, I, 0>(adjoint, pow_slope(v[s.a], v[s.b], v[I]));
    if constexpr (wants<R, I, 1>()) pass<R, I, 1>(adjoint, pow_exponent_slope(v[s.a], v[s.b], v[I]));
  } else if constexpr (word == Word::positive_pow) {
    pass<R, I, 0>(adjoint, positive_pow_slope(v[s.a], s.constant, v[I]));
  } else if constexpr (word == Word::atan2) {
    if constexpr (wants<R, I, 0>()) pass<R, I, 0>(adjoint, atan2_slope(v[s.b], v[s.a], v[s.b]));
    if constexpr (wants<R, I, 1>()) pass<R, I, 1>(adjoint, -atan2_slope(v[s.a], v[s.a], v[s.b]));
  }
}

// A step number as a template constant: device code may not index the member array at run time.
template <class R, int M>
struct OutputStep {
  static constexpr int value = R::recording.output[M];
  static constexpr bool wanted = R::plan.wanted[value];
};

template <class R, int M, class V>
LUMIGRAD_HD void seed_output(V* adjoint, const V* w) {
  using Output = OutputStep<R, M>;
  if constexpr (Output::wanted) {
    constexpr bool again = [] {
      for (int earlier = 0; earlier < M; ++earlier) {
        if (R::recording.output[earlier] == Output::value) return true;
      }
      return false;
    }();
    if constexpr (again) {
      adjoint[Output::value] = adjoint[Output::value] + w[M];
    } else {
      adjoint[Output::value] = w[M];
    }
  }
}

template <class R, int I, class V>
LUMIGRAD_HD void take_gradient(const V* adjoint, V* g) {
  *g = V(0);
  if constexpr (R::plan.wanted[I]) *g = adjoint[I];
}

template <class R, class V, int... I, int... M, int... X, int... P>
LUMIGRAD_HD void replay(const V* x, const V* p, const V* w, V* gx, [[maybe_unused]] V* gp, V* y,
                        std::integer_sequence<int, I...>, std::integer_sequence<int, M...>,
                        std::integer_sequence<int, X...>, std::integer_sequence<int, P...>) {
  V v[R::steps], adjoint[R::steps];
  MaskOf<V> m[R::steps];
  (replay_value<R, I>(v, m, x, p), ...);
  if (y) ((y[M] = v[OutputStep<R, M>::value]), ...);
  (seed_output<R, M>(adjoint, w), ...);
  (replay_adjoint<R, R::steps - 1 - I>(v, m, adjoint), ...);
  (take_gradient<R, X>(adjoint, gx + X), ...);
  (take_gradient<R, R::inputs + P>(adjoint, gp + P), ...);
}

/// gx = w' df/dx, with `WithParams` also gp = w' df/dp, and if y is given the outputs themselves.
template <class F, bool WithParams, class V>
LUMIGRAD_HD void recorded_vjp(const V* x, const V* p, const V* w, V* gx, V* gp, V* y = nullptr) {
  using R = Planned<F, WithParams>;
  replay<R>(x, p, w, gx, gp, y, std::make_integer_sequence<int, R::steps>(),
            std::make_integer_sequence<int, R::outputs>(), std::make_integer_sequence<int, R::inputs>(),
            std::make_integer_sequence < int, WithParams ? R::params : 0 > ());
}

}  // namespace lumigrad
