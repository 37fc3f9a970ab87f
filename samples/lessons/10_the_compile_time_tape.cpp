// SPDX-License-Identifier: Apache-2.0
// Lesson 10: the compile-time tape. The record of lesson 2, made and swept by the compiler.
//
// A tape costs memory and branches while a program runs. A formula is so small that its record can be made before: call
// it once inside a constant expression with numbers that only take notes, keep the notes as a template constant, and
// let templates walk them backwards. What is left in the program is straight-line arithmetic.
//
// Break it: `lesson_10 --broken` runs a second sweep whose product rule hands each factor its own value instead of the
// other's. For x * x nobody would notice.
#include <lumigrad/engine/recorded.h>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace lesson {
LUMIGRAD_WORDS;

void must(bool ok, const char* what) {
  if (ok) return;
  std::printf("WRONG: %s\n", what);
  std::exit(1);
}

// ---- the whole idea in fifty lines ----------------------------------------------------------------------------------

enum class Does { input, add, mul, sin };
struct Step {
  Does does = Does::input;
  int a = -1, b = -1;
};
struct Notes {
  Step step[32];
  int count = 0;
};

// A number that computes nothing. It knows where it stands in the notes.
struct Noted {
  Notes* notes;
  int line;
};
constexpr Noted note(Notes* notes, Step step) {
  notes->step[notes->count] = step;
  return {notes, notes->count++};
}
constexpr Noted operator+(Noted a, Noted b) { return note(a.notes, {Does::add, a.line, b.line}); }
constexpr Noted operator*(Noted a, Noted b) { return note(a.notes, {Does::mul, a.line, b.line}); }
constexpr Noted sin(Noted a) { return note(a.notes, {Does::sin, a.line}); }

// The formula: for any kind of number.
struct Wave {
  template <class V>
  LUMIGRAD_HD V operator()(V x, V y) const {
    return x * y + sin(x * x);
  }
};

template <class F>
constexpr Notes notes_of() {
  Notes notes;
  const Noted x = note(&notes, {}), y = note(&notes, {});
  F{}(x, y);
  return notes;
}

// The notes are a constant now; so is everything that is asked of them.
constexpr Notes wave = notes_of<Wave>();
static_assert(wave.count == 6 && wave.step[2].does == Does::mul && wave.step[5].does == Does::add);

template <int I>
void forward_step(double* v) {
  constexpr Step s = wave.step[I];  // `if constexpr`: only one of these lines is left in the program
  if constexpr (s.does == Does::add) v[I] = v[s.a] + v[s.b];
  if constexpr (s.does == Does::mul) v[I] = v[s.a] * v[s.b];
  if constexpr (s.does == Does::sin) v[I] = std::sin(v[s.a]);
}
template <int I, bool Broken>
void backward_step(const double* v, double* g) {
  constexpr Step s = wave.step[I];
  if constexpr (s.does == Does::add) g[s.a] += g[I], g[s.b] += g[I];
  if constexpr (s.does == Does::mul) g[s.a] += g[I] * v[Broken ? s.a : s.b], g[s.b] += g[I] * v[Broken ? s.b : s.a];
  if constexpr (s.does == Does::sin) g[s.a] += g[I] * std::cos(v[s.a]);
}
template <bool Broken, int... I>
void sweep(double* v, double* g, std::integer_sequence<int, I...>) {
  (forward_step<I>(v), ...);
  g[wave.count - 1] = 1;
  (backward_step<wave.count - 1 - I, Broken>(v, g), ...);
}

// What the library makes of the same formula.
constexpr auto& recording = lumigrad::Recorded<Wave>::recording;
static_assert(recording.count == 6, "the same six lines, at compile time");

int main(bool broken) {
  double v[wave.count] = {0.7, -0.4}, g[wave.count] = {};
  const auto steps = std::make_integer_sequence<int, wave.count>();
  broken ? sweep<true>(v, g, steps) : sweep<false>(v, g, steps);
  std::printf("by hand: value %.9f, slopes %.9f %.9f, from %d lines that cost nothing\n", v[wave.count - 1], g[0], g[1],
              wave.count);

  const auto wave_at = [](double x, double y) { return x * y + std::sin(x * x); };
  const double h = 1e-6, in_x = (wave_at(0.7 + h, -0.4) - wave_at(0.7 - h, -0.4)) / (2 * h),
               in_y = (wave_at(0.7, -0.4 + h) - wave_at(0.7, -0.4 - h)) / (2 * h);
  std::printf("differences say             %.9f %.9f\n", in_x, in_y);
  must(std::abs(g[0] - in_x) < 1e-8 && std::abs(g[1] - in_y) < 1e-8, "the slopes of the wave");

  const double x[] = {0.7, -0.4}, w[] = {1};
  double gx[2];
  lumigrad::recorded_vjp<Wave, false, double>(x, nullptr, w, gx, nullptr);
  std::printf("lumigrad: slopes %.9f %.9f\n", gx[0], gx[1]);
  must(std::abs(gx[0] - g[0]) < 1e-15 && std::abs(gx[1] - g[1]) < 1e-15, "the library's compiler-run tape agrees");
  std::puts("engine/recorded.h is this with every word of math.h; every pixel operator's gradient is made that way.");
  return 0;
}

}  // namespace lesson

int main(int, char** argv) { return lesson::main(argv[1] && std::string_view(argv[1]) == "--broken"); }
