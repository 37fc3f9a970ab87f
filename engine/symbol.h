// SPDX-License-Identifier: Apache-2.0
// The number type that computes nothing and writes everything down.
//
// Called with Symbols, a formula leaves a `FormulaRecord` of itself: the list of its operations, each with the numbers
// of the steps it reads. This happens inside a constant expression, so the recording is known before the program runs.
// recorded.h differentiates it. Constants are folded, equal steps are recorded once, x * 1 and x + 0 not at all,
// and steps that no output needs are dropped.
#pragma once
#include <type_traits>

#include <lumigrad/engine/formula.h>

namespace lumigrad {

/// The words of math.h, as the recording knows them. `greater(a, b)` is recorded as `less(b, a)`.
enum class Word {
  input,
  constant,
  add,
  sub,
  mul,
  div,
  neg,
  fma,
  min,
  max,
  largest,
  smallest,
  clamp,
  abs,
  floor,
  sqrt,
  hypot,
  cbrt,
  exp,
  log,
  pow,
  positive_pow,
  sin,
  cos,
  atan2,
  select,  // the last one that is a number
  less,
  less_equal,
  equal,
  both,
  either,
  negation,
  always  // these are conditions
};

constexpr bool is_condition(Word word) { return word > Word::select; }
constexpr bool is_transcendental(Word word) { return (word >= Word::cbrt && word <= Word::atan2); }

/// One recorded operation: its word and the numbers of the steps it reads (-1: none).
struct Step {
  Word word = Word::constant;
  int a = -1, b = -1, c = -1;
  double constant = 0;

  constexpr bool operator==(const Step& s) const {
    return word == s.word && a == s.a && b == s.b && c == s.c && constant == s.constant;
  }
};

inline constexpr int max_steps = 400;

// Called, and therefore refused by the compiler with this name in the message, when a formula cannot be recorded.
inline void lumigrad_formula_has_more_than_400_steps() {}
inline void lumigrad_formula_applies_a_function_to_constants_only_write_the_result_as_a_constant() {}

/// What a formula does, step by step. Inputs come first, then parameters.
struct FormulaRecord {
  Step step[max_steps] = {};
  int count = 0;
  int output[16] = {};

  constexpr int add(const Step& s) {
    for (int i = 0; i < count; ++i) {
      if (s.word != Word::input && step[i] == s) return i;
    }
    if (count == max_steps) lumigrad_formula_has_more_than_400_steps();
    step[count] = s;
    return count++;
  }
};

/// A condition inside a formula that is being recorded.
struct SymbolMask {
  FormulaRecord* recording = nullptr;
  int id = -1;
  bool known = false;  // the value, when the condition is between constants (no recording)

  template <class B>
  explicit constexpr operator B() const {
    static_assert(sizeof(B) == 0, "lumigrad: a formula may not branch on data; write select(condition, a, b)");
    return B();
  }
  constexpr int in(FormulaRecord* r) const {
    return recording ? id : r->add({Word::always, -1, -1, -1, known ? 1.0 : 0.0});
  }

  friend constexpr SymbolMask operator!(const SymbolMask& m) {
    if (!m.recording) return {nullptr, -1, !m.known};
    return {m.recording, m.recording->add({Word::negation, m.id})};
  }
  friend constexpr SymbolMask operator&(const SymbolMask& a, const SymbolMask& b) {
    if (!a.recording) return a.known ? b : a;
    if (!b.recording) return b.known ? a : b;
    return {a.recording, a.recording->add({Word::both, a.id, b.id})};
  }
  friend constexpr SymbolMask operator|(const SymbolMask& a, const SymbolMask& b) {
    if (!a.recording) return a.known ? a : b;
    if (!b.recording) return b.known ? b : a;
    return {a.recording, a.recording->add({Word::either, a.id, b.id})};
  }
};

/// The number type with which a formula is recorded: a step of a recording, or a constant not yet part of one.
struct Symbol {
  FormulaRecord* recording = nullptr;
  int id = -1;
  double constant = 0;

  constexpr Symbol() = default;
  constexpr Symbol(FormulaRecord* r, int id) : recording(r), id(id) {}
  template <class S, std::enable_if_t<std::is_integral_v<S>, int> = 0>
  constexpr Symbol(S s) : constant(static_cast<double>(s)) {}
  template <class S, std::enable_if_t<std::is_floating_point_v<S>, long> = 0>
  explicit constexpr Symbol(S s) : constant(static_cast<double>(s)) {}

  constexpr int in(FormulaRecord* r) const { return recording ? id : r->add({Word::constant, -1, -1, -1, constant}); }
  constexpr bool is(double value) const { return !recording && constant == value; }

  static constexpr Symbol record(Word word, const Symbol& a) {
    if (!a.recording) lumigrad_formula_applies_a_function_to_constants_only_write_the_result_as_a_constant();
    return {a.recording, a.recording->add({word, a.id})};
  }
  static constexpr Symbol record(Word word, const Symbol& a, const Symbol& b) {
    FormulaRecord* r = a.recording ? a.recording : b.recording;
    if (!r) lumigrad_formula_applies_a_function_to_constants_only_write_the_result_as_a_constant();
    const int ia = a.in(r), ib = b.in(r);
    return {r, r->add({word, ia, ib})};
  }
  static constexpr SymbolMask compare(Word word, const Symbol& a, const Symbol& b) {
    if (a.recording || b.recording) {
      const Symbol s = record(word, a, b);
      return {s.recording, s.id};
    }
    const double x = a.constant, y = b.constant;
    return {nullptr, -1, word == Word::less ? x < y : word == Word::less_equal ? x <= y : x == y};
  }

  friend constexpr Symbol operator+(const Symbol& a, const Symbol& b) {
    if (!a.recording && !b.recording) return Symbol(a.constant + b.constant);
    return a.is(0) ? b : b.is(0) ? a : record(Word::add, a, b);
  }
  friend constexpr Symbol operator-(const Symbol& a, const Symbol& b) {
    if (!a.recording && !b.recording) return Symbol(a.constant - b.constant);
    return b.is(0) ? a : record(Word::sub, a, b);
  }
  friend constexpr Symbol operator*(const Symbol& a, const Symbol& b) {
    if (!a.recording && !b.recording) return Symbol(a.constant * b.constant);
    return a.is(1) ? b : b.is(1) ? a : record(Word::mul, a, b);
  }
  friend constexpr Symbol operator/(const Symbol& a, const Symbol& b) {
    if (!a.recording && !b.recording) return Symbol(a.constant / b.constant);
    return b.is(1) ? a : record(Word::div, a, b);
  }
  friend constexpr Symbol operator-(const Symbol& a) {
    return a.recording ? record(Word::neg, a) : Symbol(-a.constant);
  }
  friend constexpr Symbol& operator+=(Symbol& a, const Symbol& b) { return a = a + b; }
  friend constexpr Symbol& operator-=(Symbol& a, const Symbol& b) { return a = a - b; }
  friend constexpr Symbol& operator*=(Symbol& a, const Symbol& b) { return a = a * b; }
  friend constexpr Symbol& operator/=(Symbol& a, const Symbol& b) { return a = a / b; }

  friend constexpr SymbolMask operator<(const Symbol& a, const Symbol& b) { return compare(Word::less, a, b); }
  friend constexpr SymbolMask operator>(const Symbol& a, const Symbol& b) { return compare(Word::less, b, a); }
  friend constexpr SymbolMask operator<=(const Symbol& a, const Symbol& b) { return compare(Word::less_equal, a, b); }
  friend constexpr SymbolMask operator>=(const Symbol& a, const Symbol& b) { return compare(Word::less_equal, b, a); }
  friend constexpr SymbolMask operator==(const Symbol& a, const Symbol& b) { return compare(Word::equal, a, b); }
  friend constexpr SymbolMask operator!=(const Symbol& a, const Symbol& b) { return !(a == b); }

  friend constexpr Symbol select(const SymbolMask& m, const Symbol& a, const Symbol& b) {
    if (!m.recording) return m.known ? a : b;
    const int ia = a.in(m.recording), ib = b.in(m.recording);
    return ia == ib ? Symbol(m.recording, ia) : Symbol(m.recording, m.recording->add({Word::select, m.id, ia, ib}));
  }
  friend constexpr Symbol max(const Symbol& a, const Symbol& b) {
    if (!a.recording && !b.recording) return b.constant > a.constant ? b : a;
    return record(Word::max, a, b);
  }
  friend constexpr Symbol min(const Symbol& a, const Symbol& b) {
    if (!a.recording && !b.recording) return b.constant < a.constant ? b : a;
    return record(Word::min, a, b);
  }
  friend constexpr Symbol largest(const Symbol& a, const Symbol& b, const Symbol& c) {
    FormulaRecord* r = a.recording ? a.recording : b.recording ? b.recording : c.recording;
    if (!r) return max(max(a, b), c);
    const int ia = a.in(r), ib = b.in(r), ic = c.in(r);
    return {r, r->add({Word::largest, ia, ib, ic})};
  }
  friend constexpr Symbol smallest(const Symbol& a, const Symbol& b, const Symbol& c) {
    FormulaRecord* r = a.recording ? a.recording : b.recording ? b.recording : c.recording;
    if (!r) return min(min(a, b), c);
    const int ia = a.in(r), ib = b.in(r), ic = c.in(r);
    return {r, r->add({Word::smallest, ia, ib, ic})};
  }
  friend constexpr Symbol clamp(const Symbol& x, const Symbol& lo, const Symbol& hi) {
    if (!x.recording || lo.recording || hi.recording || !(lo.constant <= hi.constant)) return min(max(x, lo), hi);
    const int il = lo.in(x.recording), ih = hi.in(x.recording);
    return {x.recording, x.recording->add({Word::clamp, x.id, il, ih})};
  }
  friend constexpr Symbol fma(const Symbol& a, const Symbol& b, const Symbol& c) {
    FormulaRecord* r = a.recording ? a.recording : b.recording ? b.recording : c.recording;
    if (!r || (!a.recording && !b.recording)) return a * b + c;
    const int ia = a.in(r), ib = b.in(r), ic = c.in(r);
    return {r, r->add({Word::fma, ia, ib, ic})};
  }
  friend constexpr Symbol abs(const Symbol& a) {
    return a.recording ? record(Word::abs, a) : Symbol(a.constant < 0 ? -a.constant : a.constant);
  }
  friend constexpr Symbol floor(const Symbol& a) { return record(Word::floor, a); }
  friend constexpr Symbol sqrt(const Symbol& a) { return record(Word::sqrt, a); }
  friend constexpr Symbol cbrt(const Symbol& a) { return record(Word::cbrt, a); }
  friend constexpr Symbol exp(const Symbol& a) { return record(Word::exp, a); }
  friend constexpr Symbol log(const Symbol& a) { return record(Word::log, a); }
  friend constexpr Symbol sin(const Symbol& a) { return record(Word::sin, a); }
  friend constexpr Symbol cos(const Symbol& a) { return record(Word::cos, a); }
  friend constexpr Symbol pow(const Symbol& x, const Symbol& p) { return p.is(1) ? x : record(Word::pow, x, p); }
  friend constexpr Symbol positive_pow(const Symbol& x, double p) {
    if (!x.recording) lumigrad_formula_applies_a_function_to_constants_only_write_the_result_as_a_constant();
    return {x.recording, x.recording->add({Word::positive_pow, x.id, -1, -1, p})};
  }
  friend constexpr Symbol hypot(const Symbol& x, const Symbol& y) { return record(Word::hypot, x, y); }
  friend constexpr Symbol atan2(const Symbol& y, const Symbol& x) { return record(Word::atan2, y, x); }
};

/// The recording without the steps that no output needs (a branch that a constant condition never takes).
constexpr FormulaRecord without_dead_steps(const FormulaRecord& r, int inputs, int outputs) {
  bool needed[max_steps] = {};
  int renamed[max_steps] = {};
  for (int m = 0; m < outputs; ++m) needed[r.output[m]] = true;
  for (int i = r.count - 1; i >= 0; --i) {
    if (!needed[i] || r.step[i].word == Word::input) continue;
    const int from[3] = {r.step[i].a, r.step[i].b, r.step[i].c};
    for (int k = 0; k < 3; ++k) {
      if (from[k] >= 0) needed[from[k]] = true;
    }
  }
  FormulaRecord kept;
  for (int i = 0; i < r.count; ++i) {
    if (!needed[i] && i >= inputs) continue;
    Step s = r.step[i];
    if (s.word != Word::input) {
      s.a = s.a < 0 ? -1 : renamed[s.a];
      s.b = s.b < 0 ? -1 : renamed[s.b];
      s.c = s.c < 0 ? -1 : renamed[s.c];
    }
    renamed[i] = kept.count;
    kept.step[kept.count++] = s;
  }
  for (int m = 0; m < outputs; ++m) kept.output[m] = renamed[r.output[m]];
  return kept;
}

/// Runs the formula once on symbols.
template <class F>
constexpr FormulaRecord record_formula() {
  FormulaRecord r;
  Symbol x[inputs_of<F>], p[params_of<F> + 1];
  for (int i = 0; i < inputs_of<F>; ++i) x[i] = Symbol(&r, r.add({Word::input, i}));
  for (int k = 0; k < params_of<F>; ++k) p[k] = Symbol(&r, r.add({Word::input, inputs_of<F> + k}));
  const auto y = forward<F>(x, p);
  for (int m = 0; m < outputs_of<F>; ++m) r.output[m] = y[m].in(&r);
  return without_dead_steps(r, inputs_of<F> + params_of<F>, outputs_of<F>);
}

}  // namespace lumigrad
