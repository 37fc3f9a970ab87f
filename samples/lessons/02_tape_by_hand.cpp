// SPDX-License-Identifier: Apache-2.0
// Lesson 2: a tape by hand. A thousand inputs, one result, all thousand slopes in one go.
//
// Dual numbers push one direction forwards at a time. When a single number at the end (a loss) is to be understood in
// terms of everything that went in, it is cheaper to go backwards: write down each step while computing, then walk
// the notes from the last line to the first, and at each line ask "how much did the result care about this value?".
#include <lumigrad/engine/inspect.h>
#include <lumigrad/engine/ops.h>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

void must(bool ok, const char* what) {
  if (ok) return;
  std::printf("WRONG: %s\n", what);
  std::exit(1);
}

// ---- the whole idea in thirty lines ---------------------------------------------------------------------------------

// One line of the notes: which (at most two) earlier lines it was computed from, and the local slope toward each.
struct Line {
  int from[2] = {-1, -1};
  double slope[2] = {0, 0};
};
std::vector<Line> notes;

struct Number {
  double value;
  int line;
};
Number written(double value, Line line) {
  notes.push_back(line);
  return {value, static_cast<int>(notes.size()) - 1};
}
Number input(double value) { return written(value, {}); }
// d(a + b) = da + db
Number operator+(Number a, Number b) { return written(a.value + b.value, {{a.line, b.line}, {1, 1}}); }
// d(a b) = b da + a db
Number operator*(Number a, Number b) { return written(a.value * b.value, {{a.line, b.line}, {b.value, a.value}}); }
// d(tanh a) = (1 - tanh^2 a) da
Number tanh(Number a) {
  const double t = std::tanh(a.value);
  return written(t, {{a.line, -1}, {1 - t * t, 0}});
}

// The sweep. `cares[k]` is how much the result changes when line k does. A line is reached only after every line that
// used it, since those stand further down; so its sum is complete when its turn comes.
std::vector<double> sweep(Number result) {
  std::vector<double> cares(notes.size());
  cares[static_cast<std::size_t>(result.line)] = 1;
  for (std::size_t k = notes.size(); k-- > 0;)
    for (int i = 0; i < 2; ++i)
      if (notes[k].from[i] >= 0) cares[static_cast<std::size_t>(notes[k].from[i])] += notes[k].slope[i] * cares[k];
  return cares;
}

// ---- and the same with lumigrad -------------------------------------------------------------------------------------

void compare() {
  const Number x = input(0.5), w = input(-1.5), b = input(0.25);
  const Number hidden = tanh(w * x + b);
  const Number loss = hidden * hidden + x * hidden;  // hidden is used twice: two slopes meet there and are added
  const std::vector<double> cares = sweep(loss);
  std::printf("by hand:   loss %.6f, slopes %.6f %.6f %.6f, from %zu lines of notes\n", loss.value, cares[0], cares[1],
              cares[2], notes.size());

  using namespace lumigrad;
  Tensor tx = Tensor(0.5).requires_grad().named("x"), tw = Tensor(-1.5).requires_grad().named("w"),
         tb = Tensor(0.25).requires_grad().named("b");
  const Tensor th = tanh(tw * tx + tb).named("hidden");
  const Tensor tl = (th * th + tx * th).named("loss");
  const std::string text = to_text(Tape({tl}));
  tl.backward();
  std::printf("lumigrad:  loss %.6f, slopes %.6f %.6f %.6f, and its notes read\n\n%s\n", tl.item(), tx.grad().item(),
              tw.grad().item(), tb.grad().item(), text.c_str());
  const Tensor leaves[] = {tx, tw, tb};
  for (std::size_t k = 0; k < 3; ++k) must(std::abs(leaves[k].grad().item() - cares[k]) < 1e-14, "same slopes");
  must(Tape({tl}).size() == notes.size(), "same number of notes");
}

// Why backwards pays: x doubled forty times is used along 2^40 paths, yet there are only forty lines to visit.
void many_paths() {
  notes.clear();
  const Number x = input(1);
  Number y = x;
  for (int i = 0; i < 40; ++i) y = y + y;
  const double slope = sweep(y)[0];
  std::printf("2^40 = %.0f paths, %zu lines, one sweep\n", slope, notes.size());
  must(slope == std::pow(2.0, 40), "each line is visited once");
}

}  // namespace

int main() {
  compare();
  many_paths();
  std::puts("lumigrad's tape is this one, except that a line holds a whole tensor (engine/tape.h). Lesson 3 uses it.");
}
